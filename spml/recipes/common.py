"""What the recipes share: the order of the method's stages."""

from dataclasses import replace

from spml.recipes.blocks import pseudo_label_stage, segment_stage, train_stage
from spml.recipes.outside import Input
from spml.recipes.plan import Plan, Source, infer_command, score_command
from spml.recipes.stage_keys import second_plan
from spml.recipes.stages import Command, Places, Recipe, Row, Stage


def cam_stages(plan: Plan, tags: Source) -> list[Stage]:
    """Class activation maps of the training images from their tags alone; `own_cams` says where they are."""
    keys, config = ("dataset.tags_file", tags.path), plan.cam_config
    network = train_stage(plan, "cam_network", "train_cam", config, plan.train_list, None, tags.after, keys)
    command = infer_command(plan, "cam", config, "cam_network", plan.train_list, f"{plan.out}/cams")
    maps = Stage(
        name="cams",
        commands=(replace(command, keys=(*command.keys, *keys)),),
        writes=(f"{plan.out}/cams",),
        after=(*plan.data_stages, "cam_network", *tags.after),
        reads=plan.listed(plan.train_list),
    )
    return [network, maps]


def own_cams(plan: Plan) -> Source:
    """Where `cam_stages` writes the class activation maps."""
    return Source(f"{plan.out}/cams", ("cams",))


def seed_stage(plan: Plan, cams: Source, flags: tuple[str, ...], reads: tuple[Input, ...] = ()) -> Stage:
    """Seed labels from class activation maps, within the boxes of --box_dir where it is given."""
    command = Command("pyscripts/data/cam_seeds.py", ("--cam_dir", cams.path, *flags))
    return scored_seeds(plan, command, cams.after, (*cams.reads, *reads))


def scored_seeds(plan: Plan, command: Command, after: tuple[str, ...] = (), reads: tuple[Input, ...] = ()) -> Stage:
    """Seed labels by a command of pyscripts/data, and their score."""
    folder = f"{plan.out}/pseudo/seeds"
    where = ("--save_dir", f"{folder}/semantic_gray", "--skip_existing")
    return Stage(
        name="seeds",
        commands=(
            replace(command, flags=(*where, *command.flags)),
            score_command(plan, "pseudo_seeds", folder, plan.train_list),
        ),
        writes=(folder, f"{plan.out}/scores/pseudo_seeds.json"),
        after=(*plan.data_stages, *after),
        reads=(*plan.listed(plan.train_list), *plan.true_masks(), *reads),
        rows=(Row("pseudo_seeds", "training images: seeds"),),
    )


def with_seeds(plan: Plan) -> Plan:
    """The plan with the masks of `seed_stage` as weak labels."""
    return replace(plan, weak=plan.masks("seeds", "seeds"))


def weak_flags(plan: Plan) -> tuple[tuple[str, ...], tuple[Source, ...]]:
    """Flags and sources of the masks that replace the weak labels."""
    return ((), ()) if plan.weak is None else (("--semantic_dir", plan.weak.path), (plan.weak,))


def from_weak_labels(plan: Plan) -> list[Stage]:
    """Boxes, scribbles, points: soft-max random walk + CRF makes the pseudo labels (paper, section 4)."""
    script, row = "pseudo_softmaxrw_crf", "training images: pseudo labels, soft-max walk + CRF"
    weak = weak_flags(plan)
    return [
        *embedding_stages(plan),
        pseudo_label_stage(plan, "pseudo_labels", "softmaxrw", script, plan.config, "embedding", *weak, row),
        classifier_stage(plan, "classifier", plan.masks("pseudo_labels", "softmaxrw")),
        *final_stages(plan),
    ]


def from_parts(plan: Plan) -> list[Stage]:
    """DensePose points: nearest labelled segments, random walk + CRF make the pseudo labels."""
    script, row = "pseudo_denseposerw_crf", "training images: pseudo labels, nearest points walk + CRF"
    flags = ("--kmeans_num_clusters", plan.grid)
    return [
        *embedding_stages(plan),
        pseudo_label_stage(plan, "pseudo_labels", "denseposerw", script, plan.config, "embedding", flags, (), row),
        classifier_stage(plan, "classifier", plan.masks("pseudo_labels", "denseposerw")),
        *final_stages(plan),
    ]


def from_tags(plan: Plan, cams: Source) -> list[Stage]:
    """Tags: CAM random walk + CRF, retrieval pseudo labels, classifier; then once more from its own pseudo labels."""
    given, weak = weak_flags(plan)
    cam_walk = ("pseudo_camrw_crf", plan.config, "embedding", ("--cam_dir", cams.path), (cams,))
    second = second_plan(plan)
    own_walk = ("pseudo_softmax", second.classifier, "classifier_1", given, weak)
    own_row = "training images: soft-max walk of the first classifier"
    return [
        *embedding_stages(plan),
        pseudo_label_stage(plan, "camrw", "camrw", *cam_walk, "training images: CAM walk + CRF"),
        *retrieval_stages(plan, plan.masks("camrw", "camrw"), "retrieved", "pseudo labels, retrieved"),
        classifier_stage(plan, "classifier_1", plan.masks("retrieved", "retrieved")),
        pseudo_label_stage(second, "softmax_labels", "softmax", *own_walk, own_row),
        *retrieval_stages(plan, plan.masks("softmax_labels", "softmax"), "retrieved_2", "pseudo labels, second round"),
        classifier_stage(plan, "classifier", plan.masks("retrieved_2", "retrieved_2")),
        *final_stages(plan),
    ]


def retrieval_stages(plan: Plan, labels: Source, name: str, what: str) -> list[Stage]:
    """Prototypes that the masks `labels` name, and pseudo labels `name` by retrieval from them."""
    folder, grid = f"{plan.out}/prototypes_{name}", ("--kmeans_num_clusters", plan.grid)
    command = infer_command(plan, "prototype_msc", plan.config, "embedding", plan.train_list, folder)
    prototypes = Stage(
        name=f"prototypes_{name}",
        commands=(replace(command, flags=(*command.flags, *grid, "--semantic_dir", labels.path)),),
        writes=(folder,),
        after=(*plan.data_stages, "embedding", *labels.after),
        reads=plan.listed(plan.train_list),
    )
    given, weak = weak_flags(plan)
    memory = Source(f"{folder}/semantic_prototype", (prototypes.name,))
    flags = (*grid, "--semantic_memory_dir", memory.path, *given)
    script, row = "pseudo_inference_crf_msc", f"training images: {what}"
    masks = pseudo_label_stage(plan, name, name, script, plan.config, "embedding", flags, (memory, *weak), row)
    return [prototypes, masks]


def embedding_stages(plan: Plan) -> list[Stage]:
    """The embedding, and how good it could be: prototypes labelled by the truth; and its own classifier."""
    folder, grid = f"{plan.out}/prototypes", ("--kmeans_num_clusters", plan.grid)
    command = infer_command(plan, "prototype", plan.config, "embedding", plan.truth_list, folder)
    prototypes = Stage(
        name="prototypes",
        commands=(replace(command, flags=(*command.flags, *grid)),),
        writes=(folder,),
        after=(*plan.data_stages, "embedding"),
        reads=plan.listed(plan.truth_list),
    )
    # The classifier's row stands before that of the diagnosis, which is run first.
    rows = (
        Row("softmax", "stage 1, classifier beside the embedding"),
        Row("retrieval", "stage 1, retrieval (a diagnosis: full masks name the prototypes)"),
    )
    return [
        train_stage(plan, "embedding", plan.train_script, plan.config, plan.train_list, plan.weak),
        prototypes,
        retrieval_masks(plan, "retrieval", "inference"),
        segment_stage(plan, "softmax", "inference_softmax", plan.config, "embedding", rows=rows),
    ]


def retrieval_masks(plan: Plan, name: str, script: str, rows: tuple[Row, ...] = ()) -> Stage:
    """Masks of the validation images by retrieval from the prototypes of stage `prototypes`."""
    memory = ("--semantic_memory_dir", f"{plan.out}/prototypes/semantic_prototype")
    flags = ("--kmeans_num_clusters", plan.grid, *memory)
    return segment_stage(plan, name, script, plan.config, "embedding", flags, ("prototypes",), rows)


def classifier_stage(plan: Plan, name: str, labels: Source) -> Stage:
    """Stage 2 on pseudo labels: a classifier on the frozen embedding of stage `embedding`, or all of it trained on."""
    plan, keys = second_plan(plan), ("network.pretrained", f"{plan.out}/embedding")
    script = plan.classifier_script
    return train_stage(plan, name, script, plan.classifier, plan.train_list, labels, ("embedding",), keys)


def final_stages(plan: Plan) -> list[Stage]:
    """Masks of the last classifier: single scale; multi-scale and flip, with and without CRF in one run."""
    plan = second_plan(plan)
    what = {"": "single scale", "_msc": "multi-scale + flip", "_msc_crf": "multi-scale + flip + CRF"}
    single, *both = (Row(f"final{ending}", f"final classifier, {text}") for ending, text in what.items())
    script, given = "inference_softmax_crf_msc", (plan.classifier, "classifier")
    return [
        segment_stage(plan, "final", "inference_softmax", *given, rows=(single,)),
        segment_stage(plan, "final_msc_crf", script, *given, rows=tuple(both), unrefined="final_msc"),
    ]


def only_final(stages: list[Stage]) -> list[Stage]:
    """The final stages and those that always run; what they build on is needed complete, the rest is left out."""
    chosen = [s for s in stages if s.always or s.name.startswith("final")]
    needed, waiting = set(), [name for s in chosen for name in s.after]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += next(s for s in stages if s.name == name).after
    return [s if s in chosen else replace(s, given=True) for s in stages if s in chosen or s.name in needed]


def build_recipe(
    plan: Plan, stages: list[Stage], table: Command | None, tail: tuple[Command, ...] = (), closing: str = ""
) -> Recipe:
    """The recipe of a plan's stages."""
    folders = {"$OUT": plan.out, "$DATA": plan.data, "$LISTS": plan.settings.lists, "$CAMS": plan.settings.cams}
    places = Places(plan.settings.root, tuple((symbol, path) for symbol, path in folders.items() if path))
    return Recipe(tuple(stages), plan.out, places, table, tail, closing)

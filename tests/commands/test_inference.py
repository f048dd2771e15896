"""Every inference script, called on tiny data with a tiny network; a few of them as users call them."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from spml.commands.cam import cam
from spml.commands.driver import make_masks
from spml.commands.export_onnx import export_onnx
from spml.commands.inference import (
    inference,
    inference_crf,
    inference_crf_msc,
    inference_msc,
    inference_softmax,
    inference_softmax_crf,
    inference_softmax_crf_msc,
    inference_softmax_msc,
)
from spml.commands.job import Needs, open_job
from spml.commands.predict import predict
from spml.commands.prototype import prototype, prototype_msc
from spml.commands.pseudo import (
    pseudo_camrw_crf,
    pseudo_denseposerw_crf,
    pseudo_inference_crf_msc,
    pseudo_softmax,
    pseudo_softmax_crf,
    pseudo_softmaxregion_crf,
    pseudo_softmaxrw_crf,
    pseudo_softmaxtag_crf,
)
from spml.data.cam_files import write_cam
from spml.data.files import read_npz, write_image
from spml.data.joined_prototypes import JOINED
from spml.data.tag_files import write_tags
from spml.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
RETRIEVAL = (inference, inference_crf, inference_msc, inference_crf_msc, pseudo_inference_crf_msc)
SOFTMAX = (inference_softmax, inference_softmax_crf, inference_softmax_msc, inference_softmax_crf_msc)
PSEUDO = (
    pseudo_camrw_crf,
    pseudo_softmaxrw_crf,
    pseudo_softmax,
    pseudo_softmax_crf,
    pseudo_softmaxregion_crf,
    pseudo_denseposerw_crf,
)
CRF_FLAGS = {"iter_max": 3, "pos_w": 3, "pos_xy_std": 1, "bi_w": 4, "bi_xy_std": 67, "bi_rgb_std": 3}


def read(folder, name):
    return np.array(Image.open(folder / "semantic_gray" / f"{name}.png"))


def files(folder):
    """Names, contents and times of all files below a folder."""
    found = [path for path in sorted(folder.rglob("*")) if path.is_file()] if folder.exists() else []
    return [(str(path), path.read_bytes(), path.stat().st_mtime_ns) for path in found]


@pytest.fixture
def cam_dir(tmp_path, tiny_data):
    """A CAM of two classes for each image."""
    for seed, name in enumerate(tiny_data.ids):
        scores = np.random.default_rng(seed).random((2, 40, 40)).astype(np.float32)
        write_cam(tmp_path / "cams" / f"{name}.npy", {1: scores[0], 3: scores[1]})
    return tmp_path / "cams"


def test_prototypes_are_written_with_labels_and_pictures(call, tiny_data):
    out = call(prototype)
    for name in tiny_data.ids:
        written = read_npz(out / "semantic_prototype" / f"{name}.npz")
        count = len(written["prototype_label"])
        assert written["prototype"].shape == (count, 8) and 1 <= count <= 4
        assert set(written["prototype_label"]) <= {0, 1, 2, 3, 254}
        clusters = np.array(Image.open(out / "semantic_cluster" / f"{name}.png"))
        assert clusters.shape == (40, 40) and clusters.max() + 1 == count
        assert (out / "semantic_cluster_color" / f"{name}.png").is_file()
    several = call(prototype_msc, out="msc")
    assert len(read_npz(several / "semantic_prototype" / "a.npz")["prototype_label"]) > count
    assert {path.name for path in several.iterdir()} == {"semantic_prototype", "run.json"}
    assert (several / "semantic_prototype" / JOINED).is_file()


@pytest.mark.parametrize("script", RETRIEVAL + SOFTMAX + PSEUDO)
def test_each_script_writes_a_mask_of_classes_for_each_image(script, call, tiny_data, gallery_dir, cam_dir):
    # All scripts take all published flags.
    flags = {
        "semantic_memory_dir": gallery_dir,
        "cam_dir": cam_dir,
        "kmeans_num_clusters": "3,2",
        "label_divisor": 2048,
    }
    flags |= {f"crf_{key}": value for key, value in CRF_FLAGS.items()}
    out = call(script, *(word for k, v in flags.items() for word in (f"--{k}", v)))
    for image in tiny_data.ids:
        mask = read(out, image)
        assert mask.shape == (40, 40) and mask.dtype == np.uint8 and mask.max() < 4
        assert Image.open(out / "semantic_color" / f"{image}.png").size == (40, 40)
    assert not list(out.rglob("*partial*"))


def test_prototypes_are_joined_and_retrieved_in_float16_where_asked_to(call, tiny_data):
    for name in tiny_data.ids:
        Image.fromarray(np.ones((40, 40), np.uint8)).save(tiny_data.root / "semantic" / f"{name}.png")
    short = ("--opts", "test.prototypes", "float16")
    whole, half = call(prototype, out="whole"), call(prototype, *short, out="half")
    folders = [folder / "semantic_prototype" for folder in (whole, half)]
    assert (folders[1] / JOINED).stat().st_size < (folders[0] / JOINED).stat().st_size
    for name in tiny_data.ids:  # those of one image stay as they were
        one, other = (read_npz(folder / f"{name}.npz")["prototype"] for folder in folders)
        assert np.array_equal(one, other)
    for folder in folders:  # of either file
        out = call(inference, "--semantic_memory_dir", folder, *short, out="masks")
        assert all((read(out, name) == 1).all() for name in tiny_data.ids)


def test_self_training_knows_classes_that_tags_name_and_seeds_lack(call, tiny_data, tmp_path):
    (tmp_path / "seeds").mkdir()
    for name in tiny_data.ids:
        Image.fromarray(np.ones((40, 40), np.uint8)).save(tmp_path / "seeds" / f"{name}.png")
    write_tags(tmp_path / "tags.txt", dict.fromkeys(tiny_data.ids, (1, 2, 3)))
    seeds = ("--semantic_dir", tmp_path / "seeds", "--crf_iter_max", 1, "--crf_bi_w", 0, "--crf_pos_w", 0)
    alone = call(pseudo_softmax_crf, *seeds, out="alone")
    beside = call(pseudo_softmax_crf, *seeds, "--opts", "dataset.tags_file", tmp_path / "tags.txt", out="beside")
    assert {n: np.unique(read(alone, n)).tolist() for n in tiny_data.ids} == {n: [1] for n in tiny_data.ids}
    assert any((read(beside, name) > 1).any() for name in tiny_data.ids)


BOX = (
    "<annotation><size><width>40</width><height>40</height></size><object><name>{}</name><bndbox><xmin>1</xmin>"
    "<ymin>1</ymin><xmax>20</xmax><ymax>40</ymax></bndbox></object></annotation>"
)


def test_pseudo_labels_from_tags_keep_classes_within_their_boxes(call, tiny_data, tmp_path):
    write_tags(tmp_path / "tags.txt", dict.fromkeys(tiny_data.ids, (1, 2)))
    (tmp_path / "names.txt").write_text("background\ncat\ndog\ncow\n")
    (tmp_path / "boxes").mkdir()
    first, *others = tiny_data.ids
    for name in (first, *others[1:]):
        (tmp_path / f"boxes/{name}.xml").write_text(BOX.format("dog"))
    plain = ("--crf_iter_max", 1, "--crf_bi_w", 0, "--crf_pos_w", 0)
    tags = ("--opts", "dataset.tags_file", tmp_path / "tags.txt")
    boxes = ("--box_dir", tmp_path / "boxes", "--class_names", tmp_path / "names.txt")
    free = call(pseudo_softmaxtag_crf, *plain, *tags, out="free")
    boxed = call(pseudo_softmaxtag_crf, *plain, *boxes, *tags, out="boxed")
    assert {value for name in tiny_data.ids for value in np.unique(read(free, name)).tolist()} <= {0, 1, 2}
    assert (read(free, others[0]) == read(boxed, others[0])).all()  # which has no boxes
    for name in (first, *others[1:]):
        assert (read(boxed, name)[:, 20:] != 2).all()  # the box covers two regions of four


@pytest.mark.parametrize(
    ("xml", "message"),
    [
        (BOX.format("horse"), "a.xml: unknown class 'horse'; expected one of background, cat, dog, cow"),
        (
            BOX.format("cat").replace("<width>40", "<width>41"),
            r"states .*\(40, 41\), its image has \(40, 40\)",
        ),
    ],
)
def test_boxes_that_do_not_fit_are_named(call, tiny_data, tmp_path, xml, message):
    write_tags(tmp_path / "tags.txt", dict.fromkeys(tiny_data.ids, (1, 2)))
    (tmp_path / "names.txt").write_text("background\ncat\ndog\ncow\n")
    (tmp_path / f"{tiny_data.ids[0]}.xml").write_text(xml)
    flags = ("--box_dir", tmp_path, "--class_names", tmp_path / "names.txt")
    with pytest.raises(UserError, match=message.replace("a.xml", f"{tiny_data.ids[0]}.xml")):
        call(pseudo_softmaxtag_crf, *flags, "--opts", "dataset.tags_file", tmp_path / "tags.txt", out="out")


def test_beside_boxes_and_without_tags_there_is_a_background(call, tiny_data, tmp_path, monkeypatch):
    def mostly_background(networks, looks, size):
        scores = torch.full((4, *size), 0.02)
        scores[0] = 0.94
        return scores

    monkeypatch.setattr("spml.inference.pseudo_labels.softmax_of", mostly_background)
    (tmp_path / "names.txt").write_text("background\ncat\ndog\ncow\n")
    for name in tiny_data.ids:
        (tmp_path / "boxes").mkdir(exist_ok=True)
        (tmp_path / f"boxes/{name}.xml").write_text(BOX.format("dog"))
        write_image(tmp_path / f"unlabelled/{name}.png", np.full((40, 40), 254, np.uint8))
    boxes = ("--box_dir", tmp_path / "boxes", "--class_names", tmp_path / "names.txt")
    plain = ("--crf_iter_max", 1, "--crf_bi_w", 0, "--crf_pos_w", 0, "--semantic_dir", tmp_path / "unlabelled")
    out = call(pseudo_softmaxregion_crf, *plain, *boxes, out="out")
    assert (read(out, tiny_data.ids[0])[:, 20:] == 0).all()


def test_results_with_other_class_names_do_not_stay(call, tiny_data, tmp_path):
    write_tags(tmp_path / "tags.txt", dict.fromkeys(tiny_data.ids, (1, 2)))
    names, boxes = tmp_path / "names.txt", tmp_path / "boxes"
    boxes.mkdir()
    (boxes / f"{tiny_data.ids[0]}.xml").write_text(BOX.format("dog"))
    given = ("--crf_iter_max", 1, "--box_dir", boxes, "--class_names", names, "--skip_existing")
    tags = ("--opts", "dataset.tags_file", tmp_path / "tags.txt")
    names.write_text("background\ncat\ndog\ncow\n")
    call(pseudo_softmaxtag_crf, *given, *tags, out="out")
    names.write_text("background\ndog\ncat\ncow\n")
    with pytest.raises(UserError, match="out is of another run: content of --class_names was"):
        call(pseudo_softmaxtag_crf, *given, *tags, out="out")


@pytest.mark.slow
def test_masks_of_crf_processes_equal_those_made_in_this_one(call, tiny_data):
    here, beside = (call(inference_softmax_crf, "--workers", n, out=f"out{n}") for n in (0, 2))
    for image in tiny_data.ids:
        assert (read(here, image) == read(beside, image)).all()


@pytest.mark.parametrize("script", [(inference_crf, inference), (inference_softmax_crf_msc, inference_softmax_msc)])
def test_one_run_writes_masks_with_and_without_crf(script, call, gallery_dir, tiny_data):
    memory = ("--semantic_memory_dir", gallery_dir)
    both, plain = call.root / "both", call.root / "both_plain"
    call(script[0], *memory, "--also_without_crf", plain, out="both")
    for folder, other in ((both, script[0]), (plain, script[1])):
        alone = call(other, *memory, out="alone")
        for name in tiny_data.ids:
            assert (read(folder, name) == read(alone, name)).all()
    assert any((read(both, name) != read(plain, name)).any() for name in tiny_data.ids)
    # What is there counts for both scripts, and what is missing in one folder is made again.
    (plain / "semantic_gray" / "a.png").unlink()
    before = files(both)
    call(script[0], *memory, "--also_without_crf", plain, "--skip_existing", out="both")
    changed = {Path(new[0]).name for new, old in zip(files(both), before, strict=True) if new != old}
    assert changed == {"a.png"} and (plain / "semantic_gray" / "a.png").is_file()
    call(script[1], *memory, "--skip_existing", out="both_plain")


def test_inference_in_bfloat16_says_nearly_the_same(call, gallery_dir, tiny_data):
    for script in (inference, inference_softmax_msc):
        whole, short = (call(script, "--semantic_memory_dir", gallery_dir, "--opts", "test.amp", amp, out=amp)
                        for amp in ("none", "bf16"))  # fmt: skip
        same = np.mean([read(whole, name) == read(short, name) for name in tiny_data.ids])
        assert same > 0.8


def test_void_pixels_of_densepose_stay_void(call, tiny_data):
    label = np.full((40, 40), 254, np.uint8)
    label[5:8, 5:8], label[:4] = 2, 255
    write_image(tiny_data.root / "semantic" / "a.png", label)
    mask = read(call(pseudo_denseposerw_crf), "a")
    assert ((mask == 255) == (label == 255)).all() and set(mask[4:].flat) == {2}


def test_a_file_that_writes_255_for_unlabelled_means_so_at_inference_too(call, tiny_data):
    expected = read(call(pseudo_denseposerw_crf, out="as254"), "a")
    for name in tiny_data.ids:
        path = tiny_data.root / "semantic" / f"{name}.png"
        label = np.array(Image.open(path))
        write_image(path, np.where(label == 254, np.uint8(255), label))
    mask = read(call(pseudo_denseposerw_crf, "--opts", "dataset.unlabelled_index", 255, out="as255"), "a")
    assert (mask == expected).all() and mask.max() < 4


WITHOUT_PYDENSECRF = """
import sys
sys.modules["pydensecrf"] = sys.modules["pydensecrf.densecrf"] = None
from spml.commands.inference import inference_softmax, inference_softmax_crf
from spml.commands.running import run
run(lambda: {script}({flags!r}))
"""


@pytest.mark.slow
@pytest.mark.parametrize("script", ["inference_softmax", "inference_softmax_crf"])
def test_only_scripts_that_use_the_crf_need_pydensecrf(script, call):
    flags = [str(word) for pair in call.flags for word in pair] + ["--save_dir", str(call.root / "out")]
    code = WITHOUT_PYDENSECRF.format(script=script, flags=flags)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    if script == "inference_softmax":
        assert done.returncode == 0 and len(list((call.root / "out" / "semantic_gray").iterdir())) == 4
    else:
        assert done.returncode == 1 and not (call.root / "out").exists()
        assert (
            done.stderr.startswith("error: the dense CRF needs pydensecrf") and "pip install pydensecrf2" in done.stderr
        )
        assert done.stderr.count("\n") == 1


def test_lists_of_images_alone_and_folders_of_photographs_are_segmented(call, tiny_data, tmp_path):
    expected = call(inference_softmax, out="labelled")
    (tmp_path / "images.txt").write_text("".join(f"image/{name}.png\n" for name in tiny_data.ids))
    listed = call(inference_softmax, "--data_list", tmp_path / "images.txt", out="listed")
    photographs = ["--data_dir", tiny_data.root / "image"]
    folder = call(inference_softmax, *photographs, out="folder", drop=("--data_list", "--data_dir"))
    for image in tiny_data.ids:
        assert (read(listed, image) == read(expected, image)).all()
        assert (read(folder, image) == read(expected, image)).all()


def test_data_and_list_of_the_configuration_are_used_without_flags(call, tiny_data, tmp_path):
    opts = ["--opts", "dataset.data_dir", tiny_data.root, "dataset.test_data_list", tiny_data.list]
    out = call(inference_softmax, *opts, drop=("--data_dir", "--data_list"))
    assert len(list((out / "semantic_gray").iterdir())) == 4


def test_another_snapshot_and_other_labels_can_be_named(call, tmp_path, snapshot_dir):
    (snapshot_dir / "model-2.pth").rename(snapshot_dir / "best.pth")
    for name in "abcd":
        write_image(tmp_path / "pseudo" / f"{name}.png", np.full((40, 40), 3, np.uint8))
    flags = ["--snapshot", snapshot_dir / "best.pth", "--semantic_dir", tmp_path / "pseudo"]
    out = call(prototype, *flags, drop=("--snapshot_dir",))
    assert set(read_npz(out / "semantic_prototype" / "a.npz")["prototype_label"]) == {3}


def spoil(path, content=b"no image"):
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("script", "flags", "complaint"),
    [
        (inference_softmax, ["--snapshot_dir", "{tmp}/nowhere"], "--snapshot_dir .*nowhere: no such folder"),
        (inference_softmax, ["--opts", "train.max_iteration", 9], r"model-8.pth: no such snapshot.*model-2.pth"),
        (inference_softmax, ["--snapshot", "{tmp}/x.pth"], "--snapshot .*x.pth: no such file"),
        (inference_softmax, ["--snapshot", "{tmp}/train.txt"], "train.txt: not a readable weight file"),
        (inference_softmax, ["--opts", "network.embedding_dim", 16], "model-2.pth: .* has shape .*embedding_dim"),
        (inference_softmax, ["--data_list", "{tmp}/none.txt"], "none.txt: cannot be read"),
        (inference_softmax, ["--data_list", "{tmp}/empty.txt"], "empty.txt: is empty"),
        (inference_softmax, ["--data_dir", "{tmp}/nowhere"], "--data_dir .*nowhere: no such folder"),
        (inference_softmax, ["--kmeans_num_clusters", "6"], "--kmeans_num_clusters: '6', expected H,W"),
        (inference_softmax, ["--kmeans_num_clusters", "6,0"], "'6,0', expected H,W"),
        (inference_softmax, ["--crf_iter_max", "-1"], "--crf_iter_max"),
        (inference_softmax, ["--crf_pos_w", "nan"], "--crf_pos_w nan: expected float from"),
        (inference_softmax, ["--crf_bi_w", "inf"], "--crf_bi_w inf: expected float from"),
        (inference_softmax, ["--save_dir", ""], "--save_dir: '', expected a path"),
        (inference_softmax, ["--cfg_path", ""], "--cfg_path: '', expected a path"),
        (inference_softmax, ["--save_dir", "x" * 300], "--save_dir x*: cannot be a folder .*too long"),
        (inference_softmax, ["--snapshot", "x" * 300], "--snapshot x*: no such file"),
        (inference_softmax, ["--data_list", "{tmp}/outside.txt"], "outside.txt, line 1: .* leaves --data_dir"),
        (inference_softmax, ["--crf_pos_w", "-1"], "--crf_pos_w -1: expected float from 0 to"),
        (inference_softmax, ["--crf_bi_xy_std", "0"], "--crf_bi_xy_std 0: expected float from 0.001 to"),
        (inference_softmax, ["--crf_bi_rgb_std", "1e-30"], "--crf_bi_rgb_std 1e-30: expected float from 0.001 to"),
        (inference_softmax, ["--crf_iter_max", "9" * 5000], "--crf_iter_max 9{80}: expected int from 0 to"),
        (inference_softmax, ["--workers", "9" * 5000], "--workers: '9{80}', expected a whole number"),
        (inference_softmax, ["--label_divisor", "5"], "network.label_divisor is 5"),
        (inference_softmax, ["--device", "gpu"], "--device gpu: cannot be used"),
        (inference_softmax, ["--save_dir", "{tmp}/train.txt"], "--save_dir .*train.txt: is a file"),
        (inference_softmax, ["--also_without_crf", "{tmp}/b"], "--also_without_crf .*b: this script has no CRF"),
        (inference_softmax_crf, ["--also_without_crf", "{tmp}/out"], "--also_without_crf .*out: is --save_dir"),
        (inference_softmax_crf, ["--also_without_crf", "{tmp}/train.txt"], "--also_without_crf .*txt: is a file"),
        (inference, [], "--semantic_memory_dir is needed"),
        (inference, ["--semantic_memory_dir", "{tmp}/nowhere"], "--semantic_memory_dir .*nowhere: no such folder"),
        (inference, ["--semantic_memory_dir", "{tmp}/data"], "holds no prototypes"),
        (pseudo_camrw_crf, [], "--cam_dir is needed"),
        (pseudo_camrw_crf, ["--cam_dir", "{tmp}/data"], "a.npy and 3 more not found"),
        (prototype, ["--data_list", "{tmp}/images.txt"], "images.txt, line 1: expected 'image semantic instance'"),
        (pseudo_softmaxtag_crf, ["--data_list", "{tmp}/images.txt"], "images.txt, line 1: expected 'image semantic"),
        (prototype, ["--semantic_dir", "{tmp}/data"], "data/a.png and 3 more not found"),
    ],
)
def test_a_users_mistake_is_named_before_anything_is_written(script, flags, complaint, call, tmp_path):
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "outside.txt").write_text("../x.png\n")
    (tmp_path / "images.txt").write_text("image/a.png\n")
    with pytest.raises(UserError, match=complaint) as error:
        call(script, *(str(flag).format(tmp=tmp_path) for flag in flags))
    assert "\n" not in str(error.value) and not files(tmp_path / "out")


@pytest.mark.parametrize(
    ("script", "broken", "complaint"),
    [
        (inference_softmax_crf, "image/c.png", "image/c.png: not a readable image"),
        (pseudo_softmax, "semantic/c.png", "semantic/c.png: not a readable image"),
        (pseudo_camrw_crf, "../cams/c.npy", "c.npy: not a readable .npy"),
    ],
)
@pytest.mark.parametrize("workers", [0, 2])
def test_a_broken_file_ends_the_run_with_whole_results_before_it(
    script, broken, complaint, workers, call, tiny_data, cam_dir
):
    spoil(tiny_data.root / broken)
    with pytest.raises(UserError, match=complaint):
        call(script, "--cam_dir", cam_dir, "--workers", workers)
    out = tiny_data.root.parent / "out"
    for image in out.rglob("*.png"):
        assert Image.open(image).size == (40, 40) and image.stem in "ab"


def test_labels_of_another_size_than_the_image_are_named(call, tiny_data):
    write_image(tiny_data.root / "semantic" / "a.png", np.zeros((40, 30), np.uint8))
    with pytest.raises(UserError, match="a.png: is 30×40 pixels, its image is 40×40"):
        call(prototype)


def test_photographs_that_would_share_a_name_and_folders_without_any_are_named(call, tiny_data, tmp_path):
    photographs = tiny_data.root / "image"
    (photographs / "a.jpg").write_bytes((photographs / "a.png").read_bytes())
    for folder, complaint in (
        (photographs, "a.jpg and a.png would share the name a"),
        (tiny_data.root, "holds no .jpg"),
    ):
        with pytest.raises(UserError, match=complaint):
            call(inference_softmax, "--data_dir", folder, drop=("--data_list", "--data_dir"))
    with pytest.raises(UserError, match="--data_list .* is needed"):
        call(prototype, drop=("--data_list",))


@pytest.mark.slow
def test_scripts_run_as_users_call_them(call, tmp_path):
    flags = [str(word) for pair in call.flags if pair[0] != "--workers" for word in pair]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def script(name, *extra):
        command = [
            sys.executable,
            f"pyscripts/inference/{name}.py",
            *flags,
            "--save_dir",
            str(tmp_path / "out"),
            *extra,
        ]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)

    done = script("inference_softmax_crf", "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "out" / "semantic_gray").iterdir())) == 4
    failed = script("inference_crf", "--semantic_memory_dir", str(tmp_path / "nowhere"))
    assert failed.returncode == 1 and failed.stdout == ""
    assert failed.stderr == f"error: --semantic_memory_dir {tmp_path / 'nowhere'}: no such folder\n"


def test_what_prototype_writes_inference_retrieves_from(call, tiny_data, tmp_path):
    for name in tiny_data.ids:
        write_image(tmp_path / "truth" / f"{name}.png", np.full((40, 40), 3, np.uint8))
    memory = call(prototype_msc, "--semantic_dir", tmp_path / "truth", out="memory") / "semantic_prototype"
    out = call(inference_msc, "--semantic_memory_dir", memory)
    assert all((read(out, name) == 3).all() for name in tiny_data.ids)


def all_of_class_two(networks, image):
    """A pseudo label as one adds it: a function of what the networks say and what is known of an image."""
    scores = torch.zeros(networks.config.dataset.num_classes, *image.size)
    scores[2] = 1
    return scores


def pseudo_class_two(argv=None):
    """Pseudo labels of class 2 wherever the label is not void."""
    with open_job(argv, pseudo_class_two, Needs(labels=True)) as job:
        make_masks(job, all_of_class_two, keep_void=True)


def test_a_new_pseudo_label_is_a_function_of_scores_and_its_entry(call, tiny_data):
    label = np.full((40, 40), 254, np.uint8)
    label[:4] = 255
    write_image(tiny_data.root / "semantic" / "a.png", label)
    mask = read(call(pseudo_class_two), "a")
    assert (mask[:4] == 255).all() and (mask[4:] == 2).all()


def test_each_script_calls_the_function_of_its_name():
    scripts = {path.stem: path.read_text() for path in (ROOT / "pyscripts" / "inference").glob("*.py")}
    functions = (
        prototype,
        prototype_msc,
        cam,
        predict,
        export_onnx,
        pseudo_softmaxtag_crf,
        *RETRIEVAL,
        *SOFTMAX,
        *PSEUDO,
    )
    assert {function.__name__ for function in functions} == set(scripts)
    for function in functions:
        home, name = function.__module__, function.__name__
        assert f"from {home} import {name}\n" in scripts[name] and f"    {name}()\n" in scripts[name]
        assert function.__doc__ in scripts[name]


def test_without_a_background_an_image_of_which_nothing_is_known_stays_unlabelled(call, tiny_data, cam_dir):
    for name in tiny_data.ids:
        write_cam(cam_dir / f"{name}.npy", {} if name == "a" else {0: np.ones((40, 40), np.float32)}, first=0)
    flags = ("--cam_dir", cam_dir, "--opts", "dataset.background", "none")
    out = call(pseudo_camrw_crf, *flags)
    assert set(read(out, "a").flat) == {254} and set(read(out, "b").flat) == {0}
    write_image(tiny_data.root / "semantic" / "b.png", np.full((40, 40), 254, np.uint8))
    assert set(read(call(pseudo_softmax, *flags, out="softmax"), "b").flat) == {254}
    assert set(read(call(pseudo_softmax, out="published"), "b").flat) == {0}

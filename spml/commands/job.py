"""What an inference script works on: everything that the flags name, looked at before the network is."""

import os
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from spml.commands import ranks
from spml.commands.crf_pool import CrfPool
from spml.commands.flags import inference_parser
from spml.commands.job_inputs import (
    check_cams,
    find_boxes,
    find_samples,
    find_snapshot,
    read_gallery,
    read_sample_tags,
    save_folder,
    unrefined_folder,
)
from spml.commands.mask_outputs import MASKS, MaskOutputs
from spml.commands.pool import default_workers
from spml.commands.run_record import RunRecord, configuration_values
from spml.config import Config, load_config
from spml.data import fingerprints
from spml.data.cam_files import cam_path, read_cam
from spml.data.files import read_image, read_label
from spml.data.labels import first_tag, need_size, read_weak_label
from spml.data.lists import Sample
from spml.data.voc_xml import BoxFiles
from spml.inference.crf import need_pydensecrf
from spml.inference.crf_settings import CRFParameters
from spml.inference.input_image import InputImage
from spml.launcher import num_ranks, ranks_here
from spml.visualize import load_palette

Argv = Sequence[str] | None
Script = Callable[[Argv], None]

CRF_FLAGS = (
    "crf_iter_max",
    "crf_pos_xy_std",
    "crf_pos_w",
    "crf_bi_xy_std",
    "crf_bi_w",
    "crf_bi_rgb_std",
    "crf_present_only",
)


@dataclass(frozen=True)
class Needs:
    """What a script reads besides images, and what it writes.

    labels, instances: the label maps of the data list; gallery: prototypes to retrieve from; cams: CAM files;
    classifier: the snapshot's prediction_model; tags: `dataset.tags_file`; given_tags: that too, where it is named;
    given_boxes: boxes, where --box_dir is given; crf: whether a CRF ends it; results: the files it writes for each
    image.
    """

    labels: bool = False
    instances: bool = False
    gallery: bool = False
    cams: bool = False
    classifier: bool = False
    tags: bool = False
    given_tags: bool = False
    given_boxes: bool = False
    crf: bool = False
    results: tuple[str, ...] = MASKS


@dataclass(frozen=True)
class Job:
    """One run of a script: its flags and configuration, this process's share of the samples, and where results go.

    gallery: prototypes [M, C] and labels [M] to retrieve from, or None; tags: the classes of images by id, or None;
    boxes: those of the images, or None; records: what decides the results, by folder; pool: the processes of the CRF.
    """

    needs: Needs
    flags: Namespace
    config: Config
    snapshot: Path
    samples: list[Sample]
    gallery: tuple[np.ndarray, np.ndarray] | None
    tags: dict[str, tuple[int, ...]] | None
    boxes: BoxFiles | None
    outputs: MaskOutputs
    records: Sequence[RunRecord]
    pool: CrfPool

    def read(self, sample: Sample) -> InputImage:
        """Read the files of one sample; raises UserError where one is broken or of another size than the image."""
        dataset = self.config.dataset
        pixels = read_image(sample.image, dataset.max_pixels)
        size = pixels.shape[:2]
        label = instance = cam = None
        if self.needs.labels and sample.semantic is not None:
            label = need_size(read_weak_label(sample.semantic, dataset), size, sample.semantic)
        if self.needs.instances and sample.instance is not None:
            instance = need_size(read_label(sample.instance, dataset.max_pixels), size, sample.instance)
        if self.needs.cams:
            cam = read_cam(cam_path(self.flags.cam_dir, sample.id), dataset.num_classes, size, first_tag(dataset))
        boxes = self.boxes.read(sample.id, size) if self.boxes else None
        image = InputImage(pixels, label, instance, cam, self._classes_of(sample, bool(boxes)), boxes)
        return image.within(dataset.max_side, dataset.num_classes)

    def _classes_of(self, sample: Sample, boxed: bool) -> tuple[int, ...] | None:
        """The classes that an image may show beside those of labels and boxes; None where nothing is known."""
        background = (0,) if first_tag(self.config.dataset) else ()
        unknown = background if boxed else None
        return unknown if self.tags is None else (*background, *self.tags[sample.id])

    def images(self) -> Iterator[tuple[str, InputImage]]:
        """All images in order, by their ids; the next one is read while this one is worked on."""
        with ThreadPoolExecutor(1) as reader:
            upcoming = None
            for sample in self.samples:
                current, upcoming = upcoming, (sample.id, reader.submit(self.read, sample))
                if current is not None:
                    yield current[0], current[1].result()
            if upcoming is not None:
                yield upcoming[0], upcoming[1].result()

    def nothing_left(self) -> bool:
        """Whether no process has anything to do."""
        return not self.samples and num_ranks() == 1

    def begin(self) -> ranks.Progress:
        """Record what decides the results, before the first of them; a bar over the images of all processes."""
        ranks.first_alone(self._begin_records)
        return ranks.Progress(len(self.samples), self.outputs.save_dir.name)

    def _begin_records(self) -> None:
        for record in self.records:
            record.begin()


@contextmanager
def open_job(argv: Argv, script: Script, needs: Needs) -> Iterator[Job]:
    """The job of a script's run, whose CRF processes end with the block.

    script: the script's function, whose docstring is its description. Raises UserError for whatever is missing or does
    not fit, before anything is written.
    """
    flags = inference_parser(script.__doc__ or "").parse_args(argv)
    config = load_config(flags.cfg_path, [*flags.opts, *_opts(flags)])
    samples = find_samples(flags, config, needs.labels or needs.instances)
    if needs.given_tags and config.dataset.tags_file:
        needs = replace(needs, tags=True)
    snapshot = find_snapshot(flags, config)
    palette, crf = load_palette(config.dataset.color_map_path), crf_parameters(flags) if needs.crf else None
    background, unrefined = first_tag(config.dataset) > 0, unrefined_folder(flags, needs.crf)
    outputs = MaskOutputs(save_folder(flags), palette, crf, background, unrefined)
    if needs.cams:
        check_cams(flags.cam_dir, samples, config)
    tags = read_sample_tags(config, samples) if needs.tags else None
    boxes = find_boxes(flags, config) if needs.given_boxes else None
    gallery = read_gallery(flags, config) if needs.gallery else None
    values = _decisive_values(script.__name__, flags, config, needs, snapshot, samples, outputs)
    records = _records(values, outputs, flags.skip_existing)
    kept = [record.kept(_results(record.save_dir, samples, needs)) for record in records]
    todo = [sample for sample in ranks.share(samples) if not all(sample.id in ids for ids in kept)]
    with CrfPool(num_workers(flags, needs, len(todo))) as pool:
        yield Job(needs, flags, config, snapshot, todo, gallery, tags, boxes, outputs, records, pool)


def _records(values: dict[str, Any], outputs: MaskOutputs, keep: bool) -> list[RunRecord]:
    """The records of the run's folders; that of masks without CRF is the record of the script without it."""
    records = [RunRecord(outputs.save_dir, values, keep)]
    if outputs.unrefined is not None:
        without = {key: value for key, value in values.items() if key.removeprefix("--") not in CRF_FLAGS}
        records.append(RunRecord(outputs.unrefined, without | {"script": values["script"].replace("_crf", "")}, keep))
    return records


def _results(folder: Path, samples: list[Sample], needs: Needs) -> dict[str, list[Path]]:
    return {sample.id: [folder / kind.format(sample.id) for kind in needs.results] for sample in samples}


def _decisive_values(
    script: str,
    flags: Namespace,
    config: Config,
    needs: Needs,
    snapshot: Path,
    samples: list[Sample],
    outputs: MaskOutputs,
) -> dict[str, Any]:
    """What decides the results of this run, by names that users know."""
    wanted = {"image": True, "semantic": needs.labels, "instance": needs.instances}
    used = [getattr(sample, column) for column, read in wanted.items() if read for sample in samples]
    files = [Path(os.path.abspath(path)) for path in used]  # the same, from whichever folder they are named
    values = {
        "script": script,
        **configuration_values(config),
        "content of the snapshot": fingerprints.of_file(snapshot),
        "content of images and labels": fingerprints.of_stamps(files),
        "colours": fingerprints.of_value(outputs.palette.tolist()),
    }
    if needs.crf:
        values |= {f"--{name}": getattr(flags, name) for name in CRF_FLAGS}
    for folder, read in (("semantic_memory_dir", needs.gallery), ("cam_dir", needs.cams)):
        if read:
            values[f"content of --{folder}"] = fingerprints.of_folder(getattr(flags, folder))
    if needs.given_boxes and flags.box_dir:
        values["content of --box_dir"] = fingerprints.of_folder(flags.box_dir)
        if flags.class_names:
            values["content of --class_names"] = fingerprints.of_file(flags.class_names)
    if needs.tags:
        values["content of dataset.tags_file"] = fingerprints.of_file(config.dataset.tags_file)
    return values


def num_workers(flags: Namespace, needs: Needs, images: int) -> int:
    """CRF processes to start: none where there is no CRF, else by default the cores that this process may count on."""
    if not needs.crf:
        return 0
    wanted = max(1, default_workers() // ranks_here()) if flags.workers is None else flags.workers
    return min(wanted, images)


def crf_parameters(flags: Namespace) -> CRFParameters:
    """The parameters that the flags give; raises UserError where the CRF cannot be computed."""
    need_pydensecrf()
    return CRFParameters(*(getattr(flags, name) for name in CRF_FLAGS))


def _opts(flags: Namespace) -> list[str]:
    """Flags that stand for configuration keys, as `key value` pairs."""
    pairs = []
    if flags.kmeans_num_clusters is not None:
        pairs += ["network.kmeans_num_clusters", str(list(flags.kmeans_num_clusters))]
    if flags.label_divisor is not None:
        pairs += ["network.label_divisor", str(flags.label_divisor)]
    return pairs

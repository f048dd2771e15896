"""What an inference script works on: everything that the flags name, looked at before the network is."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from spml.commands.flags import inference_parser
from spml.commands.outputs import MASKS, Outputs
from spml.commands.pool import default_workers
from spml.config import load_config
from spml.data.cam_files import cam_path, read_cam
from spml.data.files import need_dir, read_image, read_label, visible_files
from spml.data.lists import Sample, read_list
from spml.data.prototype_files import read_memory
from spml.errors import UserError
from spml.models.snapshots import snapshot_path
from spml.visualize import load_palette

IMAGE_ENDINGS = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class Needs:
    """What a script reads besides images, and what it writes.

    labels, instances: the label maps of the data list; memory: remembered prototypes; cams: CAM files; classifier: the
    snapshot's prediction_model; crf: whether a CRF ends it; results: the files it writes for each image.
    """

    labels: bool = False
    instances: bool = False
    memory: bool = False
    cams: bool = False
    classifier: bool = False
    crf: bool = False
    results: tuple = MASKS


@dataclass(frozen=True)
class Item:
    """One image to work on: pixels uint8 [H, W, 3]; label, instance uint8 [H, W]; cam {class: [H, W]}; or None."""

    id: str
    pixels: np.ndarray
    label: np.ndarray | None = None
    instance: np.ndarray | None = None
    cam: dict | None = None

    @property
    def size(self):
        """Height and width."""
        return self.pixels.shape[:2]


class Job:
    """The flags, configuration, samples and outputs of one run of a script.

    Raises UserError for whatever is missing or does not fit, before anything is written.
    """

    def __init__(self, argv, description, needs):
        self.needs = needs
        self.flags = inference_parser(description).parse_args(argv)
        self.config = load_config(self.flags.cfg_path, [*self.flags.opts, *_opts(self.flags)])
        samples = find_samples(self.flags, self.config, needs.labels)
        self.snapshot = find_snapshot(self.flags, self.config)
        self.crf = None
        if needs.crf:
            from spml.inference.crf import CRFParameters

            self.crf = CRFParameters.from_flags(self.flags)
        self.outputs = Outputs(_save_dir(self.flags), load_palette(self.config.dataset.color_map_path), self.crf)
        if needs.cams:
            _check_cams(self.flags.cam_dir, samples)
        skip = self.flags.skip_existing
        self.samples = [s for s in samples if not (skip and self.outputs.exist(s.id, needs.results))]
        self.memory = self._memory() if needs.memory else None

    def _memory(self):
        folder = _required(self.flags.semantic_memory_dir, "--semantic_memory_dir")
        return read_memory(folder, self.config.network.embedding_dim, self.config.dataset.num_classes)

    @property
    def num_workers(self):
        """CRF processes to start: none where there is no CRF."""
        if self.crf is None:
            return 0
        wanted = default_workers() if self.flags.workers is None else self.flags.workers
        return min(wanted, len(self.samples))

    def read(self, sample):
        """Read the files of one sample; raises UserError where one is broken or of another size than the image."""
        pixels = read_image(sample.image)
        label = _read_label(sample.semantic, pixels) if self.needs.labels else None
        instance = _read_label(sample.instance, pixels) if self.needs.instances else None
        cam = None
        if self.needs.cams:
            path = cam_path(self.flags.cam_dir, sample.id)
            cam = read_cam(path, self.config.dataset.num_classes, pixels.shape[:2])
        return Item(sample.id, pixels, label, instance, cam)

    def items(self):
        """All items in order; the next one is read while this one is worked on."""
        with ThreadPoolExecutor(1) as reader:
            upcoming = None
            for sample in [*self.samples, None]:
                current, upcoming = upcoming, sample and reader.submit(self.read, sample)
                if current is not None:
                    yield current.result()

    def progress(self):
        """A progress bar over the images that are left."""
        return tqdm(total=len(self.samples), unit="image", desc=self.outputs.save_dir.name)


def _opts(flags):
    """Flags that stand for configuration keys, as `key value` pairs."""
    pairs = []
    if flags.kmeans_num_clusters is not None:
        pairs += ["network.kmeans_num_clusters", str(list(flags.kmeans_num_clusters))]
    if flags.label_divisor is not None:
        pairs += ["network.label_divisor", str(flags.label_divisor)]
    return pairs


def _required(value, flag):
    if not value:
        raise UserError(f"{flag} is needed")
    return value


def _read_label(path, pixels):
    label = read_label(path)
    if label.shape != pixels.shape[:2]:
        height, width = pixels.shape[:2]
        raise UserError(f"{path}: is {label.shape[1]}×{label.shape[0]} pixels, its image is {width}×{height}")
    return label


def _save_dir(flags):
    path = Path(flags.save_dir)
    if path.exists() and not path.is_dir():
        raise UserError(f"--save_dir {path}: is a file, expected a folder")
    return path


def find_samples(flags, config, need_labels):
    """The samples of the data list that flags or configuration name; without a list the images in --data_dir."""
    data_dir = _required(flags.data_dir or config.dataset.data_dir, "--data_dir (or dataset.data_dir)")
    data_dir = need_dir(data_dir, "--data_dir")
    data_list = flags.data_list or config.dataset.test_data_list
    if data_list:
        return read_list(data_dir, data_list, need_labels, flags.semantic_dir)
    if need_labels:
        raise UserError("--data_list (or dataset.test_data_list) is needed, since this script reads labels")
    images = [path for path in visible_files(data_dir) if path.suffix.lower() in IMAGE_ENDINGS]
    if not images:
        raise UserError(f"--data_dir {data_dir}: holds no {', '.join(IMAGE_ENDINGS)}, and there is no --data_list")
    for first, second in zip(images, images[1:], strict=False):
        if first.stem == second.stem:
            raise UserError(f"--data_dir {data_dir}: {first.name} and {second.name} would share the name {first.stem}")
    return [Sample(path) for path in images]


def find_snapshot(flags, config):
    """The snapshot that the flags name."""
    if flags.snapshot:
        path = Path(flags.snapshot)
        if not path.is_file():
            raise UserError(f"--snapshot {path}: no such file")
        return path
    folder = need_dir(_required(flags.snapshot_dir, "--snapshot_dir (or --snapshot)"), "--snapshot_dir")
    return snapshot_path(folder, config.train.max_iteration - 1)


def _check_cams(cam_dir, samples):
    folder = need_dir(_required(cam_dir, "--cam_dir"), "--cam_dir")
    missing = [cam_path(folder, s.id) for s in samples if not cam_path(folder, s.id).is_file()]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise UserError(f"--cam_dir {folder}: {missing[0].name}{more} not found")

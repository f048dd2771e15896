"""What the flags of an inference script name, found and looked at; what is missing is a UserError."""

import os
import stat
from argparse import Namespace
from pathlib import Path

import numpy as np

from spml.commands.cam_folder import check_cam_background
from spml.commands.trained import trained_path
from spml.config import Config
from spml.data.cam_files import cam_path
from spml.data.class_names import read_class_names
from spml.data.files import find_images, need_dir
from spml.data.joined_prototypes import read_prototype_folder
from spml.data.labels import first_tag
from spml.data.lists import Sample, read_list
from spml.data.tag_files import need_tags_of, read_tags
from spml.data.voc_xml import BoxFiles
from spml.errors import UserError, first_of
from spml.models.snapshots import snapshot_path


def _required(value: str | None, flag: str) -> str:
    if not value:
        raise UserError(f"{flag} is needed")
    return value


def read_gallery(flags: Namespace, config: Config) -> tuple[np.ndarray, np.ndarray]:
    """The prototypes [M, C] and their labels [M] that --semantic_memory_dir holds."""
    folder = _required(flags.semantic_memory_dir, "--semantic_memory_dir")
    dim, classes = config.network.embedding_dim, config.dataset.num_classes
    return read_prototype_folder(folder, dim, classes, config.test.prototypes)


def save_folder(flags: Namespace) -> Path:
    """Where results go, which need not be there."""
    return _folder_to_be("--save_dir", flags.save_dir)


def unrefined_folder(flags: Namespace, crf: bool) -> Path | None:
    """Where masks without the CRF go, if anywhere; raises UserError where the script has no CRF."""
    if flags.also_without_crf is None:
        return None
    path = _folder_to_be("--also_without_crf", flags.also_without_crf)
    if not crf or path.resolve() == Path(flags.save_dir).resolve():
        reason = "is --save_dir, expected another folder" if crf else "this script has no CRF; leave the flag out"
        raise UserError(f"--also_without_crf {path}: {reason}")
    return path


def _folder_to_be(flag: str, name: str) -> Path:
    path = Path(name)
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
    except FileNotFoundError:
        return path
    except OSError as error:
        raise UserError(f"{flag} {path}: cannot be a folder ({error.strerror})") from None
    if not is_folder:
        raise UserError(f"{flag} {path}: is a file, expected a folder")
    return path


def find_samples(flags: Namespace, config: Config, need_labels: bool) -> list[Sample]:
    """The samples of the data list that flags or configuration name; without a list the images in --data_dir."""
    data_dir = _required(flags.data_dir or config.dataset.data_dir, "--data_dir (or dataset.data_dir)")
    need_dir(data_dir, "--data_dir")
    data_list = flags.data_list or config.dataset.test_data_list
    if data_list:
        return read_list(data_dir, data_list, need_labels, flags.semantic_dir, config.dataset.allow_outside)
    if need_labels:
        raise UserError("--data_list (or dataset.test_data_list) is needed, since this script reads labels or regions")
    return [Sample(path) for path in find_images(data_dir, "--data_dir")]


def find_snapshot(flags: Namespace, config: Config) -> Path:
    """The snapshot that the flags name."""
    path = trained_path(flags)
    return path if flags.snapshot else snapshot_path(path, config.train.max_iteration - 1)


def check_cams(cam_dir: str | None, samples: list[Sample], config: Config) -> None:
    """Raise UserError where a CAM of an image is missing, or was written for another background."""
    folder = need_dir(_required(cam_dir, "--cam_dir"), "--cam_dir")
    check_cam_background(folder, first_tag(config.dataset))
    missing = [path.name for path in (cam_path(folder, s.id) for s in samples) if not os.path.isfile(path)]
    if missing:
        raise UserError(f"--cam_dir {folder}: {first_of(missing)} not found")


def find_boxes(flags: Namespace, config: Config) -> BoxFiles | None:
    """The boxes that the flags name, None where they name none."""
    if not flags.box_dir:
        return None
    names = read_class_names(flags.class_names, config.dataset.num_classes)
    return BoxFiles(need_dir(flags.box_dir, "--box_dir"), names)


def read_sample_tags(config: Config, samples: list[Sample]) -> dict[str, tuple[int, ...]]:
    """The classes of images by id, of `dataset.tags_file`, which must know all samples."""
    path = config.dataset.tags_file
    if not path:
        raise UserError("dataset.tags_file is empty, expected the file that pyscripts/data/image_tags.py writes")
    tags = read_tags(path, config.dataset.num_classes, first_tag(config.dataset))
    need_tags_of(tags, [sample.id for sample in samples], path)
    return tags

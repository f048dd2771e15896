"""Files of torch.save, which may be broken or hostile: what torch's reader does not survive is refused first."""

import pickletools
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from spml.errors import UserError

_OLDER_PICKLES = 5  # with which files begin that are no archives: mark, version, system, content, names of values
_MOST_STEPS = 2_000_000
_MOST_VALUES, _MOST_LEVELS = 1_000_000, 20
_MOST_TUPLES = 50_000  # tuples in tuples of which Python computes a hash without running out of stack


def read_torch(path: str | Path, device: torch.device | str) -> Any:
    """What a `.pth` holds, read without running its code, where all its tensors are plain ones.

    Raises UserError where it is missing, broken, packed, or holds anything else than plain tensors, numbers, texts,
    lists and dicts.
    """
    try:
        packed = zipfile.is_zipfile(path)
        _look_through(path, packed)
        # Read, not mapped: who holds a tensor of a mapped file dies where the file is written to.
        content = torch.load(path, map_location=device, weights_only=True)
        _need_plain_tensors(content)
        return content
    except FileNotFoundError:
        raise UserError(f"{path}: no such snapshot or weight file") from None
    except Exception as error:  # a broken file can make the reader raise anything
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(f"{path}: not a readable weight file of plain tensors ({reason[:150]})") from None


def _look_through(path: str | Path, packed: bool) -> None:
    """Raise ValueError for tuples in tuples without end, and for what unpacks to more than it says."""
    if not packed:
        with open(path, "rb") as file:
            for _ in range(_OLDER_PICKLES):
                _count_tuples(pickletools.genops(file))
        return
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if any(info.compress_type != zipfile.ZIP_STORED for info in members):
            raise ValueError("its content is packed, as torch.save never does")
        for info in members:
            if info.filename.endswith(".pkl"):
                _count_tuples(pickletools.genops(archive.read(info)))


def _count_tuples(steps: Iterable[tuple[pickletools.OpcodeInfo, Any, int | None]]) -> None:
    count = 0
    for number, (step, _, _) in enumerate(steps):
        count += step.name.startswith("TUPLE")
        if number > _MOST_STEPS or count > _MOST_TUPLES:
            raise ValueError(f"more than {_MOST_TUPLES} tuples or {_MOST_STEPS} steps")


def _need_plain_tensors(content: Any) -> None:
    """Raise ValueError for a tensor that is sparse, quantised, without values, or larger than what the file holds.

    So for values in values to more than _MOST_LEVELS, and for more than _MOST_VALUES, however often each stands.
    """
    waiting, count = [(content, 0)], 0
    while waiting:
        each, level = waiting.pop()
        if isinstance(each, dict | list | tuple):
            count += len(each)
            if level > _MOST_LEVELS or count > _MOST_VALUES:
                raise ValueError(f"more than {_MOST_VALUES} values or {_MOST_LEVELS} levels of them")
            waiting += [(value, level + 1) for value in (each.values() if isinstance(each, dict) else each)]
        elif isinstance(each, torch.Tensor):
            plain = each.layout == torch.strided and not each.is_quantized and each.device.type != "meta"
            if not plain or each.numel() * each.element_size() > each.untyped_storage().nbytes():
                raise ValueError("a tensor that is not plain")

"""Whether tensors of a file are those that were written: check sums, and values that are finite."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from spml.errors import UserError


def tensor_sum(content: Any) -> str:
    """The check sum of nested dicts and lists of tensors, numbers and texts: names, types, shapes and every byte."""
    total = hashlib.sha256()
    _add(total, content)
    return total.hexdigest()


def _add(total: Any, content: Any) -> None:
    if isinstance(content, torch.Tensor):
        values = content.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        total.update(f"tensor {content.dtype} {tuple(content.shape)} ".encode())
        total.update(values.numpy().data)
    elif isinstance(content, Mapping):
        total.update(f"dict {len(content)} ".encode())
        for key in sorted(content, key=repr):
            total.update(f"{key!r} ".encode())
            _add(total, content[key])
    elif isinstance(content, list | tuple):
        total.update(f"list {len(content)} ".encode())
        for item in content:
            _add(total, item)
    else:
        total.update(f"{type(content).__name__} {content!r} ".encode())


def check_finite(named: Mapping[Any, Any], path: str | Path) -> None:
    """Raise UserError where one of some named tensors holds NaN or infinity."""
    for name, value in named.items():
        if isinstance(value, torch.Tensor) and value.is_floating_point() and not torch.isfinite(value).all():
            raise UserError(f"{path}: {name} holds values that are not finite; expected those of a run that went well")


def check_sum(content: Any, expected: Any, path: str | Path) -> None:
    """Raise UserError where the content of a file has another check sum than was noted when it was written."""
    if tensor_sum(content) != expected:
        raise UserError(
            f"{path}: its content is not what was written (check sum); the file has been damaged or changed"
        )

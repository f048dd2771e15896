"""What readers of annotations may want to know beside the file."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spml.prepare.annotations.class_table import ClassTable
from spml.prepare.annotations.mask_table import MaskTable
from spml.prepare.annotations.photographs import Photographs


@dataclass(frozen=True)
class Context:
    """The classes, the photographs, and what colours and numbers of masks mean where the user says it.

    seen: what readers remember, by a path that they make up, so that of thousands of files each does not look again.
    """

    classes: ClassTable
    photographs: Photographs
    mask_table: MaskTable | None = None
    seen: dict[Path, Any] = field(default_factory=dict)

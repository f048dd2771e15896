"""What readers of annotations may want to know beside the file."""

from dataclasses import dataclass

from spml.prepare.annotations.class_table import ClassTable
from spml.prepare.annotations.mask_table import MaskTable
from spml.prepare.annotations.photographs import Photographs


@dataclass(frozen=True)
class Context:
    """The classes, the photographs, and what colours and numbers of masks mean where the user says it."""

    classes: ClassTable
    photographs: Photographs
    mask_table: MaskTable | None = None

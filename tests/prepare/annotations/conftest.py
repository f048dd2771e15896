"""What the tests of annotations share: photographs of the wanted sizes, a context to read in, files as tools write."""

import json

import numpy as np
import pytest
from annotations_written_by_tools import MSRC

from spml.data.files import write_image
from spml.prepare.annotations.class_table import ClassTable, counted_names
from spml.prepare.annotations.context import Context
from spml.prepare.annotations.formats import read_annotations
from spml.prepare.annotations.photographs import Photographs


@pytest.fixture
def photographs(tmp_path):
    """Writes grey photographs, {name: (height, width)}, and returns their folder."""

    def write(**sizes):
        for name, size in sizes.items():
            write_image(tmp_path / "images" / f"{name}.png", np.full((*size, 3), 120, np.uint8))
        return tmp_path / "images"

    return write


@pytest.fixture
def context(photographs):
    """A context of photographs {name: (height, width)} and class names; by default one of 40×60 and three classes."""

    def build(names=("background", "cow", "grass"), background=True, mask_table=None, **sizes):
        folder = photographs(**(sizes or {"a": (40, 60)}))
        return Context(ClassTable(tuple(names), background, counted_names(names)), Photographs(folder), mask_table)

    return build


@pytest.fixture
def read_content(tmp_path, context):
    """Writes content (text, or what becomes JSON) to a file and reads it as annotations."""

    def read(name, content, **settings):
        path = tmp_path / "annotations" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return read_annotations([path], context(**settings)).annotations

    return read


@pytest.fixture
def msrc_context(context):
    """The two photographs, as grey pictures, and the classes of the files in `files`, which real tools wrote."""
    return context(MSRC, False, None, **{"19_5_s": (240, 320), "7_22_s": (213, 320)})

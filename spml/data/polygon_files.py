"""Polygons on disk: the borders of a label map as LabelMe's JSON, those of several as COCO's."""

import os
from pathlib import Path
from typing import Any, NamedTuple

from spml.data.labels import UNLABELLED
from spml.data.outlines import Outline


class Traced(NamedTuple):
    """A label map's photograph, size (height, width), and borders."""

    image: Path
    size: tuple[int, int]
    outlines: list[Outline]


def labelme(traced: Traced, names: dict[int, str], folder: Path) -> dict[str, Any]:
    """A photograph's borders as LabelMe's JSON, to be written to `folder`, which the image's path is relative to."""
    shapes = [
        {
            "label": names[outline.value],
            "points": outline.corners.tolist(),
            "group_id": None,
            "description": "",
            "shape_type": "polygon",
            "flags": {},
            "mask": None,
        }
        for outline in traced.outlines
    ]
    path = os.path.relpath(os.path.abspath(traced.image), os.path.abspath(folder)).replace(os.sep, "/")
    head: dict[str, Any] = {"version": "5.5.0", "flags": {}, "shapes": shapes, "imagePath": path, "imageData": None}
    return head | {"imageHeight": traced.size[0], "imageWidth": traced.size[1]}


def coco(every: list[Traced], names: dict[int, str]) -> dict[str, Any]:
    """All photographs' borders as COCO's JSON; a category's id is the value in the label maps plus one."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for traced in every:
        height, width = traced.size
        images.append({"id": len(images) + 1, "file_name": traced.image.name, "height": height, "width": width})
        for outline in traced.outlines:
            low, high = outline.corners.min(0), outline.corners.max(0)
            ids = {"id": len(annotations) + 1, "image_id": len(images), "category_id": outline.value + 1}
            areas = {"segmentation": [outline.corners.ravel().tolist()], "area": outline.filled, "iscrowd": 0}
            annotations.append(ids | areas | {"bbox": [*low.tolist(), *(high - low).tolist()]})
    used = {outline.value for traced in every for outline in traced.outlines}
    categories = [
        {"id": value + 1, "name": name} for value, name in names.items() if value < UNLABELLED or value in used
    ]
    return {"images": images, "categories": categories, "annotations": annotations}

"""Small sets of toy pictures in the forms of one's own photographs, and of the raw MSRC-21."""

import json

import numpy as np
from raw_data import save, write_text
from scipy.io import savemat

from spml.prepare.toy.scenes import draw_scene

CLASSES = ("background", "disc", "box", "star", "ring", "moon")
MSRC_IDS = {"train": ("2_2_s", "2_4_s", "2_5_s"), "val": ("2_1_s",), "test": ("2_3_s",)}


def _points(scene):
    """LabelMe shapes: a point in each class that shows, at the first pixel with the class all around."""
    shapes = []
    for label in np.unique(scene.semantic):
        inside = scene.semantic == label
        inside[1:-1, 1:-1] &= inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:]
        y, x = np.argwhere(inside)[len(np.argwhere(inside)) // 2].tolist()
        shapes.append({"label": CLASSES[label], "points": [[x + 0.5, y + 0.5]], "shape_type": "point"})
    return shapes


def own_tree(root, size=64):
    """Six photographs: three with points (LabelMe), two with tags (a table), one with truth alone; odd names."""
    write_text(root / "classes.txt", "".join(f"{name}\n" for name in CLASSES))
    tags = []
    for number in range(6):
        name = f"my street {number}" if number < 3 else f"street.{number}"
        scene = draw_scene(np.random.default_rng(number), size)
        save(root / f"images/{name}.jpg", scene.image)
        if number < 3:
            page = {"imagePath": f"{name}.jpg", "imageWidth": size, "imageHeight": size, "shapes": _points(scene)}
            write_text(root / f"annotations/points/{name}.json", json.dumps({"version": "5.4.1", "flags": {}, **page}))
        elif number < 5:
            tags.append(" ".join([name, *(CLASSES[label] for label in np.unique(scene.semantic) if label)]))
        if number in (0, 5):
            save(root / f"truth/{name}.png", scene.semantic)
    write_text(root / "annotations/tags.txt", "".join(f"{line}\n" for line in tags))


def msrc_tree(root, size=64):
    """Five raw images of MSRC-21: grass, sky and cows where toy scenes have classes 0, 1 and others."""
    for seed, name in enumerate(name for names in MSRC_IDS.values() for name in names):
        scene = draw_scene(np.random.default_rng(seed), size)
        save(root / f"Images/{name}.bmp", scene.image)
        (root / "newsegmentations_mats").mkdir(exist_ok=True)
        content = {"newseg": scene.semantic + 1, "newlabels": np.array([2, 7, 4, 4, 4, 4], np.uint8)}
        savemat(root / f"newsegmentations_mats/{name}_GT.mat", content)

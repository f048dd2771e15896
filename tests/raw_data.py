"""Small data sets in the form in which VOC, SBD, ScribbleSup and DensePose-COCO publish theirs, from toy pictures."""

import json
import os
from xml.etree import ElementTree

import numpy as np
from PIL import Image
from scipy.io import savemat

from spml.data.class_names import DENSEPOSE_CLASSES, VOC_CLASSES
from spml.prepare.toy.parts import draw_figures
from spml.prepare.toy.scenes import draw_scene
from spml.prepare.toy.weak_labels import boxes_as_xml, visible_regions
from spml.visualize import voc_palette

# The five toy classes under names of VOC; the six toy parts as parts of DensePose.
VOC_OF_TOY = np.array([0, 1, 3, 8, 12, 15], np.uint8)
DENSEPOSE_OF_TOY = np.array([0, 1, 11, 10, 8, 9, 14], np.uint8)
VOC = {"train": 3, "val": 2, "test": 1}
SBD = {"train": 2, "val": 1}
DENSEPOSE = {"train": 4, "minival": 2, "valminusminival": 1}


def write_text(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def make_later(path):
    """Let a file be changed after all that was made so far."""
    later = path.stat().st_mtime + 3600
    os.utime(path, (later, later))


def save(path, pixels, palette=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    if palette is not None:
        image.putpalette(palette)
    image.save(path)


def voc_tree(root, size=96):
    """Write VOC 2012 with a test split, SBD and ScribbleSup under `root`; returns {split: ids}, train is train_aug."""
    ids = {name: [f"2007_{k}{n:05d}" for n in range(count)] for k, (name, count) in enumerate(VOC.items())}
    sbd = {name: [f"2008_{k}{n:05d}" for n in range(count)] for k, (name, count) in enumerate(SBD.items())}
    for name, listed in ids.items():
        folder = "VOC2012-test" if name == "test" else "VOC2012"
        write_text(root / folder / f"ImageSets/Segmentation/{name}.txt", "".join(f"{i}\n" for i in listed))
    for name, listed in sbd.items():  # SBD names images of VOC val too, which train_aug leaves out
        listed = [*listed, *ids["val"][:1]]
        write_text(root / f"sbd/dataset/{name}.txt", "".join(f"{i}\n" for i in listed))
    for seed, name in enumerate([*ids["train"], *ids["val"], *sbd["train"], *sbd["val"], *ids["test"]]):
        write_voc_image(root, name, draw_scene(np.random.default_rng(seed), size), ids)
    return {**ids, "train": ids["train"] + sbd["train"] + sbd["val"]}


def write_voc_image(root, name, scene, ids):
    """Write an image, and where it is no test image what is known of it."""
    if name in ids["test"]:
        save(root / f"VOC2012-test/JPEGImages/{name}.jpg", scene.image)
        return
    save(root / f"VOC2012/JPEGImages/{name}.jpg", scene.image)
    label = VOC_OF_TOY[scene.semantic]
    names = [VOC_CLASSES[number] for number in VOC_OF_TOY]
    write_text(root / f"VOC2012/Annotations/{name}.xml", boxes_as_xml(name, scene, names))
    write_text(root / f"scribble_annotation/{name}.xml", scribble_xml(scene, names))
    if name.startswith("2008"):
        (root / "sbd/dataset/cls").mkdir(parents=True, exist_ok=True)
        savemat(root / f"sbd/dataset/cls/{name}.mat", {"GTcls": {"Segmentation": label}})
    else:
        save(root / f"VOC2012/SegmentationClass/{name}.png", label, voc_palette().astype(np.uint8).tobytes())


def scribble_xml(scene, names):
    """ScribbleSup XML: in each object, and once in the background, a line through some of its pixels in order."""
    root = ElementTree.Element("annotation")
    for part, region in [*visible_regions(scene), (0, scene.semantic == 0)]:
        polygon = ElementTree.SubElement(root, "polygon")
        ElementTree.SubElement(polygon, "tag").text = names[part]
        places = np.argwhere(region)
        for y, x in places[:: max(1, len(places) // 4)]:
            spot = ElementTree.SubElement(polygon, "point")
            ElementTree.SubElement(spot, "X").text, ElementTree.SubElement(spot, "Y").text = str(x), str(y)
    return ElementTree.tostring(root, encoding="unicode")


def densepose_tree(root, size=96):
    """Write COCO images and DensePose-COCO annotations under `root`; returns {split: ids}."""
    ids, seed = {}, 0
    for split, count in DENSEPOSE.items():
        folder = "train2014" if split == "train" else "val2014"
        images, annotations = [], []
        for _ in range(count):
            seed += 1
            name = f"COCO_{folder}_{seed:012d}"
            scene = draw_figures(np.random.default_rng(seed), size)
            save(root / f"images/{folder}/{name}.jpg", scene.image)
            images.append({"id": seed, "file_name": f"{name}.jpg", "height": size, "width": size})
            annotations += figures_as_people(scene, seed)
            ids.setdefault(split, []).append(name)
        content = json.dumps({"images": images, "annotations": annotations})
        write_text(root / f"annotations/densepose_coco_2014_{split}.json", content)
    return ids


def figures_as_people(scene, number):
    """DensePose annotations of a picture's figures: a box each, and in its 256×256 frame a run-length code a part."""
    people = []
    for figure in range(1, scene.instance.max() + 1):
        rows, columns = (np.flatnonzero((scene.instance == figure).any(axis)) for axis in (1, 0))
        top, left, bottom, right = rows[0], columns[0], rows[-1] + 1, columns[-1] + 1
        inside = np.where(scene.instance == figure, scene.semantic, 0)[top:bottom, left:right]
        stretched = np.array(Image.fromarray(inside).resize((256, 256), Image.Resampling.NEAREST))
        parts = DENSEPOSE_OF_TOY[stretched]
        codes = [run_lengths(parts == part) for part in range(1, len(DENSEPOSE_CLASSES))]
        box = [int(value) for value in (left, top, right - left, bottom - top)]
        people.append(
            {"id": 10 * number + figure, "image_id": number, "category_id": 1, "bbox": box, "dp_masks": codes}
        )
    return people


def run_lengths(mask):
    """The compressed run-length code of a mask, [] where it is empty."""
    from pycocotools.mask import encode

    code = encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(code["size"]), "counts": code["counts"].decode()} if mask.any() else []

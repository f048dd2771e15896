"""Files of two photographs as LabelMe, Label Studio and the library datumaro write them, and their formats."""

from pathlib import Path

FILES = Path(__file__).parent / "files"
SOURCES = {
    "labelme": "LabelMe JSON",
    "label_studio.json": "Label Studio JSON",
    "cvat.xml": "CVAT for images XML",
    "datumaro.json": "Datumaro JSON",
    "coco.json": "COCO JSON",
    "voc": "PASCAL VOC XML",
}
MSRC = (
    "building", "grass", "tree", "cow", "sheep", "sky", "aeroplane", "water", "face", "car", "bicycle",
    "flower", "sign", "bird", "book", "chair", "road", "cat", "dog", "body", "boat",
)  # fmt: skip

"""The package: `pip install -c constraints.txt -e '.[test]'`, or bashscripts/setup.sh, which does it in .venv."""

from setuptools import find_packages, setup

DENSEPOSE = ["pycocotools"]

setup(
    name="spml",
    version="0.1.0",
    description="Weakly supervised semantic segmentation by pixel-to-segment contrastive learning",
    license="MIT",
    packages=find_packages(include=["spml", "spml.*"]),
    python_requires=">=3.10",
    install_requires=[
        "torch>=2.4",
        "torchvision",
        "numpy>=1.26",
        "scipy",
        "tqdm",
        "easydict",
        "PyYAML",
        "Pillow>=10.1",
        "opencv-python-headless",
        "pydensecrf2",
        "tensorboard",
        "scikit-image",
    ],
    extras_require={
        "densepose": DENSEPOSE,
        "test": ["pytest", "hypothesis", "ruff", "import-linter", *DENSEPOSE],
    },
)

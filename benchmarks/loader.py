"""Images a second that the loader makes for training: JPEGs of VOC's size, crops of 512 pixels.

python benchmarks/loader.py                      # 0, 1 and 2 workers, 400 images each
python benchmarks/loader.py --workers 4 --images 2000
"""

import argparse
import itertools
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from spml.config import load_config
from spml.data.datasets import WeakLabelDataset
from spml.data.lists import read_list
from spml.data.stream import StreamSampler, make_loader, read_batches
from spml.engine.trainer import augmentation

POINT = Path(__file__).resolve().parents[1] / "configs" / "voc12" / "point.yaml"
FILES, SIZE, BATCH = 16, (375, 500), 4


def draw_files(folder):
    """A data list of images as rough as photographs (some 100 kB), their points and regions."""
    rng, lines = np.random.default_rng(0), []
    for i in range(FILES):
        coarse = Image.fromarray(rng.integers(0, 256, (24, 32, 3), np.uint8)).resize(
            SIZE[::-1], Image.Resampling.BICUBIC
        )
        pixels = np.clip(np.asarray(coarse) + rng.normal(0, 12, (*SIZE, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.jpg", quality=90)
        for kind in ("points", "regions"):
            label = rng.integers(0, 21, (12, 16), np.uint8)
            Image.fromarray(label).resize(SIZE[::-1], Image.Resampling.NEAREST).save(folder / f"{kind}_{i}.png")
        lines.append(f"{i}.jpg points_{i}.png regions_{i}.png\n")
    path = folder / "list.txt"
    path.write_text("".join(lines))
    return path


def images_a_second(dataset, workers, images):
    """Of whole batches, once the workers have started and each has given one."""
    batches = read_batches(make_loader(dataset, StreamSampler(len(dataset), BATCH, 0, 1 << 40), workers))
    for _ in range(1 + 4 * workers):  # what workers made ahead
        next(batches)
    start, count = time.perf_counter(), max(1, images // BATCH)
    for _ in itertools.islice(batches, count):
        pass
    return count * BATCH / (time.perf_counter() - start)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--images", type=int, default=400)
    args = parser.parse_args()
    config = load_config(POINT)
    with tempfile.TemporaryDirectory() as folder:
        samples = read_list(folder, draw_files(Path(folder)))
        dataset = WeakLabelDataset(samples, config, augmentation(config))
        for workers in args.workers:
            print(
                f"{workers} workers: {images_a_second(dataset, workers, args.images):.1f} images a second", flush=True
            )


if __name__ == "__main__":
    main()

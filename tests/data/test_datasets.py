"""Training samples: tags, unlabelled and void pixels, mistakes in the files."""

import numpy as np
import pytest
import torch
from PIL import Image

from spml.config import load_config
from spml.data.datasets import Augmentation, Batch, WeakLabelDataset, collate, tag_set
from spml.data.files import read_label, write_image
from spml.data.lists import read_list
from spml.errors import UserError
from spml.visualize import voc_palette

STILL = {"mirror": False, "scale": None, "random_crop": False}


@pytest.fixture
def dataset(tiny_data, tiny_config):
    """Builds the tiny data set with changes to the configuration and the augmentation."""

    def build(crop=(40, 40), changes=None, **augmentation):
        config = tiny_config(**(changes or {}))
        samples = read_list(tiny_data.root, tiny_data.list)
        return WeakLabelDataset(samples, config, Augmentation(crop, tuple(config.network.pixel_means), **augmentation))

    return build


def test_a_sample_is_a_normalised_image_two_label_maps_and_tags(dataset, tiny_data):
    image, semantic, instance, tags = dataset(**STILL)[0, 0]
    assert (image.shape, image.dtype) == ((3, 40, 40), torch.float32)
    assert (semantic.numpy() == read_label(tiny_data.root / "semantic" / "a.png")).all()
    assert (instance.numpy() == read_label(tiny_data.root / "instance" / "a.png")).all()
    assert semantic.dtype == instance.dtype == torch.uint8
    assert tags.tolist() == [False, True, True, True]
    assert abs(float(image.mean())) < 3


def test_the_sample_of_a_position_is_always_the_same_and_others_differ(dataset):
    first, again, other = (dataset((32, 32))[0, position] for position in (5, 5, 6))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])
    seeded = dataset((32, 32), changes={"train": {"seed": 1}})[0, 5]
    assert not torch.equal(first[0], seeded[0])


def test_padding_is_void_in_both_label_maps(dataset):
    image, semantic, instance, _ = dataset((48, 44), **STILL)[0, 0]
    for label in (semantic, instance):
        assert (label[40:] == 255).all()
        assert (label[:, 40:] == 255).all()
        assert (label[:40, :40] != 255).all()
    assert image[:, 40:].abs().max() < 1e-6


def test_masks_that_write_255_for_unlabelled_have_254_before_the_padding(dataset, tiny_data):
    path = tiny_data.root / "semantic" / "a.png"
    label = read_label(path)
    write_image(path, np.where(label == 254, 255, label).astype(np.uint8))
    kept = dataset((44, 40), **STILL)[0, 0][1]
    turned = dataset((44, 40), {"dataset": {"unlabelled_index": 255}}, **STILL)[0, 0][1]
    assert set(kept.unique().tolist()) == {0, 1, 2, 3, 255}
    assert (turned[:40].numpy() == label).all()
    assert (turned[40:] == 255).all()


def test_tags_are_the_classes_of_the_whole_label_not_of_the_crop(dataset):
    _, semantic, _, tags = dataset((10, 4), **STILL)[0, 0]
    assert (semantic == 254).all()
    assert tags.tolist() == [False, True, True, True]


@pytest.mark.parametrize(
    ("label", "tags"),
    [([[0, 254, 255]], [0, 0, 0]), ([[0, 1, 3, 2]], [0, 1, 1]), ([[255]], [0, 0, 0]), ([[2, 2]], [0, 0, 1])],
)
def test_tags_leave_out_background_unlabelled_and_void(label, tags):
    assert tag_set(np.array(label, np.uint8), 3).tolist() == [bool(t) for t in tags]


def test_a_mirrored_image_has_the_tags_of_its_exchanged_classes(dataset, tiny_data):
    label = np.full((40, 40), 254, np.uint8)
    label[:, 5:9] = 2
    write_image(tiny_data.root / "semantic" / "a.png", label)
    swapping = dataset(mirror_classes=(0, 1, 3, 2), scale=None, random_crop=False)
    seen = set()
    for position in range(12):
        _, semantic, _, tags = swapping[0, position]
        present = [c in semantic.unique().tolist() for c in range(4)]
        assert tags.tolist() == present
        seen.add(tuple(present))
    assert len(seen) == 2


def test_tags_of_a_file_win_over_those_of_the_label(dataset, tmp_path):
    (tmp_path / "tags.txt").write_text("a 2\nb\nc 1 3\nd 1\n")
    data = dataset(changes={"dataset": {"tags_file": str(tmp_path / "tags.txt")}}, **STILL)
    assert [data[i, 0][3].nonzero()[:, 0].tolist() for i in range(4)] == [[2], [], [1, 3], [1]]
    (tmp_path / "tags.txt").write_text("a 2\n")
    with pytest.raises(UserError, match="has no line for b and 2 more"):
        dataset(changes={"dataset": {"tags_file": str(tmp_path / "tags.txt")}}, **STILL)


@pytest.mark.parametrize("folder", ["semantic", "instance"])
def test_a_label_of_another_size_is_an_error_that_names_both_files(dataset, tiny_data, folder):
    write_image(tiny_data.root / folder / "b.png", np.zeros((30, 41), np.uint8))
    error = dataset(**STILL)[1, 0]
    assert isinstance(error, UserError)
    assert f"{folder}/b.png: is 41×30 pixels" in str(error)
    assert "image/b.png is 40×40" in str(error)


def test_the_label_of_a_photograph_is_of_the_size_of_the_upright_image(dataset, tiny_data):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (50, 40)).save(tiny_data.root / "image" / "b.png", exif=exif)
    for size in ((50, 40), (40, 50)):
        for folder in ("semantic", "instance"):
            write_image(tiny_data.root / folder / "b.png", np.zeros(size, np.uint8))
        sample = dataset((50, 50), **STILL)[1, 0]
        assert isinstance(sample, UserError) == (size == (40, 50))


def test_a_palette_mask_is_a_weak_label_like_a_grey_one(dataset, tiny_data):
    path = tiny_data.root / "semantic" / "a.png"
    label = read_label(path)
    write_image(path, label, voc_palette())
    assert (dataset(**STILL)[0, 0][1].numpy() == label).all()


def test_a_new_data_set_is_a_yaml_and_lists(tiny_data, tiny_yaml, tmp_path):
    (tmp_path / "base.yaml").write_text(tiny_yaml())
    (tmp_path / "mine.yaml").write_text(
        "_base_: base.yaml\ndataset: {dataset: my own, num_classes: 5, mirror_classes: [0, 2, 1, 3, 4]}"
    )
    config = load_config(tmp_path / "mine.yaml")
    samples = read_list(tiny_data.root, tiny_data.list)
    means, mirror = tuple(config.network.pixel_means), tuple(config.dataset.mirror_classes)
    data = WeakLabelDataset(samples, config, Augmentation((32, 32), means, mirror_classes=mirror))
    assert [len(data[i, i][3]) for i in range(4)] == [5] * 4 and config.dataset.dataset == "my own"


def test_a_broken_file_comes_out_of_a_batch_as_the_error_it_is(dataset, tiny_data):
    (tiny_data.root / "image" / "b.png").write_text("no image")
    data = dataset(**STILL)
    error = collate([data[0, 0], data[1, 1]])
    assert isinstance(error, UserError)
    assert "image/b.png" in str(error)


def test_samples_are_stacked_into_a_batch(dataset):
    data = dataset((32, 32))
    batch = collate([data[0, 0], data[1, 1], data[2, 2]])
    assert isinstance(batch, Batch)
    assert batch.image.shape == (3, 3, 32, 32)
    assert batch.semantic.shape == batch.instance.shape == (3, 32, 32)
    assert batch.tags.shape == (3, 4)
    moved = batch.to("cpu", torch.channels_last)
    assert moved.image.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(moved.image, batch.image)


def test_void_pixels_without_an_unlabelled_one_are_noticed(dataset, tiny_data):
    assert not dataset(**STILL).has_void_alone()
    for name in tiny_data.ids:
        path = tiny_data.root / "semantic" / f"{name}.png"
        label = read_label(path)
        write_image(path, np.where(label == 254, 255, label).astype(np.uint8))
    assert dataset(**STILL).has_void_alone()
    assert not dataset(changes={"dataset": {"unlabelled_index": 255}}, **STILL).has_void_alone()
    for name in tiny_data.ids:
        write_image(tiny_data.root / "semantic" / f"{name}.png", np.zeros((40, 40), np.uint8))
    assert not dataset(**STILL).has_void_alone()  # all are labelled


def test_without_a_background_class_0_counts_as_a_tag(dataset, tmp_path):
    none = {"background": "none"}
    assert dataset((10, 4), {"dataset": none}, **STILL)[0, 0][3].tolist() == [True] * 4
    assert tag_set(np.array([[0, 2, 254]], np.uint8), 3, first=0).tolist() == [True, False, True]
    (tmp_path / "tags.txt").write_text("a 0\nb\nc 0 3\nd 1\n")
    data = dataset(changes={"dataset": {**none, "tags_file": str(tmp_path / "tags.txt")}}, **STILL)
    assert [data[i, 0][3].nonzero()[:, 0].tolist() for i in range(4)] == [[0], [], [0, 3], [1]]


def test_large_images_are_shrunk_on_reading_and_lose_no_stroke(dataset, tiny_data):
    label, regions = np.full((300, 400), 254, np.uint8), np.zeros((300, 400), np.uint8)
    label[151], label[:, 203], regions[:, 200:] = 1, 3, 9
    write_image(tiny_data.root / "image" / "a.png", np.full((300, 400, 3), 80, np.uint8))
    write_image(tiny_data.root / "semantic" / "a.png", label)
    write_image(tiny_data.root / "instance" / "a.png", regions)
    data = dataset((40, 40), {"dataset": {"max_side": 40}}, **STILL)
    image, semantic, instance = data.read(0)
    assert image.shape == (30, 40, 3) and (image == 80).all()
    assert (semantic[15, :20] == 1).all() and (semantic[np.arange(30) != 15, 20] == 3).all()
    assert (semantic != 254).sum() == 69
    assert (instance[:, :20] == 0).all() and (instance[:, 20:] == 9).all()
    assert data.read(1)[0].shape == (40, 40, 3)
    assert data[0, 0][3].tolist() == [False, True, False, True]


@pytest.mark.parametrize("folder", ["image", "semantic", "instance"])
def test_files_beyond_the_limit_of_the_configuration_are_refused(dataset, tiny_data, folder):
    write_image(tiny_data.root / folder / "b.png", np.zeros((40, 41), np.uint8))
    error = dataset(changes={"dataset": {"max_pixels": 1600}}, **STILL)[1, 0]
    assert f"{folder}/b.png: has 41×40 pixels; at most 1600 are read" in str(error)


def test_without_label_maps_every_pixel_is_unlabelled_and_regions_stay(dataset, tiny_data):
    none = {"label_maps": False, "sem_ann_loss_types": "none"}
    data = dataset((48, 44), {"train": none}, **STILL)
    (tiny_data.root / "semantic" / "a.png").write_text("no label map")
    _, semantic, instance, tags = data[0, 0]
    assert (semantic[:40, :40] == 254).all() and (semantic[40:] == 255).all()
    assert instance[:40, :40].unique().tolist() == [0, 1, 2, 3]
    assert not tags.any() and not data.has_void_alone()

"""What `import spml` gives: a trained snapshot as a Segmenter, and the names of the package."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import spml
from spml.commands.inference import inference, inference_softmax, inference_softmax_msc
from spml.commands.prototype import prototype
from spml.config import save_config
from spml.data.files import read_image, read_label, read_npz
from spml.errors import UserError
from spml.inference.crf_settings import CRFParameters
from spml.inference.gallery import LabelledPrototypes

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def segmenter(snapshot_dir, config_path):
    return spml.load(snapshot_dir, config=config_path, device="cpu")


@pytest.fixture
def images(tiny_data):
    return {name: read_image(tiny_data.root / "image" / f"{name}.png") for name in tiny_data.ids}


def read(folder, name):
    return np.array(Image.open(folder / "semantic_gray" / f"{name}.png"))


def test_a_call_gives_the_mask_that_inference_softmax_writes(segmenter, images, call):
    out = call(inference_softmax)
    for name, image in images.items():
        mask = segmenter(image)
        assert mask.dtype == np.uint8 and np.array_equal(mask, read(out, name))


def test_scores_over_scales_and_flips_are_those_of_inference_softmax_msc(segmenter, images, call):
    out = call(inference_softmax_msc)
    for name, image in images.items():
        scores = segmenter.scores(image, scales=(0.5, 0.75, 1, 1.25, 1.5), flips=True)
        assert scores.shape == (4, 40, 40) and scores.dtype == np.float32
        np.testing.assert_allclose(scores.sum(0), 1, atol=1e-5)
        assert np.array_equal(scores.argmax(0), read(out, name))


def test_scores_are_of_the_images_size_also_at_another_scale_and_after_the_crf(segmenter, images):
    plain = segmenter.scores(images["a"])
    assert plain.shape == (4, 40, 40) and segmenter.config.test.image_size == 44
    for crf in (True, CRFParameters(iterations=1)):
        refined = segmenter.scores(images["a"], crf=crf)
        assert refined.shape == plain.shape and not np.allclose(refined, plain)
    flipped = segmenter.scores(images["a"], flips=True)
    mirrored = segmenter.scores(np.ascontiguousarray(images["a"][:, ::-1]), flips=True)
    np.testing.assert_allclose(mirrored[..., ::-1], flipped, atol=1e-5)


def test_an_embedding_holds_a_unit_vector_a_pixel(segmenter, images):
    embedding = segmenter.embed(images["a"][:30])
    assert embedding.shape == (8, 30, 40) and embedding.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(embedding, axis=0), 1, rtol=1e-5)


def test_what_is_remembered_is_retrieved_as_by_the_scripts(segmenter, images, tiny_data, call, tmp_path):
    for name in tiny_data.ids:
        path = tiny_data.root / "semantic" / f"{name}.png"
        label = read_label(path)
        label[label == 254] = 2
        Image.fromarray(label).save(path)
        segmenter.remember(segmenter.prototypes(images[name], label))
    gallery = call(prototype, out="prototypes") / "semantic_prototype"
    written = [read_npz(gallery / f"{name}.npz")["prototype"] for name in tiny_data.ids]
    assert np.array_equal(segmenter.gallery.embedding.numpy(), np.concatenate(written))
    out = call(inference, "--semantic_memory_dir", gallery)
    for name, image in images.items():
        mask = segmenter.retrieve(image)
        assert mask.dtype == np.uint8 and np.array_equal(mask, read(out, name))


def test_a_gallery_holds_what_it_remembers_in_the_type_that_the_configuration_names(snapshot_dir, config_path, images):
    config = spml.load_config(config_path, {"test.prototypes": "float16"})
    short, whole = spml.load(snapshot_dir, config, "cpu"), spml.load(snapshot_dir, config_path, "cpu")
    for segmenter in (short, whole):
        segmenter.remember(segmenter.prototypes(images["a"], np.ones((40, 40), np.uint8)))
        assert (segmenter.retrieve(images["a"]) == 1).all()
    assert short.gallery.embedding.dtype == torch.float16
    assert torch.equal(short.gallery.embedding, whole.gallery.embedding.half())


def test_prototypes_of_several_images_are_remembered_at_once_and_those_of_no_class_are_not(segmenter):
    one = LabelledPrototypes(np.eye(8, dtype=np.float32)[:3], np.array([0, 254, 3]), np.zeros((2, 2), int))
    segmenter.remember([one, one])
    assert segmenter.gallery.label.tolist() == [0, 3, 0, 3]


def test_a_snapshot_is_named_by_its_folder_or_file_and_its_configuration_lies_beside_it(snapshot_dir, config, images):
    with pytest.raises(spml.UserError, match="holds no config_merged.yaml"):
        spml.load(snapshot_dir)
    save_config(config, snapshot_dir / "config_merged.yaml")
    masks = [
        spml.load(path, given, "cpu")(images["a"])
        for path in (snapshot_dir, str(snapshot_dir / "model-2.pth"))
        for given in (None, config)
    ]
    assert all(np.array_equal(mask, masks[0]) for mask in masks)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4, 3)),
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        "a.png",
    ],
)
def test_what_is_no_image_is_refused(segmenter, image):
    for method in (segmenter, segmenter.scores, segmenter.embed, segmenter.retrieve):
        with pytest.raises(spml.UserError, match="^image: expected a uint8 array H×W×3"):
            method(image)


def test_mistakes_of_a_library_user_are_named(segmenter, images, snapshot_dir, config, config_path, tmp_path):
    image = images["a"]
    with pytest.raises(spml.UserError, match="gallery is empty"):
        segmenter.retrieve(image)
    with pytest.raises(spml.UserError, match="^label: expected a uint8 array of the image's size"):
        segmenter.prototypes(image, np.zeros((4, 4), np.uint8))
    with pytest.raises(spml.UserError, match="^prototypes have shape .*expected S×8"):
        segmenter.remember(LabelledPrototypes(np.zeros((2, 3), np.float32), np.zeros(2, int), np.zeros((1, 1), int)))
    for scales in ((0,), (), 0.5, ("a",), (float("nan"),), (float("inf"),)):
        with pytest.raises(spml.UserError, match="scales is .*expected positive"):
            segmenter.scores(image, scales=scales)
    with pytest.raises(spml.UserError, match="nowhere: no such snapshot"):
        spml.load(tmp_path / "nowhere", config_path)
    config.network.embedding_dim = 16
    with pytest.raises(spml.UserError, match="embedding_dim"):
        spml.load(snapshot_dir, config)


def test_a_snapshot_without_a_classifier_retrieves_but_does_not_classify(snapshot_dir, config_path, images):
    import torch

    content = torch.load(snapshot_dir / "model-2.pth", weights_only=True)
    torch.save({"embedding_model": content["embedding_model"]}, snapshot_dir / "model-2.pth")
    segmenter = spml.load(snapshot_dir, config_path, "cpu")
    segmenter.remember(segmenter.prototypes(images["a"], np.full((40, 40), 1, np.uint8)))
    assert set(segmenter.retrieve(images["a"]).flat) == {1}
    for method in (segmenter, segmenter.scores):
        with pytest.raises(spml.UserError, match="holds no classifier"):
            method(images["a"])


@pytest.mark.slow
def test_the_package_brings_no_torch_until_it_is_asked_for_more():
    code = "import sys, spml; print('torch' in sys.modules, spml.__version__); spml.load; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split() == ["False", spml.__version__, "True"]
    assert set(spml.__all__) == {"Segmenter", "UserError", "__version__", "load", "load_config", "train"}
    assert all(getattr(spml, name) for name in spml.__all__) and dir(spml) == spml.__all__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        spml.nothing  # noqa: B018


def test_a_segmenter_does_not_depend_on_its_file_any_more(snapshot_dir, config_path, images):
    segmenter = spml.load(snapshot_dir, config=config_path, device="cpu")
    before = segmenter(images["a"])
    (path,) = snapshot_dir.glob("*.pth")
    path.write_bytes(bytes(path.stat().st_size))  # in place, as copying and torch.save do
    assert np.array_equal(segmenter(images["a"]), before)


def test_the_crf_takes_an_image_that_must_not_be_written_to(segmenter, images):
    segmenter.config.test.image_size = 0
    image = images["a"].copy()
    image.flags.writeable = False
    assert np.array_equal(segmenter.scores(image, crf=True), segmenter.scores(images["a"], crf=True))


@pytest.mark.parametrize(
    ("prototype", "label"),
    [(np.zeros((2, 8)), [0, -1]), (np.zeros((2, 8)), [0]), (np.zeros((2, 8)), [0.5, 1]), (np.zeros((2, 8)), [[0, 1]])],
)
def test_prototypes_without_a_class_each_are_refused(segmenter, prototype, label):
    with pytest.raises(UserError, match="labels of 2 prototypes: expected"):
        segmenter.remember(LabelledPrototypes(prototype, np.array(label), np.zeros((4, 4), int)))
    assert not len(segmenter.gallery)


def test_what_is_no_prototypes_is_refused(segmenter, images):
    for wrong in (images["a"], [images["a"]], 3):
        with pytest.raises(UserError, match="prototypes: expected what prototypes.. gives, or several"):
            segmenter.remember(wrong)


def test_a_segmenter_is_one_thing_and_shown_in_one_line(segmenter, snapshot_dir, config_path):
    other = spml.load(snapshot_dir, config=config_path, device="cpu")
    assert len({segmenter, other}) == 2 and segmenter == segmenter and segmenter != other
    assert repr(segmenter) == "Segmenter(panoptic_deeplab_tiny, 4 classes, with a classifier, 0 prototypes, cpu)"


def test_parameters_of_the_crf_are_numbers():
    for wrong in ({"iterations": "3"}, {"iterations": 2.5}, {"pos_w": None}):
        with pytest.raises(UserError, match=f"CRF, {next(iter(wrong))}: .*; expected"):
            CRFParameters(**wrong)
    assert CRFParameters(iterations=np.int64(3), pos_w=np.float32(2)).iterations == 3

"""Scores by retrieval and soft-max on images whose answer is known."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from spml import devices
from spml.config import load_config
from spml.errors import UserError
from spml.inference.gallery import Gallery
from spml.inference.input_image import InputImage
from spml.inference.labelled_prototypes import image_prototypes, prototype_pyramid
from spml.inference.networks import Networks
from spml.inference.pseudo_labels import retrieval_seeds
from spml.inference.scores import best_class, resized_image, retrieval, retrieval_pyramid, softmax, softmax_pyramid
from spml.inference.segmenter import open_networks

COLOURS = np.array([[200, 30, 30], [30, 200, 30], [30, 30, 200]], np.uint8)


class Shrink(nn.Module):
    """An embedding network that knows colours alone: image N×3×H×W → N×3×H/4×W/4."""

    def forward(self, image):
        return nn.functional.avg_pool2d(image, 4, ceil_mode=True)


def stripes(height=40, width=48):
    """An image of three upright stripes, class = colour, the last pixels of each row void."""
    label = np.repeat(np.arange(3, dtype=np.uint8), width // 3)[None].repeat(height, 0)
    image = InputImage(COLOURS[label], label.copy())
    image.label[:, -2:] = 255
    return image


@pytest.fixture
def networks(tiny_config, device):
    """Colours as embeddings, a classifier that takes the strongest of them, a gallery of the three colours."""
    test = {"crop_size": [32, 32], "stride": [16, 16]}
    config = tiny_config(network={"embedding_dim": 3, "kmeans_num_clusters": [1, 3]}, test=test)
    normalised = (COLOURS / 255 - config.network.pixel_means) / config.network.pixel_stds
    embedding = nn.functional.normalize(torch.tensor(normalised, dtype=torch.float32), dim=1)
    classifier = nn.Conv2d(3, 3, 1)
    with torch.no_grad():
        classifier.weight[:, :, 0, 0] = 10 * embedding
    gallery = Gallery(embedding.to(device), torch.arange(3, device=device))
    return Networks(Shrink(), classifier.to(device), gallery, config, torch.device(device))


def share_right(scores, truth):
    return (scores.argmax(0).cpu().numpy() == truth).mean()


@torch.inference_mode()
@pytest.mark.parametrize("way", [softmax, softmax_pyramid])
def test_classes_by_pixel_and_at_the_embedding_are_the_same_where_the_classifier_is_linear(networks, way):
    by_pixel = way(networks, stripes())
    networks.config.test.classify = "embedding"
    torch.testing.assert_close(way(networks, stripes()), by_pixel)


@torch.inference_mode()
def test_classes_at_the_embedding_are_logits_of_the_classifier_brought_to_full_resolution(networks, device):
    networks.config.test.update(classify="embedding", crop_size=[40, 48], stride=[40, 48])
    networks.classifier = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU(), networks.classifier).to(device)
    ((view, embeddings),) = networks.look(stripes().unit_range(), [1], flips=False)
    expected = nn.functional.interpolate(
        networks.classifier(embeddings), (40, 48), mode="bilinear", align_corners=False
    )
    torch.testing.assert_close(networks.logits(view, embeddings), expected[0])
    networks.config.test.classify = "pixels"
    assert not torch.allclose(networks.logits(view, embeddings), expected[0])


@torch.inference_mode()
def test_each_way_to_score_finds_the_stripes(networks):
    image = stripes()
    truth = np.repeat(np.arange(3), 16)[None].repeat(40, 0)
    one = replace(networks, gallery=_nearest_only(networks.gallery))
    for score in (retrieval, retrieval_pyramid, softmax, softmax_pyramid):
        scores = score(one, image)
        assert scores.shape[1:] == (40, 48) and share_right(scores, truth) > 0.85
        torch.testing.assert_close(scores.sum(0).cpu(), torch.ones(40, 48))


def _nearest_only(gallery):
    """Twenty copies of each prototype, so that the vote is that of the nearest."""
    return Gallery(gallery.embedding.repeat(20, 1), gallery.label.repeat(20))


@torch.inference_mode()
def test_single_scales_work_at_the_longest_side_and_pyramids_at_the_images_size(networks):
    networks.config.test.image_size = 24
    image = stripes()
    assert resized_image(image, networks.config).shape == (20, 24, 3)
    assert retrieval(networks, image).shape == (4, 20, 24) and softmax(networks, image).shape == (3, 20, 24)
    assert retrieval_pyramid(networks, image).shape == (4, 40, 48) and softmax_pyramid(networks, image).shape == (
        3,
        40,
        48,
    )


@torch.inference_mode()
def test_a_pyramid_looks_alike_at_an_image_and_its_mirror_image(networks):
    image = stripes()
    mirrored = InputImage(np.ascontiguousarray(image.pixels[:, ::-1]))
    for score in (retrieval_pyramid, softmax_pyramid):
        torch.testing.assert_close(score(networks, mirrored).flip(-1), score(networks, image))


@torch.inference_mode()
@pytest.mark.parametrize(("score", "sides"), [(retrieval_pyramid, [0, 2, 1, 3]), (softmax_pyramid, [0, 2, 1])])
def test_where_classes_have_sides_those_of_a_mirror_image_change_them(networks, score, sides):
    image = stripes()
    mirrored = InputImage(np.ascontiguousarray(image.pixels[:, ::-1]))
    networks = replace(networks, gallery=_nearest_only(networks.gallery))
    plain = score(networks, image)
    networks.config.dataset.mirror_classes = sides
    torch.testing.assert_close(score(networks, mirrored).flip(-1)[sides], score(networks, image))
    assert not torch.allclose(score(networks, image), plain, atol=0.1)


@torch.inference_mode()
def test_prototypes_hold_direction_and_majority_of_each_segment(networks):
    found = image_prototypes(networks, stripes())
    assert found.label.tolist() == [0, 1, 2] and found.segment.shape == (40, 48)
    assert (found.prototype @ networks.gallery.embedding.T.cpu().numpy()).argmax(1).tolist() == [0, 1, 2]
    np.testing.assert_allclose(np.linalg.norm(found.prototype, axis=1), 1, rtol=1e-5)
    several = prototype_pyramid(networks, stripes())
    # At half the size the last column of the grid lies on the padding.
    assert several.label.tolist() == [0, 1, *[0, 1, 2] * 2] and several.segment.shape == (60, 72)


@torch.inference_mode()
def test_an_image_of_one_segment_votes_too(networks):
    networks.config.network.kmeans_num_clusters = [1, 1]
    image = InputImage(np.full((5, 7, 3), 90, np.uint8), np.full((5, 7), 254, np.uint8))
    found = image_prototypes(networks, image)
    assert found.label.tolist() == [254]
    scores = retrieval(networks, image)
    torch.testing.assert_close(scores.cpu(), torch.tensor([1 / 3, 1 / 3, 1 / 3, 0])[:, None, None].expand(4, 5, 7))


def seen_scales(networks, monkeypatch, score):
    """The scales at which a function looks at an image."""
    seen = []
    look = Networks.look
    monkeypatch.setattr(
        Networks,
        "look",
        lambda self, image, scales, *a, **kw: seen.extend(scales) or look(self, image, scales, *a, **kw),
    )
    score(networks, stripes())
    return seen


@torch.inference_mode()
@pytest.mark.parametrize("way", [retrieval, retrieval_pyramid, softmax, softmax_pyramid])
def test_several_images_at_once_score_as_each_does_alone(networks, way):
    pictures = [stripes(), stripes(24, 30), stripes(44, 36)]
    calls, forward = [], networks.embedding.forward
    networks.embedding.forward = lambda images: calls.append(len(images)) or forward(images)
    alone = [way(networks, picture) for picture in pictures]
    apart, calls[:] = calls[:], []
    for one, other in zip(alone, way.several(networks, pictures), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)
    assert sum(calls) == sum(apart) and len(calls) < len(apart)
    assert list(way.several(networks, [])) == []


@torch.inference_mode()
@pytest.mark.parametrize(
    ("score", "published"),
    [
        (retrieval_pyramid, [0.5, 0.75, 1, 1.25, 1.5]),
        (softmax_pyramid, [0.5, 0.75, 1, 1.25, 1.5]),
        (prototype_pyramid, [0.5, 1, 1.5]),
        (retrieval_seeds, [0.5, 1, 1.5, 2]),
    ],
)
def test_scales_of_the_configuration_hold_where_it_names_other_than_one(networks, monkeypatch, score, published):
    assert seen_scales(networks, monkeypatch, score) == published
    networks.config.test.scales = [0.75, 1.0]
    assert seen_scales(networks, monkeypatch, score)[-2:] == [0.75, 1.0]


@torch.inference_mode()
@pytest.mark.parametrize("score", [softmax, softmax_pyramid])
def test_a_snapshot_without_a_classifier_is_named(networks, score):
    with pytest.raises(UserError, match="holds no classifier"):
        score(replace(networks, classifier=None), stripes())


def test_sizes_that_no_memory_has_room_for_are_refused_before_anything_is_made(monkeypatch, tmp_path):
    monkeypatch.setattr(devices, "free_memory", lambda device: 1 << 30)
    image = InputImage(np.zeros((30, 40, 3), np.uint8))
    with pytest.raises(UserError, match="test.image_size 60000: at least .* GiB of memory are needed"):
        resized_image(image, load_config(None, ["test.image_size", "60000"]))
    assert resized_image(image, load_config(None, ["test.image_size", "80"])).shape == (60, 80, 3)
    config = load_config(None, ["test.crop_size", "[16000, 16000]"])
    with pytest.raises(UserError, match=r"test.crop_size \[16000, 16000\]: at least"):
        open_networks(config, tmp_path / "none.pth", torch.device("cpu"), False)


def test_the_best_class_is_the_first_of_equal_ones():
    scores = torch.randint(4, (5, 30, 40), generator=torch.Generator().manual_seed(0)).float()
    expected = np.argmax(scores.numpy(), 0)
    found = best_class(scores)
    assert found.dtype == torch.uint8 and (found.numpy() == expected).all()

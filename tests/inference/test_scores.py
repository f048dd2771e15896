"""Scores by retrieval and soft-max on images whose answer is known."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from spml.commands.job import Item
from spml.inference.gallery import image_prototypes
from spml.inference.retrieval import Memory
from spml.inference.scores import resized_image, retrieval, retrieval_pyramid, softmax, softmax_pyramid
from spml.inference.segmenter import Model

COLOURS = np.array([[200, 30, 30], [30, 200, 30], [30, 30, 200]], np.uint8)


class Shrink(nn.Module):
    """An embedding network that knows colours alone: image N×3×H×W → N×3×H/4×W/4."""

    def forward(self, image):
        return nn.functional.avg_pool2d(image, 4, ceil_mode=True)


def stripes(height=40, width=48):
    """An item of three upright stripes, class = colour, the last pixels of each row void."""
    label = np.repeat(np.arange(3, dtype=np.uint8), width // 3)[None].repeat(height, 0)
    item = Item("stripes", COLOURS[label], label.copy())
    item.label[:, -2:] = 255
    return item


@pytest.fixture
def model(tiny_config):
    """Colours as embeddings, a classifier that takes the strongest of them, a memory of the three colours."""
    test = {"crop_size": [32, 32], "stride": [16, 16]}
    config = tiny_config(network={"embedding_dim": 3, "kmeans_num_clusters": [1, 3]}, test=test)
    normalised = (COLOURS / 255 - config.network.pixel_means) / config.network.pixel_stds
    embedding = nn.functional.normalize(torch.tensor(normalised, dtype=torch.float32), dim=1)
    classifier = nn.Conv2d(3, 3, 1)
    with torch.no_grad():
        classifier.weight[:, :, 0, 0] = 10 * embedding
    return Model(Shrink(), classifier, Memory(embedding, torch.arange(3)), config, torch.device("cpu"))


def share_right(scores, truth):
    return (scores.argmax(0).numpy() == truth).mean()


@torch.inference_mode()
def test_each_way_to_score_finds_the_stripes(model):
    item = stripes()
    truth = np.repeat(np.arange(3), 16)[None].repeat(40, 0)
    one = Model(model.embedding, model.classifier, _nearest_only(model.memory), model.config, model.device)
    for score in (retrieval, retrieval_pyramid, softmax, softmax_pyramid):
        scores = score(one, item)
        assert scores.shape[1:] == (40, 48) and share_right(scores, truth) > 0.85
        torch.testing.assert_close(scores.sum(0), torch.ones(40, 48))


def _nearest_only(memory):
    """Twenty copies of each prototype, so that the vote is that of the nearest."""
    return Memory(memory.embedding.repeat(20, 1), memory.label.repeat(20))


@torch.inference_mode()
def test_single_scales_work_at_the_longest_side_and_pyramids_at_the_images_size(model):
    model.config.test.image_size = 24
    item = stripes()
    assert resized_image(item, model.config).shape == (20, 24, 3)
    assert retrieval(model, item).shape == (4, 20, 24) and softmax(model, item).shape == (3, 20, 24)
    assert retrieval_pyramid(model, item).shape == (4, 40, 48) and softmax_pyramid(model, item).shape == (3, 40, 48)


@torch.inference_mode()
def test_a_pyramid_looks_alike_at_an_image_and_its_mirror_image(model):
    item = stripes()
    mirrored = Item("mirrored", np.ascontiguousarray(item.pixels[:, ::-1]))
    for score in (retrieval_pyramid, softmax_pyramid):
        torch.testing.assert_close(score(model, mirrored).flip(-1), score(model, item))


@torch.inference_mode()
@pytest.mark.parametrize(("score", "sides"), [(retrieval_pyramid, [0, 2, 1, 3]), (softmax_pyramid, [0, 2, 1])])
def test_where_classes_have_sides_those_of_a_mirror_image_change_them(model, score, sides):
    item = stripes()
    mirrored = Item("mirrored", np.ascontiguousarray(item.pixels[:, ::-1]))
    model = replace(model, memory=_nearest_only(model.memory))
    plain = score(model, item)
    model.config.dataset.mirror_classes = sides
    torch.testing.assert_close(score(model, mirrored).flip(-1)[sides], score(model, item))
    assert not torch.allclose(score(model, item), plain, atol=0.1)


@torch.inference_mode()
def test_prototypes_hold_direction_and_majority_of_each_segment(model):
    found = image_prototypes(model, stripes())
    assert found.label.tolist() == [0, 1, 2] and found.segment.shape == (40, 48)
    assert (found.prototype @ model.memory.embedding.T.numpy()).argmax(1).tolist() == [0, 1, 2]
    np.testing.assert_allclose(np.linalg.norm(found.prototype, axis=1), 1, rtol=1e-5)
    several = image_prototypes(model, stripes(), (0.5, 1, 1.5))
    # At half the size the last column of the grid lies on the padding.
    assert several.label.tolist() == [0, 1, *[0, 1, 2] * 2] and several.segment.shape == (60, 72)


@torch.inference_mode()
def test_an_image_of_one_segment_votes_too(model):
    model.config.network.kmeans_num_clusters = [1, 1]
    item = Item("flat", np.full((5, 7, 3), 90, np.uint8), np.full((5, 7), 254, np.uint8))
    found = image_prototypes(model, item)
    assert found.label.tolist() == [254]
    scores = retrieval(model, item)
    torch.testing.assert_close(scores, torch.tensor([1 / 3, 1 / 3, 1 / 3, 0])[:, None, None].expand(4, 5, 7))

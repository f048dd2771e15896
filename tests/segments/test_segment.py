"""From a batch of embeddings to segments: published figures, plain loops, void pixels."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spml.models.local_features import location_features
from spml.segments.kmeans import initial_clusters, spherical_kmeans
from spml.segments.segment import _warn_of_divisor, resize_labels, segment_batch, segment_ids, unit_vectors


def random_batch(images=2, channels=4, height=6, width=5, void=0.2, seed=0):
    """Embeddings N×C×H×W, local features, semantic and instance labels with void pixels."""
    g = torch.Generator().manual_seed(seed)
    embedding = torch.randn(images, channels, height, width, generator=g)
    semantic = torch.tensor([0, 1, 2, 254])[torch.randint(4, (images, height, width), generator=g)]
    semantic[torch.rand(semantic.shape, generator=g) < void] = 255
    instance = torch.randint(3, (images, height, width), generator=g)
    return embedding, location_features(height, width).expand(images, -1, -1, -1), semantic, instance


def plain_segments(embedding, features, semantic, instance, grid, iterations, divisor):
    """(image, place, cluster, label) of each pixel that is not void, and each pixel's number among sorted triples."""
    pixels = []
    for n in range(len(embedding)):
        v = embedding[n].permute(1, 2, 0).flatten(0, 1)
        v = v / v.norm(dim=1, keepdim=True)
        x = torch.cat([v, features[n].flatten(0, 1)], 1)
        x = x / x.norm(dim=1, keepdim=True)
        initial = initial_clusters(*semantic.shape[1:], *grid).flatten()
        places = [p for p, label in enumerate(semantic[n].flatten().tolist()) if label != 255]
        if places:
            clusters = spherical_kmeans(x[places], initial[places], int(initial.max()) + 1, iterations)
            for place, cluster in zip(places, clusters.tolist(), strict=True):
                label = int(semantic[n].flatten()[place]) * divisor + int(instance[n].flatten()[place])
                pixels.append((n, place, cluster, label))
    triples = sorted({(n, cluster, label) for n, _, cluster, label in pixels})
    return pixels, [triples.index((n, cluster, label)) for n, _, cluster, label in pixels]


def test_unit_vectors_equal_the_published_ones(golden):
    figures = golden("normalize_embedding")
    torch.testing.assert_close(unit_vectors(figures["x"]), figures["y"], rtol=1e-4, atol=1e-5)


def test_unit_vectors_are_taken_in_float32_and_keeps_float64():
    x = torch.tensor([[3.0, 4.0]])
    assert unit_vectors(x.bfloat16()).dtype == torch.float32
    assert unit_vectors(x.double()).dtype == torch.float64


def test_label_resize_equals_the_published_one(golden):
    figures = golden("resize_labels")
    assert torch.equal(resize_labels(figures["labels"], figures["size"].tolist()), figures["out"])


def nearest_index(length, new_length):
    """floor(i · length / new_length) in single precision."""
    scale = np.float32(length) / np.float32(new_length)
    return np.minimum((np.arange(new_length, dtype=np.float32) * scale).astype(int), length - 1)


sizes = st.integers(1, 30)


@given(sizes, sizes, sizes, sizes)
def test_label_resize_takes_the_pixel_at_the_scaled_index_rounded_down(height, width, new_height, new_width):
    labels = torch.arange(height * width).view(1, height, width)
    rows, columns = nearest_index(height, new_height), nearest_index(width, new_width)
    assert torch.equal(resize_labels(labels, (new_height, new_width))[0], labels[0][rows][:, columns])


def test_segments_equal_the_published_ones(golden):
    figures = golden("segment_by_kmeans")
    features = location_features(20, 24).expand(2, -1, -1, -1)
    segments = segment_batch(
        figures["embeddings"],
        features,
        figures["semantic_label"],
        figures["instance_label"],
        figures["grid"].tolist(),
        int(figures["iterations"]),
        int(figures["label_divisor"]),
    )
    assert (segments.segment == figures["cluster_index"]).float().mean() >= 0.995
    assert torch.equal(segments.image, figures["cluster_batch_index"])
    assert torch.equal(segments.semantic, figures["cluster_semantic_label"])
    assert torch.equal(segments.instance, figures["cluster_instance_label"])
    torch.testing.assert_close(segments.embedding, figures["cluster_embedding"], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(segments.embedding_local, figures["cluster_embedding_with_loc"], rtol=1e-4, atol=1e-5)


def test_affinity_space_segments_equal_the_published_ones(golden):
    figures = golden("network_densepose")
    size = figures["embedding"].shape[-2:]
    labels = (resize_labels(figures[name], size) for name in ("semantic_label", "instance_label"))
    segments = segment_batch(figures["embedding"], figures["local_feature"], *labels, (4, 4), 10, 2048, True)
    assert (segments.segment == figures["cluster_index"]).float().mean() >= 0.995
    assert torch.equal(segments.semantic, figures["cluster_semantic_label"])
    torch.testing.assert_close(segments.embedding_local, figures["cluster_embedding_with_loc"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("void", [0, 0.3, 0.9])
def test_segments_equal_a_plain_loop(void, device):
    batch = random_batch(images=3, void=void)
    segments = segment_batch(*(x.to(device) for x in batch), (3, 2), 3, 2048)
    pixels, numbers = plain_segments(*batch, (3, 2), 3, 2048)
    assert list(zip(segments.image.tolist(), segments.place.tolist(), strict=True)) == [p[:2] for p in pixels]
    assert segments.segment.tolist() == numbers
    assert segments.num_segments == len(set(numbers))
    labels = segments.semantic * 2048 + segments.instance
    assert labels.tolist() == [p[3] for p in pixels]


triples = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 200), st.integers(0, 255 * 2048 + 255)), max_size=30)


@given(triples)
def test_segments_are_numbered_by_image_then_cluster_then_label(pixels):
    columns = torch.tensor(pixels, dtype=torch.long).view(-1, 3).T
    order = sorted(set(pixels))
    assert segment_ids(*columns).tolist() == [order.index(p) for p in pixels]


def test_a_batch_of_void_has_no_segments_but_keeps_its_images():
    embedding, features, semantic, instance = random_batch()
    segments = segment_batch(embedding, features, torch.full_like(semantic, 255), instance, (2, 2), 10, 2048)
    assert segments.embedding.shape == (0, 4)
    assert segments.embedding_local.shape == (0, 6)
    assert segments.num_segments == 0
    assert segments.num_images == 2


def test_an_image_of_void_leaves_the_others_alone():
    embedding, features, semantic, instance = random_batch(void=0)
    semantic[0] = 255
    alone = segment_batch(embedding[1:], features[1:], semantic[1:], instance[1:], (2, 2), 3, 2048)
    both = segment_batch(embedding, features, semantic, instance, (2, 2), 3, 2048)
    assert torch.equal(both.segment, alone.segment)
    assert both.image.unique().tolist() == [1]


def test_a_cluster_that_void_has_emptied_attracts_what_resembles_no_other():
    embedding = torch.zeros(1, 2, 1, 8)
    embedding[0, 0] = torch.tensor([1.0, 1, 1, 1, 1, 1, 1, -1])
    semantic = torch.tensor([[[255, 255, 255, 255, 0, 0, 0, 0]]])
    segments = segment_batch(
        embedding, location_features(1, 8)[None], semantic, torch.zeros_like(semantic), (1, 2), 1, 2048
    )
    assert segments.segment.tolist() == [1, 1, 1, 0]


def warnings_of(log, divisor, region, calls=2):
    """What is said of batches whose largest region is `region`; the first call of a process is simulated."""
    _warn_of_divisor.cache_clear()
    embedding, features, semantic, instance = random_batch(void=0)
    instance[0, 0, 0] = region
    for _ in range(calls):
        segment_batch(embedding, features, semantic, instance, (2, 2), 1, divisor)
    return [text for level, text in log if level == "WARNING"]


def test_regions_that_reach_the_label_divisor_are_warned_of_once(log):
    (line,) = warnings_of(log, 255, 255)
    assert line.startswith("network.label_divisor is 255 and a region has this number")
    assert "\n" not in line


@pytest.mark.parametrize(("divisor", "region"), [(255, 254), (256, 255), (2048, 255)])
def test_regions_below_the_label_divisor_are_not_warned_of(log, divisor, region):
    assert warnings_of(log, divisor, region) == []


def test_a_segment_never_crosses_an_image_a_region_or_a_class():
    segments = segment_batch(*random_batch(images=3), (2, 2), 5, 2048)
    for labels in (segments.image, segments.semantic, segments.instance):
        pairs = set(zip(segments.segment.tolist(), labels.tolist(), strict=True))
        assert len(pairs) == segments.num_segments


def test_gradients_reach_the_embedding_through_both_features_and_void_gets_none():
    embedding, features, semantic, instance = random_batch()
    embedding.requires_grad_()
    segments = segment_batch(embedding, features, semantic, instance, (2, 2), 3, 2048)
    weight = torch.randn(segments.embedding_local.shape, generator=torch.Generator().manual_seed(1))
    (segments.embedding_local * weight).sum().backward()
    gradient = embedding.grad.norm(dim=1)
    assert (gradient[semantic != 255] > 0).all()
    assert (gradient[semantic == 255] == 0).all()

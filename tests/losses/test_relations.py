"""Who is positive for whom: the four relations against the published figures and plain loops."""

import pytest
import torch
from torch.nn.functional import normalize

from spml.losses.relations import (
    feature_affinity,
    image_similarity,
    intersect,
    nearest_classes,
    neighbour_accuracy,
    semantic_annotation,
    semantic_cooccurrence,
)
from spml.segments.prototypes import Prototypes, prototypes_of
from spml.segments.segment import Segments

CLASSES = 4


def segments_of(image, segment, semantic, instance, dim=5, seed=0, num_images=None):
    """Segments of random unit vectors in float64 that take gradients."""
    g = torch.Generator().manual_seed(seed)
    columns = [torch.tensor(column) for column in (segment, semantic, instance, image)]
    raw = torch.randn(len(image), dim, generator=g, dtype=torch.float64).requires_grad_()
    v, local = normalize(raw, dim=1), torch.rand(len(image), 2, generator=g, dtype=torch.float64)
    count = num_images or max(image) + 1
    place = torch.arange(len(image))
    return raw, Segments(v, normalize(torch.cat([v, local], 1), dim=1), *columns, place, count)


def random_segments(pixels=40, images=3, seed=0):
    """Pixels of `images` images in nine segments each at most, labels 0..3, 254, or 4 (no class, not void)."""
    g = torch.Generator().manual_seed(seed)
    image = torch.randint(images, (pixels,), generator=g).sort().values
    semantic = torch.tensor([0, 1, 2, 3, 254, 4])[torch.randint(6, (pixels,), generator=g)]
    instance = torch.randint(3, (pixels,), generator=g)
    cluster = torch.randint(2, (pixels,), generator=g)
    key = ((image * 2 + cluster) * 256 + semantic) * 256 + instance
    segment = key.unique(return_inverse=True)[1]
    return segments_of(*(x.tolist() for x in (image, segment, semantic, instance)), seed=seed, num_images=images)


def remembered(count=6, dim=5, seed=9):
    """Prototypes of former images: labelled and unlabelled, with and without tags."""
    g = torch.Generator().manual_seed(seed)
    u = normalize(torch.randn(count, dim, generator=g, dtype=torch.float64), dim=1)
    label = torch.tensor([0, 1, 2, 4, 254, 1])[:count]
    tags = torch.rand(count, CLASSES, generator=g) < 0.4
    return Prototypes(u, normalize(torch.cat([u, u[:, :2]], 1), dim=1), label, label, -1 - torch.arange(count), tags)


TAGS = torch.tensor([[0, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]]).bool()


def plain_relation(segments, prototypes, concentration, pixels, candidates, positive):
    """Mean of the formula over `pixels`; candidates: places of segments; positive(pixel, segment) decides."""
    losses = []
    for p in pixels:
        own = int(segments.segment[p])
        terms = {s: (concentration * segments.embedding[p] @ prototypes.embedding[s]).exp() for s in candidates}
        others = [terms[s] for s in candidates if positive(p, s) and s != own]
        numerator = sum(others) if others else terms[own]
        negative = sum(terms[s] for s in candidates if not positive(p, s))
        losses.append(-(numerator / (numerator + negative)).log())
    return sum(losses) / len(losses)


def assert_equal_with_gradients(got, expected, raw):
    torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-11)
    a, b = (torch.autograd.grad(x, raw, retain_graph=True)[0] for x in (got, expected))
    torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("with_memory", [False, True])
def test_semantic_annotation_equals_a_plain_loop(with_memory):
    raw, segments = random_segments()
    known = prototypes_of(segments, TAGS)
    known = Prototypes.cat([known, remembered()]) if with_memory else known
    expected = plain_relation(
        segments, known, 6,
        pixels=[p for p, label in enumerate(segments.semantic.tolist()) if label < CLASSES],
        candidates=[s for s, label in enumerate(known.semantic.tolist()) if label < CLASSES],
        positive=lambda p, s: bool(segments.semantic[p] == known.semantic[s]),
    )  # fmt: skip
    assert_equal_with_gradients(semantic_annotation(segments, known, CLASSES, 6), expected, raw)


@pytest.mark.parametrize("with_memory", [False, True])
def test_semantic_cooccurrence_equals_a_plain_loop(with_memory):
    raw, segments = random_segments()
    known = prototypes_of(segments, TAGS)
    known = Prototypes.cat([known, remembered()]) if with_memory else known
    expected = plain_relation(
        segments, known, 8,
        pixels=range(len(segments.segment)),
        candidates=range(len(known)),
        positive=lambda p, s: bool((TAGS[segments.image[p]] & known.tags[s]).any()),
    )  # fmt: skip
    assert_equal_with_gradients(semantic_cooccurrence(segments, known, TAGS, 8), expected, raw)


@pytest.mark.parametrize("plain", [False, True])
def test_image_similarity_equals_a_plain_loop_over_images_and_regions(plain):
    raw, segments = random_segments()
    features = segments.embedding if plain else segments.embedding_local
    losses = []
    for image in range(3):
        here = [p for p, i in enumerate(segments.image.tolist()) if i == image]
        owners = [(int(segments.instance[p]), int(segments.segment[p])) for p in here]
        pairs = sorted(set(owners))
        sums = [sum(features[p] for p, o in zip(here, owners, strict=True) if o == pair) for pair in pairs]
        x, prototypes = features[here], torch.stack([s / s.norm() for s in sums])
        own = torch.tensor([pairs.index(o) for o in owners])
        local = Segments(x, x, own, own, segments.instance[here], own, own, 1)
        known = Prototypes(prototypes, prototypes, own, own, own, own)
        same = lambda p, s: int(local.instance[p]) == pairs[s][0]  # noqa: E731, B023
        losses.append(plain_relation(local, known, 16, range(len(here)), range(len(pairs)), same))
    assert_equal_with_gradients(image_similarity(segments, 16, plain), sum(losses) / 3, raw)


def test_an_image_of_void_counts_as_zero_in_the_mean_over_images():
    _, with_all = segments_of([0, 0, 0, 2, 2, 2], [0, 1, 2, 3, 4, 5], [0] * 6, [0, 1, 1, 0, 1, 1], num_images=3)
    _, without = segments_of([0, 0, 0, 1, 1, 1], [0, 1, 2, 3, 4, 5], [0] * 6, [0, 1, 1, 0, 1, 1], num_images=2)
    torch.testing.assert_close(image_similarity(with_all, 4) * 3, image_similarity(without, 4) * 2)


def test_feature_affinity_equals_a_plain_loop():
    raw, segments = random_segments(pixels=30, seed=3)
    near = segments.embedding_local.detach().clone()
    near[:, 2:] *= 0.1
    segments.embedding_local = normalize(near, dim=1)
    known = prototypes_of(segments, TAGS)
    sets = plain_nearest_classes(known.embedding_local, known.semantic, known.image, 1, 0.95)
    sets = [s or set(range(CLASSES)) for s in sets]
    assert len(set(map(frozenset, sets))) > 2
    own = segments.segment.tolist()
    expected = plain_relation(
        segments, known, 12, range(len(own)), range(len(known)), lambda p, s: bool(sets[own[p]] & sets[s])
    )
    assert_equal_with_gradients(feature_affinity(segments, known, CLASSES, 12), expected, raw)


def plain_nearest_classes(prototypes, semantic, image, top_k, threshold):
    sets = []
    for a in range(len(prototypes)):
        labelled = [b for b in range(len(prototypes)) if image[b] == image[a] and semantic[b] < CLASSES]
        cosines = sorted(((float(prototypes[a] @ prototypes[b]), b) for b in labelled), reverse=True)[:top_k]
        sets.append({int(semantic[b]) for cosine, b in cosines if cosine >= threshold})
    return sets


@pytest.mark.parametrize("top_k", [1, 3, 50])
@pytest.mark.parametrize("threshold", [-1, 0.3])
def test_nearest_classes_equal_a_plain_loop(top_k, threshold):
    g = torch.Generator().manual_seed(0)
    u = normalize(torch.randn(30, 3, generator=g, dtype=torch.float64), dim=1)
    semantic = torch.tensor([0, 1, 3, 254, 16])[torch.randint(5, (30,), generator=g)]
    image = torch.randint(-2, 3, (30,), generator=g)
    semantic[image == 1] = 254
    got = nearest_classes(u, semantic, image, CLASSES, top_k, threshold)
    expected = plain_nearest_classes(u, semantic, image, top_k, threshold)
    assert [set(row.nonzero()[:, 0].tolist()) for row in got] == expected


def test_a_cosine_at_the_threshold_is_near_enough():
    label = torch.tensor([0, 254])
    sets = nearest_classes(torch.eye(2), label, torch.zeros(2, dtype=torch.long), CLASSES, 1, 0.0)
    assert sets[:, 0].tolist() == [True, True]


@pytest.mark.parametrize("top_k", [1, 3])
@pytest.mark.parametrize("threshold", ["-1", "0.6", "0.9"])
def test_nearest_classes_equal_the_published_ones(golden, top_k, threshold):
    figures = golden(f"multiset_labels_t{threshold}_k{top_k}")
    got = nearest_classes(
        figures["prototypes"],
        figures["semantic"],
        figures["batch"],
        int(figures["num_classes"]),
        top_k,
        float(threshold),
    )
    assert torch.equal(got.long(), figures["tags"])


def affinity_step(figures, dtype):
    """Segments of the published DensePose-style step; the pixels' embeddings take gradients."""
    v = figures["cluster_embedding"].to(dtype).requires_grad_()
    names = ("cluster_index", "cluster_semantic_label", "cluster_instance_label", "cluster_batch_index")
    columns = [figures[name] for name in names]
    local = figures["cluster_embedding_with_loc"].to(dtype)
    return v, Segments(v, local, *columns, torch.arange(len(v)), int(columns[-1].max()) + 1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_feature_affinity_equals_the_published_one(golden, dtype):
    figures = golden("feature_affinity")
    v, segments = affinity_step(figures, dtype)
    classes, threshold = int(figures["num_classes"]), float(figures["threshold"])
    known = prototypes_of(segments, torch.zeros(segments.num_images, classes, dtype=torch.bool))
    sets = nearest_classes(known.embedding_local, known.semantic, known.image, classes, 1, threshold)
    assert torch.equal(sets.long(), figures["nearest_tags"])
    loss = float(figures["weight"]) * feature_affinity(segments, known, classes, float(figures["concentration"]))
    loss.backward()
    torch.testing.assert_close(loss.double(), figures["feat_aff_loss"], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(v.grad.float(), figures["grad_cluster_embedding"], rtol=1e-4, atol=1e-5)


def test_image_similarity_in_plain_embeddings_equals_the_published_one(golden):
    figures = golden("feature_affinity")
    _, segments = affinity_step(figures, torch.float32)
    loss = image_similarity(segments, float(figures["img_sim_concentration"]), plain=True)
    expected = figures["img_sim_loss"] / figures["img_sim_weight"]
    torch.testing.assert_close(loss.double(), expected, rtol=1e-4, atol=1e-5)


def test_a_segment_with_no_near_labelled_one_takes_every_class():
    _, segments = segments_of([0, 0, 1], [0, 1, 2], [2, 254, 254], [0, 0, 0])
    segments.embedding_local = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]], dtype=torch.float64)
    known = prototypes_of(segments, torch.zeros(2, CLASSES, dtype=torch.bool))
    sets = nearest_classes(known.embedding_local, known.semantic, known.image, CLASSES, 1, 0.95)
    assert sets.sum(1).tolist() == [1, 0, 0]
    assert feature_affinity(segments, known, CLASSES, 12).item() == 0


@pytest.mark.parametrize("labels", [[254, 254, 254], [254, 9, 4]])
def test_without_a_labelled_pixel_annotation_is_zero_with_zero_gradient(labels):
    raw, segments = segments_of([0, 0, 0], [0, 1, 2], labels, [0, 0, 1])
    loss = semantic_annotation(segments, prototypes_of(segments, TAGS), CLASSES, 6)
    assert loss == 0
    loss.backward()
    assert (raw.grad == 0).all()


def test_nothing_but_void_gives_zero_in_every_relation():
    none = torch.zeros(0, dtype=torch.long)
    v = torch.zeros(0, 5, requires_grad=True)
    segments = Segments(v, torch.zeros(0, 7), none, none, none, none, none, 3)
    known = prototypes_of(segments, TAGS)
    losses = [
        semantic_annotation(segments, known, CLASSES, 6),
        semantic_cooccurrence(segments, known, TAGS, 8),
        image_similarity(segments, 16),
        feature_affinity(segments, known, CLASSES, 12),
        neighbour_accuracy(known),
    ]
    assert [float(loss.detach()) for loss in losses] == [0, 0, 0, 0, 0]
    sum(losses).backward()


def test_sets_intersect_where_they_share_an_element():
    a = torch.tensor([[1, 1, 0], [0, 0, 0]]).bool()
    b = torch.tensor([[0, 1, 1], [0, 0, 1], [0, 0, 0]]).bool()
    assert intersect(a, b).tolist() == [[True, False, False], [False, False, False]]


@pytest.mark.parametrize("count", [1, 3, 5, 12])
def test_neighbour_accuracy_is_the_share_among_the_nearest_five_itself_included(count):
    g = torch.Generator().manual_seed(count)
    u = normalize(torch.randn(count, 4, generator=g), dim=1)
    label = torch.randint(2, (count,), generator=g)
    shares = []
    for a in range(count):
        nearest = sorted(range(count), key=lambda b: -float(u[a] @ u[b]))[:5]
        shares.append(sum(int(label[b] == label[a]) for b in nearest) / len(nearest))
    got = neighbour_accuracy(Prototypes(u, u, label, label, label, label))
    assert float(got) == pytest.approx(sum(shares) / count)

"""Grid initialisation and spherical k-means against the published figures and plain loops."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spml.segments import kmeans, nearest
from spml.segments.kmeans import initial_clusters, spherical_kmeans
from spml.segments.nearest import nearest_prototype


def unit_rows(count, dim, seed=0):
    x = torch.randn(count, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.nn.functional.normalize(x, dim=1)


def plain_kmeans(x, cluster, num_clusters, iterations):
    """One row, one cluster at a time; a cluster without members has the zero vector."""
    cluster = cluster.tolist()
    for _ in range(iterations):
        prototypes = []
        for k in range(num_clusters):
            members = [row for row, c in zip(x, cluster, strict=True) if c == k]
            total = sum(members, torch.zeros(x.shape[1], dtype=x.dtype))
            prototypes.append(total / max(float(total.norm()), 1e-12))
        cluster = [max(range(num_clusters), key=lambda k: (float(row @ prototypes[k]), -k)) for row in x]  # noqa: B023
    return torch.tensor(cluster)


@pytest.mark.parametrize("name", ["12x12_33x47", "1x1_8x8", "5x5_7x9", "6x6_16x16"])
def test_initial_clusters_equal_the_published_ones(golden, name):
    figures = golden(f"initial_clusters_{name}")
    ids = initial_clusters(*figures["size"].tolist(), *figures["grid"].tolist())
    assert torch.equal(ids, figures["labels"])


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 20), st.integers(1, 20))
def test_initial_clusters_are_rectangles_numbered_down_the_columns(rows, columns, height, width):
    ids = initial_clusters(height, width, rows, columns)
    present = ids.unique()
    assert present.tolist() == list(range(len(present)))
    of_row, of_column = ids[:, 0], ids[0]
    assert (of_row.diff() >= 0).all()
    assert (of_column.diff() >= 0).all()
    assert torch.equal(ids, of_row[:, None] - of_row[0] + of_column)
    if len(of_column.unique()) > 1:
        assert of_column.unique()[1] == len(of_row.unique())


@pytest.mark.parametrize(("iterations", "result"), [(10, "labels"), (1, "labels_after_1")])
def test_kmeans_equals_the_published_one(golden, iterations, result):
    figures = golden("kmeans")
    initial = figures["initial_labels"]
    clusters = spherical_kmeans(figures["embeddings"], initial, int(initial.max()) + 1, iterations)
    assert (clusters == figures[result]).float().mean() >= 0.995


@pytest.mark.parametrize("iterations", [0, 1, 2, 7])
def test_kmeans_equals_a_plain_loop(iterations, device):
    x = unit_rows(60, 5)
    initial = torch.randint(6, (60,), generator=torch.Generator().manual_seed(1))
    got = spherical_kmeans(x.to(device), initial.to(device), 6, iterations)
    assert torch.equal(got.cpu(), plain_kmeans(x, initial, 6, iterations))


def test_an_empty_cluster_attracts_the_rows_that_resemble_no_other():
    x = torch.tensor([[1.0, 0.0], [0.9962, 0.0872], [0.7071, 0.7071], [0.7071, -0.7071], [-1.0, 0.0]])
    initial = torch.tensor([0, 0, 0, 0, 0])
    assert spherical_kmeans(x, initial, 2, 1).tolist() == [0, 0, 0, 0, 1]
    crowded = unit_rows(40, 3, seed=4)
    initial = torch.randint(3, (40,), generator=torch.Generator().manual_seed(5)) * 2
    assert torch.equal(spherical_kmeans(crowded, initial, 5, 4), plain_kmeans(crowded, initial, 5, 4))


def smooth_rows(side=24, dim=6, seed=0):
    """Unit vectors of a map that changes slowly, so that bounds spare most pixels."""
    coarse = torch.randn(1, dim, 4, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    x = torch.nn.functional.interpolate(coarse, (side, side), mode="bilinear").flatten(2)[0].T
    return torch.nn.functional.normalize(x, dim=1)


def plain_formula(x, cluster, num_clusters, iterations):
    """The two steps as they stand, over all pixels."""
    for _ in range(iterations):
        sums = x.new_zeros(num_clusters, x.shape[1]).index_add(0, cluster, x)
        cluster = (x @ torch.nn.functional.normalize(sums, dim=1).T).argmax(1)
    return cluster


@pytest.mark.parametrize("chunk", [64, 10**6])
@pytest.mark.parametrize("iterations", [0, 1, 2, 3, 6, 40])
@pytest.mark.parametrize(
    "rows", [smooth_rows(), smooth_rows().float(), unit_rows(300, 5), unit_rows(9, 2).repeat(20, 1), unit_rows(1, 3)]
)
def test_bounds_spare_work_and_change_no_label(monkeypatch, rows, iterations, chunk):
    monkeypatch.setattr(nearest, "SIMILARITIES_HELD", chunk)
    initial = torch.randint(7, (len(rows),), generator=torch.Generator().manual_seed(1)) + 1  # 0 is empty
    before = initial.clone()
    got = nearest.kmeans_by_bounds(rows, initial, 9, iterations)
    assert torch.equal(got, plain_formula(rows, initial, 9, iterations))
    assert torch.equal(initial, before)


def test_bounds_leave_most_pixels_of_a_smooth_map_alone(monkeypatch):
    looked_at, real = [], nearest._Clusters.assign
    watch = lambda self, u, rows: looked_at.append(rows) or real(self, u, rows)  # noqa: E731
    monkeypatch.setattr(nearest._Clusters, "assign", watch)
    x = smooth_rows()
    nearest.kmeans_by_bounds(x, initial_clusters(24, 24, 3, 3).flatten(), 9, 40)
    assert len(looked_at) < 40  # it stopped when nothing changed
    assert len(looked_at[-1]) < 0.3 * len(x)


def test_large_maps_on_a_cpu_are_clustered_by_bounds(monkeypatch):
    asked = []
    monkeypatch.setattr(kmeans, "kmeans_by_bounds", lambda *args: asked.append(len(args[0])))
    for rows in (1023, 1024):
        spherical_kmeans(torch.zeros(rows, 2), torch.zeros(rows, dtype=torch.long), 1024, 1)
    assert asked == [1024]


def test_no_rows_give_no_clusters():
    assert spherical_kmeans(torch.zeros(0, 4), torch.zeros(0, dtype=torch.long), 3, 10).tolist() == []


@settings(max_examples=20)
@given(st.integers(0, 40), st.integers(1, 9), st.integers(1, 60))
def test_nearest_prototype_is_the_same_in_chunks_of_any_size(count, clusters, max_elements):
    x, prototypes = unit_rows(count, 3), unit_rows(clusters, 3, seed=2)
    expected = torch.tensor([int((prototypes @ row).argmax()) for row in x], dtype=torch.long)
    assert torch.equal(nearest_prototype(x, prototypes, max_elements), expected)

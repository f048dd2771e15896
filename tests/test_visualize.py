"""Palettes, overlays, boundaries, PCA pictures and contact sheets."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import savemat

from spml.errors import UserError
from spml.visualize import (
    colorize,
    draw_boundaries,
    load_palette,
    overlay,
    pca_rgb,
    picture_grid,
    voc_palette,
)

ROOT = Path(__file__).resolve().parents[1]


def test_voc_palette_holds_the_well_known_colours():
    palette = voc_palette()
    assert palette.shape == (256, 3) and palette.dtype == np.uint8
    known = {0: (0, 0, 0), 1: (128, 0, 0), 2: (0, 128, 0), 3: (128, 128, 0), 15: (192, 128, 128), 20: (0, 64, 128)}
    for label, colour in (known | {255: (224, 224, 192)}).items():
        assert tuple(palette[label]) == colour


def test_voc_palette_gives_every_label_its_own_colour():
    assert len(np.unique(voc_palette(), axis=0)) == 256


def test_colour_map_in_misc_is_the_voc_palette():
    np.testing.assert_array_equal(load_palette(ROOT / "misc" / "colormapvoc.mat"), voc_palette())


def test_no_path_means_the_voc_palette():
    np.testing.assert_array_equal(load_palette(""), voc_palette())


@pytest.mark.parametrize("table", [[[0.0, 0.0, 0.0], [1.0, 0.2, 0.0]], [[0, 0, 0], [255, 51, 0]]])
def test_colour_map_of_either_range_fills_the_first_labels(tmp_path, table):
    savemat(tmp_path / "map.mat", {"any_name": np.array(table)})
    palette = load_palette(tmp_path / "map.mat")
    assert palette.dtype == np.uint8 and palette[1].tolist() == [255, 51, 0]
    np.testing.assert_array_equal(palette[2:], voc_palette()[2:])


@pytest.mark.parametrize(
    "content, message",
    [
        ({"a": np.zeros((4, 4))}, "expected one N×3 array"),
        ({"a": np.zeros((4, 3)), "b": np.zeros((4, 3))}, "expected one N×3 array"),
        ({"a": np.zeros((257, 3))}, "expected one N×3 array"),
        ({"a": "words"}, "expected one N×3 array"),
        ({"a": np.full((2, 3), np.nan)}, "expected one N×3 array"),
        ({"a": np.full((2, 3), 300)}, "colours from 300 to 300"),
        ({"a": np.full((2, 3), -0.5)}, "colours from -127.5"),
    ],
)
def test_other_colour_maps_are_errors(tmp_path, content, message):
    savemat(tmp_path / "map.mat", content)
    with pytest.raises(UserError, match=message):
        load_palette(tmp_path / "map.mat")


def test_missing_and_broken_colour_maps_are_errors(tmp_path):
    with pytest.raises(UserError, match="map.mat: no such file"):
        load_palette(tmp_path / "map.mat")
    (tmp_path / "map.mat").write_bytes(b"MATLAB 5.0 MAT-file" + bytes(200))
    with pytest.raises(UserError, match="map.mat: not a readable .mat"):
        load_palette(tmp_path / "map.mat")


def test_colorize_looks_up_every_pixel():
    label = np.array([[0, 1], [255, 2]], np.uint8)
    assert colorize(label, voc_palette())[1, 0].tolist() == [224, 224, 192]


def test_overlay_blends_classes_and_leaves_unlabelled_and_void_pixels():
    image = np.full((1, 4, 3), 100, np.uint8)
    blend = overlay(image, np.array([[0, 1, 254, 255]], np.uint8), voc_palette(), alpha=0.25)
    assert blend.dtype == np.uint8
    assert blend[0].tolist() == [[75, 75, 75], [107, 75, 75], [100, 100, 100], [100, 100, 100]]


def test_boundaries_lie_between_segments_and_nowhere_else():
    image = np.zeros((3, 4, 3), np.uint8)
    segments = np.array([[0, 0, 1, 1]] * 2 + [[0, 0, 0, 0]])
    drawn = draw_boundaries(image, segments, (9, 9, 9))[..., 0] == 9
    assert drawn.tolist() == [[False, True, False, False], [False, True, True, True], [False] * 4]
    np.testing.assert_array_equal(draw_boundaries(image, np.full((3, 4), 7)), image)


def test_pca_puts_the_component_of_largest_variance_in_red():
    rng = np.random.default_rng(0)
    embedding = rng.normal(size=(5, 12, 10)) * np.array([1, 0.1, 9, 3, 0.1])[:, None, None]
    (picture,) = pca_rgb([embedding])
    assert picture.shape == (12, 10, 3) and picture.dtype == np.uint8
    for channel, dimension in enumerate((2, 3, 0)):
        values = picture[..., channel].ravel().astype(float)
        assert abs(np.corrcoef(values, embedding[dimension].ravel())[0, 1]) > 0.95


def test_pca_of_a_list_uses_the_same_components_for_all():
    rng = np.random.default_rng(0)
    one, two = rng.normal(size=(4, 6, 5)), rng.normal(size=(4, 3, 7))
    pictures = pca_rgb([one, two, one])
    assert [picture.shape for picture in pictures] == [(6, 5, 3), (3, 7, 3), (6, 5, 3)]
    np.testing.assert_array_equal(pictures[0], pictures[2])


@given(st.integers(1, 5), st.floats(-1e6, 1e6))
def test_pca_of_a_constant_embedding_is_grey(channels, value):
    assert (pca_rgb([np.full((channels, 4, 3), value)])[0] == 128).all()


def test_pca_of_few_channels_leaves_the_missing_ones_grey():
    (picture,) = pca_rgb([np.arange(12.0).reshape(1, 3, 4)])
    assert len(np.unique(picture[..., 0])) > 2 and (picture[..., 1:] == 128).all()


def test_picture_grid_fits_pictures_of_any_size_into_its_cells():
    wide, tall = np.full((2, 8, 3), 50, np.uint8), np.full((90, 30, 3), 60, np.uint8)
    grey = np.full((5, 5), 70, np.uint8)
    sheet = picture_grid([[wide, tall], [grey, None]], ["", ""], cell=40)
    assert sheet.dtype == np.uint8 and sheet.shape[1] == 6 + 2 * (40 + 6)
    for value, height, width in ((50, 10, 40), (60, 40, 13), (70, 40, 40)):
        rows, columns = np.nonzero((sheet == value).all(axis=2))
        assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (height, width)


def test_picture_grid_draws_each_title_over_its_column():
    blank = picture_grid([[None, None]], ["", ""], cell=60)
    titled = picture_grid([[None, None]], ["", "a rather long title of a column"], cell=60)
    assert (blank == 255).all()
    assert (titled[:, :66] == 255).all() and (titled[:, 72:] < 128).any()
    assert titled.shape[0] > blank.shape[0] and (titled[-60:] == 255).all()


def test_picture_grid_refuses_more_pictures_than_titles():
    with pytest.raises(ValueError, match="row 0 has 2 pictures for 1 titles"):
        picture_grid([[None, None]], ["a"])


def test_pictures_need_no_torch():
    code = "import sys, spml.visualize; sys.exit('torch' in sys.modules or 'scipy.io' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0

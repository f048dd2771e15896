import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_data import make_later
from scipy.ndimage import label as connected_pieces

from spml.data.files import read_label, visible_files, write_image
from spml.errors import UserError
from spml.prepare.oversegment import contour_strength, oversegment, oversegment_image, oversegment_shrunk


def halves(height=24, width=32):
    """A picture whose left half is red, whose right half is blue."""
    image = np.zeros((height, width, 3), np.uint8)
    image[:, : width // 2, 0] = image[:, width // 2 :, 2] = 200
    return image


def walls(strengths, height=20, cell=10):
    """Contour strengths of a row of cells with two pixels thick walls of these strengths between them."""
    contours = np.zeros((height, cell * (len(strengths) + 1)), np.float32)
    for number, strength in enumerate(strengths, 1):
        contours[:, number * cell - 1 : number * cell + 1] = strength
    return contours


def blank(contours):
    return np.zeros((*contours.shape, 3), np.uint8)


def assert_is_partition(regions, most):
    """Ids without gaps from 0, each a 4-connected region."""
    assert regions.dtype == np.uint8
    assert np.array_equal(np.unique(regions), np.arange(regions.max() + 1)) and regions.max() < most
    for region in range(regions.max() + 1):
        assert connected_pieces(regions == region)[1] == 1


def test_two_halves_are_two_regions_and_a_flat_picture_is_one():
    regions = oversegment_image(halves())
    assert len(np.unique(regions)) == 2
    assert len(np.unique(regions[:, :15])) == len(np.unique(regions[:, 17:])) == 1
    assert not oversegment_image(np.full((10, 12, 3), 7, np.uint8)).any()


@settings(max_examples=15)
@given(
    seed=st.integers(0, 10**6),
    size=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    threshold=st.sampled_from([0.0, 0.2, 1.0]),
    most=st.sampled_from([1, 7, 255]),
)
def test_any_picture_becomes_connected_regions_without_gaps_in_their_ids(seed, size, threshold, most):
    image = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    regions = oversegment_image(image, threshold=threshold, max_regions=most)
    assert regions.shape == size
    assert_is_partition(regions, most)


def test_boundaries_weaker_than_the_threshold_are_merged_and_no_others():
    contours = walls([0.1, 0.6, 0.3, 0.15, 0.9])
    for threshold, cells in ((0.05, 6), (0.12, 5), (0.2, 4), (0.5, 3), (0.8, 2), (1.0, 1)):
        regions = oversegment_image(blank(contours), contours, threshold)
        kept = [strength >= threshold for strength in (0.1, 0.6, 0.3, 0.15, 0.9)]
        assert len(np.unique(regions)) == cells
        assert [regions[5, 10 * n - 5] != regions[5, 10 * n + 5] for n in range(1, 6)] == kept


def test_a_boundary_counts_by_its_mean_over_all_merged_pieces():
    contours = walls([0.6])
    contours[10:, 9:11] = 0.2
    assert oversegment_image(blank(contours), contours, threshold=0.35).max() == 1
    assert oversegment_image(blank(contours), contours, threshold=0.45).max() == 0


def test_a_higher_threshold_only_joins_regions():
    image = np.random.default_rng(3).integers(0, 256, (8, 8, 3), dtype=np.uint8).repeat(6, 0).repeat(6, 1)
    fine, coarse = (oversegment_image(image, threshold=threshold).astype(int) for threshold in (0.3, 0.7))
    assert len(np.unique(fine * 256 + coarse)) == len(np.unique(fine)) > len(np.unique(coarse)) > 1


def test_more_than_255_cells_are_merged_to_255_regions_the_weakest_walls_first():
    rng = np.random.default_rng(0)
    contours = np.zeros((160, 160), np.float32)
    for line in range(8, 160, 8):
        contours[line - 1 : line + 1] = np.maximum(contours[line - 1 : line + 1], rng.uniform(0.4, 0.9))
        contours[:, line - 1 : line + 1] = np.maximum(contours[:, line - 1 : line + 1], rng.uniform(0.4, 0.9))
    contours[79:81] = 1
    regions = oversegment_image(blank(contours), contours, threshold=0.1)
    assert 100 < len(np.unique(regions)) <= 255
    assert not set(np.unique(regions[:80])) & set(np.unique(regions[80:]))


def test_a_speck_merges_where_a_large_region_of_the_same_contrast_stays():
    contours = np.zeros((200, 200), np.float32)
    for top, side in ((10, 30), (70, 3)):
        contours[top : top + side + 4, top : top + side + 4] = 0.5
        contours[top + 2 : top + side + 2, top + 2 : top + side + 2] = 0
    regions = oversegment_image(blank(contours), contours, threshold=0.35)
    assert regions[25, 25] != regions[0, 0] == regions[73, 73]


def test_given_contours_decide_and_the_picture_does_not():
    contours = walls([0.8])
    noise = np.random.default_rng(0).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    assert np.array_equal(oversegment_image(noise, contours), oversegment_image(blank(contours), contours))


def test_the_strength_of_a_step_grows_with_its_height_and_peaks_at_it():
    weak, strong = np.full((2, 20, 30, 3), 100, np.uint8)
    weak[:, 15:], strong[:, 15:] = 120, 200
    rise = [contour_strength(image)[10] for image in (weak, strong)]
    assert all(row.argmax() in (14, 15) and row[:5].max() < 1e-3 for row in rise)
    assert 0 < rise[0].max() < rise[1].max() < 1


def test_regions_of_a_shrunk_picture_come_back_at_its_size():
    image = halves(60, 90)
    assert np.array_equal(oversegment_shrunk(image, None, 0.2, 0), oversegment_image(image, threshold=0.2))
    assert np.array_equal(oversegment_shrunk(image, None, 0.2, 500), oversegment_image(image, threshold=0.2))
    regions = oversegment_shrunk(image, None, 0.2, 30)
    assert regions.shape == (60, 90) and regions.max() == 1
    assert np.array_equal(regions, regions[::3, ::3].repeat(3, 0).repeat(3, 1))


@pytest.fixture
def folders(tmp_path):
    """Two pictures, one a JPEG, and their contours."""
    for name in ("a.png", "b.jpg"):
        write_image(tmp_path / "images" / name, halves(20, 30))
    for name in "ab":
        write_image(tmp_path / "contours" / f"{name}.png", (255 * walls([0.2, 0.8])).astype(np.uint8))
    return tmp_path


def call(folders, *more):
    oversegment(["--image_dir", str(folders / "images"), "--save_dir", str(folders / "out"), "--workers", "0", *more])


def test_the_script_writes_the_regions_of_every_picture(folders):
    call(folders)
    assert [path.name for path in visible_files(folders / "out")] == ["a.png", "b.png"]
    assert np.array_equal(read_label(folders / "out/a.png"), oversegment_image(halves(20, 30)))


def test_the_script_takes_contours_and_a_threshold(folders):
    call(folders, "--contour_dir", str(folders / "contours"), "--threshold", "0.5")
    regions = read_label(folders / "out/b.png")
    assert regions.shape == (20, 30) and len(np.unique(regions)) == 2 and regions[0, 5] == regions[0, 15]


def test_skip_existing_leaves_what_is_there(folders):
    write_image(folders / "out/a.png", np.full((2, 2), 9, np.uint8))
    call(folders, "--skip_existing")
    assert read_label(folders / "out/a.png").shape == (2, 2) and read_label(folders / "out/b.png").shape == (20, 30)


def test_regions_of_changed_contours_are_made_again_and_those_of_another_folder_refused(folders):
    flags = ["--contour_dir", str(folders / "contours"), "--threshold", "0.5", "--skip_existing"]
    call(folders, *flags)
    before = {name: read_label(folders / f"out/{name}.png") for name in "ab"}
    write_image(folders / "contours/a.png", (255 * walls([0.8, 0.8])).astype(np.uint8))
    make_later(folders / "contours/a.png")
    call(folders, *flags)
    assert read_label(folders / "out/a.png").max() == 2 and before["a"].max() == 1
    assert np.array_equal(read_label(folders / "out/b.png"), before["b"])
    (folders / "contours").rename(folders / "others")
    with pytest.raises(UserError, match="made with other settings: contour_dir was '.*contours', is '.*others'"):
        call(folders, "--contour_dir", str(folders / "others"), *flags[2:])


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--threshold", "1.5"], "--threshold 1.5.*0 to 1"),
        (["--threshold", "nan"], "--threshold nan"),
        (["--image_size", "-1"], "--image_size -1"),
        (["--workers", "-2"], "--workers -2"),
        (["--contour_dir", "nowhere"], "nowhere: no such folder"),
        (["--image_dir", "nowhere"], "nowhere: no such folder"),
    ],
)
def test_impossible_flags_are_named(folders, flags, message):
    with pytest.raises(UserError, match=message):
        call(folders, *flags)
    assert not (folders / "out").exists()


def test_contours_that_are_missing_or_of_another_size_are_named(folders):
    (folders / "contours/b.png").unlink()
    with pytest.raises(UserError, match=r"b\.png: no such image"):
        call(folders, "--contour_dir", str(folders / "contours"))
    write_image(folders / "contours/b.png", np.zeros((5, 6), np.uint8))
    with pytest.raises(UserError, match=r"b\.png: is 6×5, but its image is 30×20"):
        call(folders, "--contour_dir", str(folders / "contours"))


def test_broken_empty_and_ambiguous_folders_of_pictures_are_named(folders, tmp_path):
    write_image(folders / "images/b.png", halves())
    with pytest.raises(UserError, match=r"share the name b"):
        call(folders)
    (folders / "images/b.png").unlink()
    (folders / "images/c.jpg").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"c\.jpg: not a readable image"):
        call(folders)
    (tmp_path / "none").mkdir()
    (tmp_path / "none/readme.txt").write_text("nothing")
    with pytest.raises(UserError, match=r"none: .*no \.jpg"):
        oversegment(["--image_dir", str(tmp_path / "none"), "--save_dir", str(tmp_path / "out")])


def test_the_images_of_a_list_alone_are_taken_and_contours_may_be_as_small_as_the_regions(folders):
    (folders / "list.txt").write_text("images/b.jpg\n")
    small = (255 * walls([0.2, 0.8])[::2, ::2]).astype(np.uint8)
    write_image(folders / "contours/b.png", small)
    flags = ["--contour_dir", str(folders / "contours"), "--threshold", "0.5"]
    call(folders, "--data_list", str(folders / "list.txt"), "--image_size", "15", *flags)
    assert [path.name for path in visible_files(folders / "out")] == ["b.png"]
    assert read_label(folders / "out/b.png").shape == (20, 30)
    with pytest.raises(UserError, match="b.png: is 15×10, but its image is 30×20"):
        call(folders, "--data_list", str(folders / "list.txt"), *flags)
    (folders / "list.txt").write_text("images/c.jpg\nimages/d.jpg\n")
    with pytest.raises(UserError, match=r"list.txt: c and 1 more not found in --image_dir"):
        call(folders, "--data_list", str(folders / "list.txt"))

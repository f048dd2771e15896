"""What is written, where, and at which size."""

import numpy as np
import pytest
from PIL import Image

from spml.commands.mask_outputs import MaskOutputs
from spml.data.transforms import resize_label
from spml.inference.crf import dense_crf, resize_pixels
from spml.inference.crf_settings import CRFParameters
from spml.visualize import voc_palette

IMAGE = np.random.default_rng(0).integers(0, 256, (12, 10, 3)).astype(np.uint8)


@pytest.fixture
def outputs(tmp_path):
    return MaskOutputs(tmp_path, voc_palette())


def test_a_mask_is_written_in_grey_and_in_colour(outputs, tmp_path):
    mask = np.arange(6, dtype=np.uint8).reshape(2, 3)
    outputs.write_mask("a", mask)
    grey, colour = (Image.open(tmp_path / folder / "a.png") for folder in ("semantic_gray", "semantic_color"))
    assert grey.mode == "L" and (np.array(grey) == mask).all()
    assert (np.array(colour.convert("RGB")) == voc_palette()[mask]).all()


def test_segments_keep_their_ids_beyond_eight_bits(outputs, tmp_path):
    for count in (256, 300):
        outputs.write_clusters("a", np.arange(count).reshape(-1, 4))
        assert (np.array(Image.open(tmp_path / "semantic_cluster" / "a.png")) == np.arange(count).reshape(-1, 4)).all()


def test_scores_pass_the_crf_at_their_own_size_and_return_to_the_images(tmp_path):
    scores = np.random.default_rng(1).random((3, 18, 15)).astype(np.float32)
    MaskOutputs(tmp_path, voc_palette(), CRFParameters()).finish_mask("a", IMAGE, scores)
    refined = dense_crf(resize_pixels(IMAGE, (18, 15)), scores, CRFParameters()).argmax(0).astype(np.uint8)
    assert (np.array(Image.open(tmp_path / "semantic_gray" / "a.png")) == resize_label(refined, (12, 10))).all()


def test_a_mask_is_only_resized_and_void_stays_void(outputs, tmp_path):
    values = np.random.default_rng(1).integers(0, 3, (6, 5)).astype(np.uint8)
    void = np.zeros((12, 10), bool)
    void[3, 4:6] = True
    outputs.finish_mask("a", IMAGE, values, void)
    expected = values.repeat(2, 0).repeat(2, 1)
    expected[void] = 255
    assert (np.array(Image.open(tmp_path / "semantic_gray" / "a.png")) == expected).all()


def test_the_crf_sees_the_image_itself_or_its_truncated_resize():
    assert resize_pixels(IMAGE, (12, 10)) is IMAGE
    flat = np.full((7, 9, 3), 119, np.uint8)
    assert (resize_pixels(flat, (20, 31)) == 119).all()
    ramp = np.array([[0, 3]], np.uint8)[..., None].repeat(3, 2)
    assert resize_pixels(ramp, (1, 4))[0, :, 0].tolist() == [0, 0, 2, 3]


@pytest.mark.parametrize("crf", [None, CRFParameters()])
def test_without_a_background_pixels_of_no_score_stay_unlabelled(tmp_path, crf):
    scores = np.zeros((3, *IMAGE.shape[:2]), np.float32)
    scores[1, :, 2:] = 1
    for background, expected in ((True, {0, 1}), (False, {1, 254})):
        outputs = MaskOutputs(tmp_path, voc_palette(), crf, background)
        (mask,) = outputs.classes(IMAGE, scores)
        assert (mask[:, 2:] == 1).all() and set(np.unique(mask)) <= expected
        assert background or (mask[:, :2] == 254).all()

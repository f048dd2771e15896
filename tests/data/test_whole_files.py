"""Results that are cut short are not taken for whole ones."""

import numpy as np
import pytest

from spml.data.cam_files import write_cam
from spml.data.files import write_arrays, write_image, write_text
from spml.data.whole_files import is_whole

PIXELS = np.random.default_rng(0).integers(0, 255, (24, 24), np.uint8)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.png", lambda path: write_image(path, PIXELS)),
        ("a.jpg", lambda path: write_image(path, PIXELS)),
        ("a.npz", lambda path: write_arrays(path, prototype=PIXELS)),
        ("a.npy", lambda path: write_cam(path, {1: PIXELS / 255})),
        ("b.npy", lambda path: np.save(path, PIXELS)),
    ],
)
def test_a_file_cut_anywhere_is_not_whole(tmp_path, name, write):
    path = tmp_path / name
    assert not is_whole(path)
    write(path)
    assert is_whole(path)
    content = path.read_bytes()
    for length in (0, 1, len(content) // 2, len(content) - 9):
        path.write_bytes(content[:length])
        assert not is_whole(path), length


def test_a_flipped_bit_of_a_mask_is_noticed_and_any_text_is_whole(tmp_path):
    write_image(tmp_path / "a.png", PIXELS)
    content = bytearray((tmp_path / "a.png").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "a.png").write_bytes(content)
    assert not is_whole(tmp_path / "a.png")
    write_text(tmp_path / "a.txt", "words")
    assert is_whole(tmp_path / "a.txt")

"""CAM files of the published format."""

import numpy as np
import pytest

from spml.data.cam_files import cam_path, read_cam, seed_scores, write_cam
from spml.errors import UserError


def test_a_cam_file_is_read_as_it_was_written_and_is_the_published_dict(tmp_path):
    cam = {3: np.linspace(0, 1, 12).reshape(3, 4), 1: np.eye(3, 4)}
    path = cam_path(tmp_path, "a")
    write_cam(path, cam)
    published = np.load(path, allow_pickle=True).item()
    assert sorted(published) == [0, 2] and published[0].dtype == np.float32
    again = read_cam(path, 6, (3, 4))
    assert list(again) == [1, 3] and all(np.array_equal(again[k], cam[k].astype(np.float32)) for k in cam)


def test_scores_of_another_size_than_the_image_are_refused(tmp_path):
    write_cam(tmp_path / "a.npy", {1: np.ones((3, 4))})
    with pytest.raises(UserError, match="a.npy: .*size"):
        read_cam(tmp_path / "a.npy", 6, (4, 4))


def test_the_background_score_is_the_sixth_power_of_what_classes_leave(tmp_path):
    cam = {1: np.array([[0.5, 0.0]], np.float32), 2: np.array([[0.2, 1.0]], np.float32)}
    scores = seed_scores(cam, (1, 2), 4)
    assert scores.shape == (4, 1, 2) and not scores[3].any()
    assert np.allclose(scores[0], [[0.5**6, 0]]) and np.array_equal(scores[2], cam[2])


def test_an_image_without_tags_is_all_background(tmp_path):
    write_cam(tmp_path / "a.npy", {})
    assert np.array_equal(seed_scores(read_cam(tmp_path / "a.npy", 3, (2, 2)), (2, 2), 3)[0], np.ones((2, 2)))


def test_without_a_background_a_key_is_the_class_and_no_score_is_of_the_background(tmp_path):
    cam, path = {0: np.eye(2, dtype=np.float32), 3: np.ones((2, 2), np.float32)}, tmp_path / "a.npy"
    write_cam(path, cam, first=0)
    assert sorted(np.load(path, allow_pickle=True).item()) == [0, 3]
    again = read_cam(path, 4, (2, 2), first=0)
    assert list(again) == [0, 3]
    scores = seed_scores(again, (2, 2), 4, first=0)
    assert np.array_equal(scores[0], np.eye(2)) and not scores[1:3].any() and (scores[3] == 1).all()
    with pytest.raises(UserError, match="has class 3, expected integers from 0 to 2, the class$"):
        read_cam(path, 3, first=0)

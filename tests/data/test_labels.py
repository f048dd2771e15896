"""What the values of weak label maps mean, wherever they are read."""

import numpy as np
import pytest
from easydict import EasyDict

from spml.data.files import write_image
from spml.data.labels import UNLABELLED, VOID, read_weak_label
from spml.errors import UserError

LABEL = np.array([[0, 3, 20], [21, 254, 255]], np.uint8)


@pytest.mark.parametrize(("index", "last"), [(254, VOID), (21, VOID), (255, UNLABELLED)])
def test_255_is_void_unless_the_configuration_says_that_it_means_unlabelled(tmp_path, index, last):
    write_image(tmp_path / "a.png", LABEL)
    label = read_weak_label(tmp_path / "a.png", EasyDict(unlabelled_index=index, max_pixels=100))
    assert label.dtype == np.uint8 and label.tolist() == [[0, 3, 20], [21, 254, last]]


def test_a_missing_weak_label_is_an_error_that_names_it(tmp_path):
    with pytest.raises(UserError, match="a.png: no such image"):
        read_weak_label(tmp_path / "a.png", EasyDict(unlabelled_index=254, max_pixels=100))

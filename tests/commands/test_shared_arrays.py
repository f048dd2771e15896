"""Large arrays reach another process through memory that both map, or as they are."""

import os

import numpy as np
import pytest

from spml.commands import shared_arrays
from spml.commands.crf_pool import CrfPool
from spml.commands.shared_arrays import LEAST_SHARED, SharedArray, pack, unpack

LARGE = np.arange(LEAST_SHARED // 4, dtype=np.float32).reshape(4, -1)
memfd = pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="needs Linux")


def opened():
    return len(os.listdir("/proc/self/fd"))


@memfd
def test_large_arrays_are_shared_and_their_memory_given_back():
    before = opened()
    parcel = pack(["a", LARGE.T, LARGE[:1], None])
    assert [isinstance(argument, SharedArray) for argument in parcel.arguments] == [False, True, False, False]
    name, large, small, nothing = unpack(parcel.arguments)
    np.testing.assert_array_equal(large, LARGE.T)
    assert name == "a" and small.shape == (1, LARGE.shape[1]) and nothing is None
    parcel.close()
    np.testing.assert_array_equal(large, LARGE.T)  # what is mapped stays
    del large
    assert opened() == before


@memfd
def test_without_memory_for_it_an_array_is_pickled(monkeypatch):
    def none_left(name):
        raise OSError(12, "Cannot allocate memory")

    before = opened()
    monkeypatch.setattr(os, "memfd_create", none_left)
    assert pack([LARGE]).arguments[0] is LARGE
    monkeypatch.delattr(os, "memfd_create")
    assert pack([LARGE]).arguments[0] is LARGE and opened() == before


def write_sum(path, values):
    path.write_text(f"{values.sum(dtype=np.float64):.0f} {type(values).__name__}")


@pytest.mark.slow
@memfd
@pytest.mark.parametrize("least", [LEAST_SHARED, 1 << 40])
def test_calls_in_processes_see_the_same_values(least, tmp_path, monkeypatch):
    monkeypatch.setattr(shared_arrays, "LEAST_SHARED", least)
    before = opened()
    with CrfPool(1) as pool:
        for i in range(3):
            pool.submit("image a", write_sum, tmp_path / str(i), LARGE)
        pool.finish()
    kind = "memmap" if least == LEAST_SHARED else "ndarray"
    assert {path.read_text() for path in tmp_path.iterdir()} == {f"{LARGE.sum(dtype=np.float64):.0f} {kind}"}
    assert opened() <= before + 2  # what the process that starts others keeps

"""One function over many items in several processes: order, mistakes, none at all."""

import os

import pytest

from spml.commands.pool import default_workers, map_files
from spml.errors import UserError


def square(x):
    return x * x, os.getpid()


def fail_at_three(x):
    if x == 3:
        raise UserError("3.png: no such image")
    return x


@pytest.mark.parametrize("workers", [0, 1, 2, None])
def test_results_come_in_the_order_of_the_items(workers):
    assert [result for result, _ in map_files(square, range(40), workers)] == [x * x for x in range(40)]


def test_work_is_shared_by_processes_or_done_in_this_one():
    assert {pid for _, pid in map_files(square, range(8), 0)} == {os.getpid()}
    assert os.getpid() not in {pid for _, pid in map_files(square, range(8), 2)}


def test_no_items_give_no_results():
    assert list(map_files(square, [], 2)) == []


@pytest.mark.parametrize("workers", [0, 2])
def test_a_users_mistake_leaves_a_worker_as_the_one_line_it_is(workers):
    with pytest.raises(UserError, match=r"^3\.png: no such image$"):
        list(map_files(fail_at_three, range(40), workers))


def test_there_is_at_least_one_worker():
    assert default_workers() >= 1

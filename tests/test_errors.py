"""What messages are made of."""

import pytest

from spml.errors import few_of, first_of


@pytest.mark.parametrize(
    ("names", "first", "few"),
    [("a", "a", "a"), ("abc", "a and 2 more", "a, b, c"), ("abcd", "a and 3 more", "a, b, c, ...")],
)
def test_of_many_things_a_message_names_the_first_ones(names, first, few):
    assert first_of(names) == first and few_of(names) == few
    assert few_of(dict.fromkeys(names), most=4) == ", ".join(names)

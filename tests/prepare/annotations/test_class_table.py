import pytest

from spml.errors import UserError
from spml.prepare.annotations.class_table import read_class_table


def table(tmp_path, lines, background=None):
    (tmp_path / "classes.txt").write_text("\n".join(lines))
    return read_class_table(tmp_path / "classes.txt", background)


@pytest.mark.parametrize(
    ("lines", "flag", "names", "background"),
    [
        (["background", "cow"], None, ("background", "cow"), True),
        (["_background_", "cow"], None, ("_background_", "cow"), True),
        (["cow", "background"], None, ("cow", "background"), False),
        (["cow", "grass"], None, ("cow", "grass"), False),
        (["background", "cow"], "none", ("background", "cow"), False),
        (["cow", "ground"], "ground", ("ground", "cow"), True),
        (["__ignore__", "background", "cow", "void"], None, ("background", "cow"), True),
    ],
)
def test_the_background_is_the_first_class_if_it_is_called_so_or_as_said(tmp_path, lines, flag, names, background):
    found = table(tmp_path, lines, flag)
    assert (found.names, found.background) == (names, background)
    assert found.numbered == tuple(line for line in lines if line != "__ignore__")


def test_names_have_values_and_void_ones_are_no_class(tmp_path):
    found = table(tmp_path, ["background", "right hand", "cow"])
    assert [found.value(name) for name in ("Right-Hand", "cow", "void", "__ignore__", "Unlabelled", "horse")] == [
        1, 2, 255, 255, 254, None,
    ]  # fmt: skip
    assert [found.foreground(value) for value in (0, 1, 2, 254, 255)] == [False, True, True, False, False]


def test_the_nearest_name_is_found(tmp_path):
    found = table(tmp_path, ["background", "Bicycle", "cow"])
    assert found.nearest("bycicle") == "Bicycle" and found.nearest("xyz") is None


def test_a_background_that_is_no_class_is_refused(tmp_path):
    with pytest.raises(UserError, match="--background.*unknown class 'sky'"):
        table(tmp_path, ["cow", "grass"], "sky")


def test_a_background_in_a_later_line_is_warned_of_unless_the_background_is_said(tmp_path, log):
    table(tmp_path, ["cow", "Background"], "none")
    table(tmp_path, ["cow", "Background"], "Background")
    table(tmp_path, ["__ignore__", "background", "cow"])
    assert log == []
    table(tmp_path, ["cow", "Background"])
    ((level, text),) = log
    assert level == "WARNING" and text.endswith(
        "classes.txt: 'Background' is not the first line and counts as any other class; put it first, or say "
        "--background 'Background' or none"
    )


def test_one_class_alone_wants_a_background_beside_it(tmp_path):
    with pytest.raises(UserError, match="two classes or more beside void ones, got 1; add background as the first"):
        table(tmp_path, ["void", "cow"])

import pytest

from spml.commands.flags import Parser, number
from spml.errors import UserError
from spml.prepare.convert import add_common_flags, convert, need_files


def copy_text(source, targets):
    for target in targets:
        target.write_text(source.read_text())


def parse(*argv):
    parser = Parser()
    add_common_flags(parser)
    return parser.parse_args(argv)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_every_job_is_converted(tmp_path, workers, shown_log):
    sources = [tmp_path / f"{name}.in" for name in "abc"]
    for source in sources:
        source.write_text(source.stem)
    convert(copy_text, [(s, (s.with_suffix(".out"),)) for s in sources], parse("--workers", workers), "texts")
    assert [s.with_suffix(".out").read_text() for s in sources] == ["a", "b", "c"]
    assert "3 converted, 0 already there" in shown_log.readouterr().out


def test_a_job_is_skipped_only_if_all_its_targets_exist(tmp_path):
    source, first, second = (tmp_path / name for name in ("source", "first", "second"))
    source.write_text("new")
    first.write_text("old")
    jobs = [(source, (first, second))]
    convert(copy_text, jobs, parse("--skip_existing"), "texts")
    assert first.read_text() == second.read_text() == "new"
    first.write_text("old")
    convert(copy_text, jobs, parse("--skip_existing"), "texts")
    assert first.read_text() == "old"
    convert(copy_text, jobs, parse(), "texts")
    assert first.read_text() == "new"


@pytest.mark.parametrize("text", ["-1", "2", "x", "nan", "inf"])
def test_numbers_outside_their_range_are_refused_by_flag_name(text):
    with pytest.raises(UserError, match=f"--alpha {text}: expected float from 0 to 1"):
        number("--alpha", float, 0, 1)(text)
    assert number("--alpha", float, 0, 1)("0.5") == 0.5


def test_a_fraction_is_no_number_of_workers():
    with pytest.raises(UserError, match="--workers 1.5"):
        parse("--workers", "1.5")


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(UserError, match="CAMs .*no \\*.npy"):
        need_files(tmp_path, "*.npy", "CAMs")
    with pytest.raises(UserError, match="CAMs .*no such folder"):
        need_files(tmp_path / "none", "*.npy", "CAMs")

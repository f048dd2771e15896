import os
from functools import partial

import pytest

from spml.commands.flags import Parser, number
from spml.errors import UserError
from spml.prepare.convert import add_background_flag, add_common_flags, convert, first_tag_of, need_files
from spml.prepare.provenance import PROVENANCE_NAME


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
    convert(copy_text, [(s, (s.with_suffix(".out"),)) for s in sources], parse("--workers", workers), "texts", {})
    assert [s.with_suffix(".out").read_text() for s in sources] == ["a", "b", "c"]
    assert "3 converted, 0 already there" in shown_log.readouterr().out


def test_a_job_is_skipped_only_if_all_its_targets_exist(tmp_path):
    source, first, second = (tmp_path / name for name in ("source", "first", "second"))
    source.write_text("new")
    first.write_text("old")
    jobs = [(source, (first, second))]
    convert(copy_text, jobs, parse("--skip_existing"), "texts", {})
    assert first.read_text() == second.read_text() == "new"
    first.write_text("old")
    convert(copy_text, jobs, parse("--skip_existing"), "texts", {})
    assert first.read_text() == "old"
    convert(copy_text, jobs, parse(), "texts", {})
    assert first.read_text() == "new"


def test_a_job_whose_source_has_changed_since_is_done_again_but_not_over_files_from_elsewhere(tmp_path):
    sources = [tmp_path / "in" / name for name in "ab"]
    jobs = [(source, (tmp_path / "out" / source.name,)) for source in sources]
    for folder in ("in", "out"):
        (tmp_path / folder).mkdir()
    for source in sources:
        source.write_text("old")
    convert(copy_text, jobs, parse(), "texts", {})
    sources[0].write_text("new")
    later = jobs[0][1][0].stat().st_mtime + 1
    os.utime(sources[0], (later, later))
    convert(copy_text, jobs, parse("--skip_existing"), "texts", {})
    assert [targets[0].read_text() for _, targets in jobs] == ["new", "old"]
    os.utime(sources[1], (later, later))
    sources[1].write_text("new")
    (tmp_path / "out" / PROVENANCE_NAME).unlink()
    convert(copy_text, jobs, parse("--skip_existing"), "texts", {})
    assert jobs[1][1][0].read_text() == "old"


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


@pytest.mark.parametrize(
    ("flags", "first", "said"), [([], 0, 1), (["--background", "none"], 0, 0), (["--background", "0"], 1, 0)]
)
def test_a_background_in_a_later_line_is_warned_of_unless_the_background_is_said(log, flags, first, said):
    parser = Parser()
    add_background_flag(parser)
    assert first_tag_of(parser.parse_args(flags), ["cow", "background"]) == first
    warning = "background is class 1 and counts as a tag; put it first in the class names, or say --background none"
    assert log == [("WARNING", warning)] * said


def write_word(source, targets, word):
    if source == "broken":
        raise UserError("broken: no source")
    for target in targets:
        target.parent.mkdir(exist_ok=True)
        target.write_text(word)


def run(folder, word, *flags, sources="ab"):
    """Write `word` for each source; returns the files' contents."""
    jobs = [(source, (folder / f"{source}.txt",)) for source in sources]
    convert(partial(write_word, word=word), jobs, parse("--workers", "0", *flags), "words", {"word": word})
    return [path.read_text() for path in sorted(folder.glob("*.txt"))]


def test_outputs_of_other_settings_do_not_pass_for_new_ones(tmp_path):
    assert run(tmp_path / "out", "old") == ["old", "old"]
    assert run(tmp_path / "out", "old", "--skip_existing", sources="abc") == ["old", "old", "old"]
    with pytest.raises(UserError, match="out was made with other settings: word was 'old', is 'new'; run without"):
        run(tmp_path / "out", "new", "--skip_existing", sources="abcd")
    assert run(tmp_path / "out", "new", sources="abc") == ["new", "new", "new"]
    assert run(tmp_path / "out", "new", "--skip_existing", sources="abcd") == ["new"] * 4


def test_a_folder_that_was_being_made_anew_when_the_run_ended_is_refused_whatever_the_settings(tmp_path):
    run(tmp_path / "out", "old", sources=["a", "z"])
    with pytest.raises(UserError, match="broken"):
        run(tmp_path / "out", "new", sources=["a", "broken", "z"])
    for word in ("old", "new"):
        with pytest.raises(UserError, match="out holds files made with several settings"):
            run(tmp_path / "out", word, "--skip_existing", sources=["a", "z"])
    assert run(tmp_path / "out", "new", sources=["a", "z"]) == ["new", "new"]
    assert run(tmp_path / "out", "new", "--skip_existing", sources=["a", "z"]) == ["new", "new"]


def test_a_first_run_that_ends_early_goes_on_with_its_settings_alone(tmp_path):
    with pytest.raises(UserError, match="broken"):
        run(tmp_path / "out", "old", sources=["a", "broken", "b"])
    with pytest.raises(UserError, match="other settings"):
        run(tmp_path / "out", "new", "--skip_existing")
    assert run(tmp_path / "out", "old", "--skip_existing") == ["old", "old"]


def test_a_folder_of_which_only_a_part_is_made_anew_is_refused_until_all_is(tmp_path):
    run(tmp_path / "out", "old", sources="ab")
    assert run(tmp_path / "out", "new", sources="b") == ["old", "new"]
    with pytest.raises(UserError, match="out holds files made with several settings"):
        run(tmp_path / "out", "new", "--skip_existing", sources="ab")
    run(tmp_path / "out", "new", sources="ab")
    assert run(tmp_path / "out", "new", "--skip_existing", sources="ab") == ["new", "new"]


def test_files_from_elsewhere_are_left(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a.txt").write_text("theirs")
    for word in ("old", "new"):
        assert run(tmp_path / "out", word, "--skip_existing") == ["theirs", "old"]
    assert not list((tmp_path / "out").glob(".*"))


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "[" * 100_000])
def test_a_broken_record_is_refused(tmp_path, content):
    run(tmp_path / "out", "old")
    (tmp_path / "out" / PROVENANCE_NAME).write_text(content)
    with pytest.raises(UserError, match="made with (other|several) settings"):
        run(tmp_path / "out", "old", "--skip_existing")

"""A new annotation format is one module of `spml/prepare` with a function of its name, and a script that calls it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from spml.data.files import read_label

ROOT = Path(__file__).parents[2]
MODULE = """
from functools import partial
from pathlib import Path

import numpy as np

from spml.commands.flags import Parser, number
from spml.data.files import read_text, write_image
from spml.errors import UserError
from spml.prepare.convert import add_common_flags, convert, need_files


def clicks(argv=None):
    parser = Parser(description="Files of clicks, 'y x class' a line, to labels of a side of 9 pixels")
    parser.add_argument("--click_dir", type=Path, required=True)
    parser.add_argument("--save_dir", type=Path, required=True)
    parser.add_argument("--unlabelled", type=number("--unlabelled", int, 250, 254), default=254)
    add_common_flags(parser)
    args = parser.parse_args(argv)
    files = need_files(args.click_dir, "*.txt", "--click_dir")
    jobs = [(path, (args.save_dir / f"{path.stem}.png",)) for path in files]
    settings = {"unlabelled": args.unlabelled}
    convert(partial(write_clicks, **settings), jobs, args, "clicks", settings)


def write_clicks(source, targets, unlabelled):
    label = np.full((9, 9), unlabelled, np.uint8)
    for line in read_text(source, "clicks").splitlines():
        try:
            y, x, part = map(int, line.split())
            label[y, x] = part
        except (ValueError, IndexError):
            raise UserError(f"{source}: {line!r}; expected 'y x class'") from None
    write_image(targets[0], label)
"""
SCRIPT = """
from clicks import clicks

from spml.commands.running import run

if __name__ == "__main__":
    run(clicks)
"""


@pytest.fixture
def call(tmp_path):
    """Calls the new script on a folder of two files of clicks."""
    (tmp_path / "clicks.py").write_text(MODULE)
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "in").mkdir()
    for name in "ab":
        (tmp_path / f"in/{name}.txt").write_text("1 2 3\n4 5 0\n")

    def run(*more):
        command = [sys.executable, "script.py", "--click_dir", "in", "--save_dir", "out", *more]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    run.folder = tmp_path
    return run


@pytest.mark.slow
def test_a_new_annotation_type_has_processes_and_what_exists_stays(call):
    done = call("--workers", "2")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "clicks: 2 converted, 0 already there\n"
    label = read_label(call.folder / "out/a.png")
    assert label[1, 2] == 3 and label[4, 5] == 0 and (label == 254).sum() == 79
    assert call("--skip_existing").stdout == "clicks: 0 converted, 2 already there\n"


@pytest.mark.slow
def test_mistakes_are_one_line(call):
    (call.folder / "in/b.txt").write_text("1 2\n")
    done = call("--workers", "2")
    assert done.returncode == 1 and done.stderr.splitlines()[-1] == "error: in/b.txt: '1 2'; expected 'y x class'"
    assert "Traceback" not in done.stderr
    assert call("--unlabelled", "9").stderr == "error: --unlabelled 9: expected int from 250 to 254\n"
    assert not (call.folder / "out/b.png").exists()

"""Recipes as users start them: sourced or executed, under several shells, from any folder."""

import os
import pty
import select
import shutil
import signal
import sys

import pytest
from sourcing import RECIPES, SMALL, shell

pytestmark = pytest.mark.slow  # starts processes

# The environment before and after, but for what any command changes.
SHOW = "{ set -o; shopt; pwd; compgen -A function; compgen -v | grep -vE '^(BASH|PIPESTATUS|_$|LINENO|RANDOM)'; }"
SHOW_ZSH = "{ setopt; pwd; print -l ${(k)functions}; print -l ${(k)parameters} | grep -vE '^(_|\\?|status|RANDOM)$'; }"
POINT = RECIPES / "toy/train_spml_point.sh"
needs_zsh = pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")


def listed(done):
    """The stages that a recipe listed."""
    assert done.returncode == 0, done.stderr
    return [line.split()[0] for line in done.stdout.splitlines() if line.endswith("  to run")]


def test_a_sourced_recipe_runs_and_leaves_the_shell_as_it_was(tmp_path):
    command = f"{SHOW} > before; source {POINT}; echo status $?; {SHOW} > after"
    done = shell(command, tmp_path, TO="embedding", **{**SMALL, "DATA": "scenes", "OUT": "out"})
    assert "status 0" in done.stdout, done.stdout + done.stderr
    assert "pyscripts/train/train.py --cfg_path configs/toy/point.yaml" in done.stdout
    assert (tmp_path / "before").read_text() == (tmp_path / "after").read_text()
    assert (tmp_path / "out/embedding/model-1.pth").is_file() and (tmp_path / "scenes/toy.json").is_file()
    assert not (tmp_path / "out/prototypes").exists()


@needs_zsh
def test_a_recipe_sourced_by_zsh_leaves_it_as_it_was(tmp_path):
    command = f"{SHOW_ZSH} > before; LIST=1 source {POINT}; echo status $?; {SHOW_ZSH} > after"
    done = shell(command, tmp_path, "zsh")
    assert "status 0" in done.stdout and "masks_full  " in done.stdout, done.stdout + done.stderr
    assert (tmp_path / "before").read_text() == (tmp_path / "after").read_text()


@pytest.mark.parametrize(
    "command",
    [
        "source {script}",
        "set -eu; IFS=/; source {script}",
        "shopt -s expand_aliases; alias bash=false dirname=false command=false export=false\nsource {script}",
        "bash {script}",
        "sh {script}",
        "cd {folder} && . ./{name}",
        "cd {folder} && bash {name}",
        "export CDPATH={folder}/..; cd {folder}/../.. && . bashscripts/toy/{name}",
        "set -- one two; source {script}",
        pytest.param("zsh -c 'set -eu; IFS=/; source {script}'", marks=needs_zsh),
        pytest.param("zsh -c 'unsetopt function_argzero; source {script}'", marks=needs_zsh),
        pytest.param("zsh -c 'emulate sh; . {script}'", marks=needs_zsh),
        pytest.param("zsh {script}", marks=needs_zsh),
    ],
)
def test_a_recipe_starts_in_whatever_way(command, tmp_path):
    words = {"script": POINT, "folder": POINT.parent, "name": POINT.name}
    found = listed(shell(command.format(**words), tmp_path, LIST="1"))
    assert found[0] == "data" and found[-1] == "masks_full"


@pytest.mark.skipif(shutil.which("dash") is None, reason="dash is not installed")
def test_a_shell_that_cannot_say_where_a_sourced_script_lies_is_told_to_use_bash(tmp_path):
    done = shell(f". {POINT}; echo status $?", tmp_path, "dash")
    assert done.stdout == "status 1\n"
    expected = "sourced by neither bash nor zsh; run instead: bash bashscripts/toy/train_spml_point.sh"
    assert done.stderr == f"error: {expected}\n"


def test_control_c_in_the_middle_of_a_recipe_leaves_the_users_shell_with_its_options(tmp_path):
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\ncase "$*" in *spml.recipes*) echo begun; exec sleep 60;; esac\nexec {sys.executable} "$@"\n'
    )
    python.chmod(0o755)
    environment = {**os.environ, "SPML_PYTHON": str(python), "PS1": "", "TERM": "dumb"}
    child, terminal = pty.fork()
    if not child:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs begin without
        os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], environment)
    os.write(terminal, f"set -u; set -o > {tmp_path}/before; source {POINT}\n".encode())
    read_until(terminal, b"begun")
    os.write(terminal, b"\x03")
    os.write(terminal, f"set -o > {tmp_path}/after; echo al''ive\n".encode())
    read_until(terminal, b"alive")
    os.write(terminal, b"exit\n")
    os.close(terminal)
    os.waitpid(child, 0)
    assert (tmp_path / "before").read_text() == (tmp_path / "after").read_text()


def read_until(terminal, words):
    """Read what a terminal shows until it shows these words."""
    shown = b""
    while words not in shown:
        assert select.select([terminal], [], [], 120)[0], shown
        shown += os.read(terminal, 1 << 16)


def test_settings_need_not_be_exported(tmp_path):
    done = shell(f"LIST=1; TO=nonsense; source {POINT}; echo status $?", tmp_path)
    assert "status 1" in done.stdout
    assert "TO=nonsense: no such stage; expected one of data embedding prototypes" in done.stderr


def test_a_failed_recipe_gives_its_status_even_where_bash_would_ignore_it(tmp_path):
    done = shell(f"source {POINT} || echo failed $?", tmp_path, OPTS="train.nonsense 1", DATA="scenes")
    assert "failed 1" in done.stdout and "unknown key train.nonsense" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == []
    done = shell(f"set -e; source {POINT}; echo went on", tmp_path, FROM="nonsense")
    assert done.returncode == 1 and "went on" not in done.stdout


def test_odd_letters_in_paths_reach_the_scripts(tmp_path):
    folder = tmp_path / 'it\'s a "place" #1'
    folder.mkdir()
    for name in ("bashscripts", "configs", "pyscripts", "spml"):
        (folder / name).symlink_to(RECIPES.parent / name)
    settings = {**SMALL, "DATA": "my: scenes", "OUT": "out: #2"}
    done = shell('. "bashscripts/toy/train_spml_point.sh"', folder, TO="prototypes", **settings)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list((folder / "out: #2/prototypes/semantic_prototype").glob("*.npz"))) == 4


def test_an_environment_that_lacks_a_package_is_named_before_anything_runs(tmp_path):
    (tmp_path / "python").write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    (tmp_path / "python").chmod(0o755)
    done = shell(f"source {POINT}", tmp_path, SPML_PYTHON=str(tmp_path / "python"), PYTHONPATH=os.devnull)
    assert done.returncode == 1 and "lacks torch" in done.stderr

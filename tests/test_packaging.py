"""The package as a wheel, its metadata, and bashscripts/setup.sh with a stand-in for Python that notes its calls."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import spml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]

FAKE_PYTHON = r"""#!/bin/bash
printf '%s\n' "$*" >>"$FAKE/calls"
case "$*" in
  *version_info*) exit "$(cat "$FAKE/too_old" 2>/dev/null || echo 0)" ;;
  *ensurepip*) [[ ! -e $FAKE/no_venv ]] ;;
  "-m venv"*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && [[ ! -e $FAKE/fail_venv ]] ;;
  "-m pip install"*) echo "pip says $*"; [[ ! -e $FAKE/fail_pip || "$*" != *"$(cat "$FAKE/fail_pip")"* ]] ;;
  --version) echo "Python 3.8.10" ;;
esac
"""


@pytest.fixture
def project(tmp_path):
    """A project folder with a space in its name, holding what setup.sh reads, and a fake Python."""
    root, fake = tmp_path / "my project", tmp_path / "fake"
    (root / "bashscripts").mkdir(parents=True)
    fake.mkdir()
    for name in ("setup.py", "pyproject.toml", "constraints.txt", "bashscripts/setup.sh"):
        shutil.copy(ROOT / name, root / name)
    for name in ("python3", "python3.10", "python3.11", "python3.12", "python3.13", "python"):
        (fake / name).write_text(FAKE_PYTHON)
        (fake / name).chmod(0o755)
    return root


def bash(project, command, **environment):
    """Run a bash command in another folder than the project's."""
    fake = project.parent / "fake"
    clean = {
        name: value for name, value in os.environ.items() if name not in ("SPML_PYTHON", "CC", "CXX", "PYTHONPATH")
    }
    environment = clean | {"FAKE": str(fake), "PATH": f"{fake}:{clean['PATH']}"} | environment
    return subprocess.run(["bash", "-c", command], cwd="/", env=environment, capture_output=True, text=True)


def set_up(project, **environment):
    return bash(project, f"bash '{project}/bashscripts/setup.sh'", **environment)


def calls(project, what):
    """How often Python was called with `what` among its arguments."""
    log = project.parent / "fake" / "calls"
    return sum(what in line for line in log.read_text().splitlines()) if log.exists() else 0


def test_first_run_makes_the_environment_and_prints_its_interpreter(project):
    done = set_up(project)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{project}/.venv/bin/python\n"
    assert "once, some minutes" in done.stderr
    assert calls(project, "-m venv") == 1 and calls(project, "-c constraints.txt -e .[test]") == 1


def test_second_run_installs_nothing_and_says_nothing(project):
    set_up(project)
    installs = calls(project, "pip install")
    again = set_up(project)
    assert (again.stdout, again.stderr) == (f"{project}/.venv/bin/python\n", "")
    assert calls(project, "pip install") == installs > 0


@pytest.mark.parametrize("name", ["constraints.txt", "pyproject.toml", "setup.py"])
def test_changed_requirements_install_again_into_the_same_environment(project, name):
    set_up(project)
    with open(project / name, "a") as requirements:
        requirements.write("# a change\n")
    assert set_up(project).returncode == 0
    assert calls(project, "-e .[test]") == 2 and calls(project, "-m venv") == 1


@pytest.mark.parametrize("where", ["fail_venv", "fail_pip"])
def test_interrupted_set_up_is_an_error_and_is_made_anew(project, where):
    (project.parent / "fake" / where).write_text("-e .[test]")
    failed = set_up(project)
    assert failed.returncode == 1 and failed.stdout == "" and "failed" in failed.stderr
    (project / ".venv" / "half").write_text("a half-installed file")
    (project.parent / "fake" / where).unlink()
    assert set_up(project).returncode == 0
    assert calls(project, "-m venv") == 2 and not (project / ".venv" / "half").exists()


def test_environment_that_this_script_did_not_make_is_never_removed(project):
    (project / ".venv").mkdir()
    (project / ".venv" / "mine").write_text("")
    refused = set_up(project)
    assert refused.returncode == 1 and "was not made by this script" in refused.stderr
    assert (project / ".venv" / "mine").exists()


def test_old_python_is_refused_with_what_to_install(project):
    (project.parent / "fake" / "too_old").write_text("1")
    failed = set_up(project)
    assert failed.returncode == 1 and failed.stdout == ""
    assert "Python 3.10 or newer is needed (python3 here: Python 3.8.10)" in failed.stderr
    assert "apt-get install python3 python3-venv" in failed.stderr and not (project / ".venv").exists()


def test_missing_venv_module_is_named(project):
    (project.parent / "fake" / "no_venv").write_text("")
    failed = set_up(project)
    assert failed.returncode == 1 and "apt-get install python3-venv" in failed.stderr


def test_missing_compiler_is_named(project):
    (project.parent / "fake" / "fail_pip").write_text("pydensecrf2")
    failed = set_up(project, CXX="no-such-compiler")
    assert failed.returncode == 1 and "apt-get install build-essential" in failed.stderr


def test_an_environment_that_is_a_link_to_another_folders_is_left_alone(project):
    set_up(project)
    (project.parent / "other").mkdir()
    shutil.copytree(project, project.parent / "other/clone", ignore=shutil.ignore_patterns(".venv"))
    (project.parent / "other/clone/.venv").symlink_to(project / ".venv")
    installs = calls(project, "pip install")
    done = set_up(
        project.parent / "other/clone", FAKE=str(project.parent / "fake"), PATH=f"{project.parent}/fake:/usr/bin:/bin"
    )
    assert done.returncode == 1 and ".venv is a link" in done.stderr
    assert calls(project, "pip install") == installs > 0
    assert set_up(project).stderr == ""


def test_sourcing_in_a_subshell_sets_the_interpreter_and_nothing_outside(project):
    script = f"""
    set -uo pipefail
    ( . '{project}/bashscripts/setup.sh' || exit 1; echo "inside $SPML_PYTHON" )
    echo "outside ${{SPML_PYTHON-unset}}"
    """
    done = bash(project, script)
    assert f"inside {project}/.venv/bin/python" in done.stdout and "outside unset" in done.stdout


@pytest.mark.parametrize("options", ["-uo pipefail", "-euo pipefail"])
def test_failure_while_sourced_reaches_the_caller(project, options):
    (project.parent / "fake" / "fail_pip").write_text("-e .[test]")
    done = bash(project, f"set {options}; . '{project}/bashscripts/setup.sh' || exit 7; echo went on")
    assert done.returncode == 7 and done.stdout == ""


def test_given_interpreter_is_used_as_it_is(project):
    done = bash(
        project,
        f". '{project}/bashscripts/setup.sh' && \"$SPML_PYTHON\" -c 'import sys; print(sys.path[1])'",
        SPML_PYTHON=sys.executable,
    )
    assert done.stdout.splitlines() == [f"== python: {sys.executable}", str(project)]
    assert not (project / ".venv").exists()


@pytest.mark.parametrize("name", ["/nowhere/python", "false"])
def test_given_interpreter_that_is_none_is_refused(project, name):
    failed = set_up(project, SPML_PYTHON=name)
    assert failed.returncode == 1 and f"SPML_PYTHON={name} is no Python 3.10 or newer" in failed.stderr


def requirements():
    """Names of the package's requirements, extras included, as pyproject.toml states them."""
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = sum(stated["optional-dependencies"].values(), stated["dependencies"])
    return {re.split(r"[<>=]", line)[0] for line in lines}


def test_every_requirement_has_a_tested_version():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert requirements() <= {line.split("==")[0] for line in lines}
    assert all(re.fullmatch(r'#.*|[\w-]+==[\d.]+(; python_version (>=|<) "3\.11")?', line) for line in lines)


def pip(*arguments):
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-cache-dir", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel that `pip install .` makes, built from a copy of the project."""
    source, wheels = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheels")
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "spml", source / "spml", ignore=shutil.ignore_patterns("__pycache__"))
    pip("wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", wheels, source)
    (path,) = wheels.iterdir()
    return path


USE = """
import importlib.metadata, pathlib, sys
import spml, spml.config
site = pathlib.Path(sys.argv[1])
assert pathlib.Path(spml.__file__).parent == site / "spml", spml.__file__
assert (site / "spml" / "py.typed").is_file()
assert importlib.metadata.version("spml") == spml.__version__
assert "torch" not in sys.modules
config = spml.load_config(None, ["train.base_lr", "0.5"], preset="densepose")
assert callable(spml.load) and callable(spml.train) and callable(spml.Segmenter)
print(spml.__version__, config.train.base_lr, config.dataset.num_classes, spml.config.code_revision())
"""


@pytest.mark.slow
def test_a_wheel_installed_elsewhere_works_from_an_empty_folder(wheel, tmp_path):
    site, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    pip("install", "--no-deps", "--no-index", "--target", site, wheel)
    environment = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run([sys.executable, "-c", USE, site], cwd=empty, env=environment, capture_output=True, text=True)
    assert done.stdout.split() == [spml.__version__, "0.5", "15", "unknown"], done.stderr
    assert not list(empty.iterdir())


@pytest.mark.slow
def test_a_wheel_holds_the_package_alone_and_one_version(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names} == {"spml", f"spml-{spml.__version__}.dist-info"}
    assert {f"spml/config/{name}.yaml" for name in ("default", "densepose")} < set(names)
    versions = [p for p in ("setup.py", "pyproject.toml") if re.search(r"\d+\.\d+\.\d+", (ROOT / p).read_text())]
    assert versions == []

"""The merged configuration on disk, and which commit made it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from spml.config import code_revision, load_config, save_config

ROOT = Path(__file__).resolve().parents[2]
REVISION = "from spml.config import code_revision; print(code_revision())"


def git(folder, *arguments):
    identity = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", "-C", folder, *identity, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def revision_of(package_root, **environment):
    """What a copy of the package under `package_root` says of itself."""
    command = [sys.executable, "-c", REVISION]
    environment = {**os.environ, "PYTHONPATH": str(package_root), **environment}
    done = subprocess.run(command, cwd=package_root, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    """A repository that is not of this project, with a commit and a copy of the package in site-packages."""
    for module in ("__init__", "errors", "timm_models"):
        (tmp_path / "site-packages" / "spml").mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "spml" / f"{module}.py", tmp_path / "site-packages" / "spml")
    for room in ("config", "data"):
        shutil.copytree(ROOT / "spml" / room, tmp_path / "site-packages" / "spml" / room)
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "not of spml")
    return tmp_path


def test_an_installed_package_does_not_name_the_commit_of_the_repository_around_it(repository):
    assert revision_of(repository / "site-packages") == "unknown"
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "the package too")
    assert revision_of(repository / "site-packages") == "unknown"


@pytest.mark.slow
def test_a_checkout_names_its_commit_even_in_a_hook_of_another_repository(repository):
    package = repository / "site-packages"
    git(package, "init", "-q")
    assert revision_of(package) == "unknown"
    git(package, "add", "-A")
    git(package, "commit", "-q", "-m", "spml")
    commit = git(package, "rev-parse", "HEAD")
    assert revision_of(package).removesuffix("-dirty") == commit  # compiled files make it dirty
    assert revision_of(package, GIT_DIR=str(repository / ".git")).removesuffix("-dirty") == commit


def test_the_merged_configuration_loads_as_the_same_again(tmp_path):
    config = load_config(ROOT / "configs" / "toy" / "parts.yaml", {"dataset.data_dir": "bücher #1: x"})
    save_config(config, tmp_path / "merged.yaml")
    assert (tmp_path / "merged.yaml").read_text().startswith(f"# code revision: {code_revision()}\n")
    assert load_config(tmp_path / "merged.yaml") == config

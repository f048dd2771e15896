"""Writing the merged configuration beside what a run writes, with the revision of the code."""

import os
import subprocess
from pathlib import Path

import yaml

from spml.config.tree import DEFAULT_PATH, FOLDER, Config, plain
from spml.data.files import write_text


def code_revision() -> str:
    """The git commit of the code, or 'unknown' where the code is not a checkout of this project."""
    root = FOLDER.parents[1]
    try:
        if Path(_git("rev-parse", "--show-toplevel")).resolve() != root:
            return "unknown"  # installed somewhere inside another repository
        _git("ls-files", "--error-unmatch", str(DEFAULT_PATH))
        return _git("describe", "--always", "--dirty", "--abbrev=40")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    # A hook of another repository names that one in the environment.
    others = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
    environment = {name: value for name, value in os.environ.items() if name not in others}
    command = ["git", "-C", str(FOLDER), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.strip()


def save_config(config: Config, path: str | Path) -> None:
    """Write the merged config and the code revision as YAML; raises UserError where it cannot be written."""
    text = yaml.safe_dump(plain(config), sort_keys=False, default_flow_style=None, allow_unicode=True)
    write_text(path, f"# code revision: {code_revision()}\n{text}")

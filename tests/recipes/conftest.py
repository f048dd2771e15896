"""Fixtures of the recipes: the process that runs them, and a miniature of each toy recipe."""

import pytest
from forking import Forge
from sourcing import SMALL


@pytest.fixture(scope="session")
def forge(tmp_path_factory):
    """The process with torch loaded in whose forks recipes run."""
    forge = Forge(tmp_path_factory.mktemp("forge"))
    yield forge
    forge.close()


@pytest.fixture(scope="session")
def run_toy(forge):
    """Runs a toy recipe on a small toy set below a folder; returns how it ended."""

    def run(kind, folder, marks="", **changes):
        data = folder / ("parts" if kind == "parts" else "scenes")
        settings = {**SMALL, "OUT": str(folder / "out"), "DATA": str(data)}
        return forge.run(["toy", kind], marks, **{**settings, **changes})

    return run

"""What the scripts say, shown as a user sees it."""

import logging

import pytest

from spml.commands.running import show_log


@pytest.fixture
def shown_log(capsys):
    """Shows the package's log on stdout and stderr during a test, as scripts do; gives pytest's capsys."""
    logger = logging.getLogger("spml")
    before = logger.handlers[:], logger.propagate, logger.level
    show_log()
    yield capsys
    logger.handlers[:], logger.propagate, logger.level = before

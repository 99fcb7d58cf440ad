"""A browser, and where its pictures go."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.processes import REPOSITORY

NAMES = ("chromium", "chromium-browser", "google-chrome")
SAID: pytest.StashKey[list[str]] = pytest.StashKey()
PICTURES = REPOSITORY / "ci-output" / "browser"  # not in the repository


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The Chromium of this machine, without a window; `CHROMIUM` names another one."""
    named = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    assert named, "There is no Chromium here: `make browser` installs it, or set CHROMIUM to where it is."
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=named, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def pictures() -> Path:
    """An empty folder for pictures of pages, kept after the tests."""
    shutil.rmtree(PICTURES, ignore_errors=True)
    PICTURES.mkdir(parents=True)
    return PICTURES


@pytest.fixture(scope="session")
def said(pytestconfig: pytest.Config) -> list[str]:
    """Lines for whoever runs the tests, printed at their end."""
    return pytestconfig.stash.setdefault(SAID, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash.get(SAID, []):
        terminalreporter.write_line(line)
    if PICTURES.is_dir():
        terminalreporter.write_line(f"Pictures of {len([*PICTURES.iterdir()])} pages: {PICTURES}")

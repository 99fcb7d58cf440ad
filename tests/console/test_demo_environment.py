"""The demo's environment: nothing of the user's own is in it, and another shell gets the same from a file."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from console.demo.environment import enter
from worker.settings import Settings

STAND_INS = {"SALESFORCE_LOGIN_URL": "http://127.0.0.1:1", "XERO_CLIENT_ID": "app", "XERO_CLIENT_SECRET": "a 'b' $c"}


@pytest.fixture
def shell() -> Iterator[None]:
    """A user's own deployment, in their shell."""
    own = {"SALESFORCE_USERNAME": "me@example.com", "REDIS_URL": "redis://mine:6379/0", "HOURSTREAM_ALERT_URL": "x"}
    with mock.patch.dict("os.environ", {"PATH": os.environ["PATH"], **own}, clear=True):
        yield


def sourced(file: Path) -> dict[str, str]:
    """What a command started after `. FILE` sees."""
    script = 'set -a; . "$1"; set +a; env -0'
    done = subprocess.run(["/bin/sh", "-c", script, "sh", str(file)], capture_output=True, check=True, text=True)
    return dict(pair.split("=", 1) for pair in done.stdout.split("\0") if pair)


@pytest.mark.usefixtures("shell")
def test_the_file_gives_another_shell_what_the_demo_runs_on(tmp_path: Path) -> None:
    file = enter(STAND_INS, tmp_path, "# a setup")
    seen = sourced(file)
    assert {name: seen[name] for name in STAND_INS} == STAND_INS
    assert seen["HOURSTREAM_DATA"] == str(tmp_path)
    assert Path(seen["HOURSTREAM_SETUP"]).read_text() == "# a setup"
    assert seen["REDIS_URL"] == ""
    assert "HOURSTREAM_LOG_FORMAT" not in file.read_text(), "what a person reads is not JSON"
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.usefixtures("shell")
def test_the_demo_sees_nothing_of_the_users_own_deployment(tmp_path: Path) -> None:
    enter(STAND_INS, tmp_path, "")
    settings = Settings(_env_file=None)  # type: ignore[call-arg]  # pydantic-settings takes it
    assert (settings.redis_url, settings.salesforce_username, settings.hourstream_alert_url) == (None, None, None)
    assert settings.hourstream_data == tmp_path
    assert settings.hourstream_console_url.startswith("http://localhost:")

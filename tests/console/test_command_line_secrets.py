"""`hourstream secrets …` at a terminal."""

import json
from pathlib import Path

import pytest
from redis import Redis
from typer.testing import CliRunner

from console.cli import app
from worker.store.embedded import EmbeddedServer
from worker.store.secrets import key_file


@pytest.fixture
def data(valkey: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    with Redis.from_url(valkey.url) as client:
        client.flushall()
    monkeypatch.setenv("REDIS_URL", valkey.url)
    monkeypatch.setenv("HOURSTREAM_DATA", str(tmp_path))
    monkeypatch.delenv("HOURSTREAM_SECRET_KEY", raising=False)
    return tmp_path


def test_a_key_is_made_then_changed_and_none_is_printed(data: Path) -> None:
    assert CliRunner().invoke(app, ["secrets", "init"]).exit_code == 0
    first = key_file(data).read_text().strip()
    done = CliRunner().invoke(app, ["secrets", "rotate", "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert (said["made"], said["dropped"], said["source"]) == (True, 0, str(key_file(data)))
    keys = key_file(data).read_text().split()
    assert keys[1:] == [first]
    assert not any(key in done.output for key in keys)


def test_without_a_key_there_is_nothing_to_change(data: Path) -> None:
    done = CliRunner().invoke(app, ["secrets", "rotate"])
    assert done.exit_code == 2
    assert "missing or empty" in done.stderr

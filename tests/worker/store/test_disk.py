"""Files in HOURSTREAM_DATA."""

from pathlib import Path

import pytest

from tests.fixtures_store import TABLE, permanent_keys
from worker.store import disk, moments


def test_a_file_is_replaced_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "state" / "links.json"
    disk.write_atomic(path, b"one")
    disk.write_atomic(path, b"two")
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_file_and_no_rubbish(tmp_path: Path) -> None:
    path = tmp_path / "taken"
    path.mkdir()
    with pytest.raises(OSError, match="taken"):
        disk.write_atomic(path, b"content")
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_created_only_once(tmp_path: Path) -> None:
    assert disk.create_once(tmp_path / "key", b"one")
    assert not disk.create_once(tmp_path / "key", b"two")
    assert (tmp_path / "key").read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [tmp_path / "key"]


def test_a_missing_file_is_none(tmp_path: Path) -> None:
    assert disk.read_bytes(tmp_path / "nothing") is None


def test_times_are_iso_in_utc_with_milliseconds() -> None:
    assert moments.from_milliseconds(1_795_575_103_042) == "2026-11-25T02:51:43.042Z"
    assert moments.from_milliseconds(0) == ""


def test_the_table_of_keys_is_read_by_the_leak_check() -> None:
    patterns = permanent_keys(TABLE.read_text())
    assert any(pattern.fullmatch("hourstream:main:governor:state") for pattern in patterns)
    assert not any(pattern.fullmatch("hourstream:main:lock:token:xero") for pattern in patterns)

"""The setup file in force, and every version of it there ever was.

The one in force is in Redis; each saved version is also a file in HOURSTREAM_DATA (`setup/000001.toml` …, the last one
as `setup.toml`), so that a wiped Redis forgets neither the setup nor the version numbers documents were made under.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct
from redis.asyncio import Redis

from worker.errors import ServiceError
from worker.store import disk, moments
from worker.store.keys import Keys
from worker.store.lua import Key, script, stub


class StoredSetup(Struct, frozen=True, kw_only=True):
    """A saved setup; `text` is the TOML exactly as it was given."""

    version: int
    text: str
    saved_at: str
    saved_by: str


@script()
async def _save(redis: Redis, *, setup: Key, text: str, by: str, at: str, least: int, expected: str) -> int:
    """
    local version = tonumber(redis.call("HGET", setup, "version") or "0")
    if expected ~= "" and tonumber(expected) ~= version then
        return -1
    end
    if version > 0 and redis.call("HGET", setup, "text") == text then
        return version
    end
    version = math.max(version, tonumber(least)) + 1
    redis.call("HSET", setup, "version", version, "text", text, "saved_at", at, "saved_by", by)
    return version
    """
    return stub()


@dataclass(frozen=True, slots=True)
class SetupStore:
    """Saves and reads setups. Versions count from 1 and never go back, whatever happens to Redis."""

    redis: Redis
    keys: Keys
    data: Path

    @property
    def key(self) -> Key:
        """The hash with the setup in force: its field `version` is what `begin` compares."""
        return self.keys("setup")

    async def current(self) -> StoredSetup | None:
        """The setup in force, or None when none was saved (or Redis was wiped: see `on_disk`)."""
        found: dict[str, str] = await self.redis.hgetall(self.key)  # type: ignore[misc]  # sync and async typed as one
        if not found:
            return None
        return StoredSetup(
            version=int(found["version"]), text=found["text"], saved_at=found["saved_at"], saved_by=found["saved_by"]
        )

    async def save(self, text: str, by: str, *, expected: int | None = None) -> StoredSetup:
        """Make `text` the setup in force, as a new version unless it is the one in force already.

        `expected` is the version the change was made on (0: none yet). Raises `ServiceError` when another was saved
        since.
        """
        at = moments.text(await moments.now(self.redis))
        least = max(await self.versions(), default=0)
        version = await _save(
            self.redis,
            setup=self.key,
            text=text,
            by=by,
            at=at,
            least=least,
            expected="" if expected is None else str(expected),
        )
        if version < 0:
            raise ServiceError(
                "The setup was changed by somebody else meanwhile.",
                "Look at the current one and make your change again.",
            )
        await asyncio.to_thread(self._write, version, text)
        saved = await self.current()
        return saved or StoredSetup(version=version, text=text, saved_at=at, saved_by=by)

    async def versions(self) -> tuple[int, ...]:
        """The versions on disk, oldest first."""
        return await asyncio.to_thread(self._versions)

    async def version(self, number: int) -> str | None:
        """The text of an older version, or None when there is no such file."""
        content = await asyncio.to_thread(disk.read_bytes, self._file(number))
        return content.decode() if content is not None else None

    async def on_disk(self) -> StoredSetup | None:
        """The newest version on disk: what a rebuild compares the one in force with, or takes where there is none.

        Its `saved_at` is the file's time and its `saved_by` empty (the audit trail has who).
        """
        numbers = await self.versions()
        if not numbers or (text := await self.version(numbers[-1])) is None:
            return None
        changed = datetime.fromtimestamp(self._file(numbers[-1]).stat().st_mtime, UTC)
        return StoredSetup(version=numbers[-1], text=text, saved_at=moments.text(changed), saved_by="")

    def _file(self, number: int) -> Path:
        return self.data / "setup" / f"{number:06}.toml"

    def _versions(self) -> tuple[int, ...]:
        return tuple(sorted(int(file.stem) for file in (self.data / "setup").glob("*.toml") if file.stem.isdigit()))

    def _write(self, number: int, text: str) -> None:
        disk.write_atomic(self._file(number), text.encode())
        with disk.locked(self.data / "setup" / ".lock"):
            if number >= max(self._versions(), default=0):
                disk.write_atomic(self.data / "setup.toml", text.encode())

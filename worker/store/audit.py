"""The audit trail: who did what to which thing, when. Every write to Xero and every decision of a person is in it.

On disk it is complete (`audit/2026-11.jsonl`, one JSON object a line, flushed before the call returns); Redis holds the
latest 10,000 for the console. It never holds secrets: callers pass ids, numbers and amounts.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from redis.asyncio import Redis
from ulid import ULID

from worker.errors import ServiceError
from worker.store import disk, moments
from worker.store.keys import Keys

KEPT_IN_REDIS = 10_000  # entries


class AuditEntry(Struct, frozen=True, kw_only=True):
    """One line. `what` is a dotted word ("xero.put", "decision.dont-bill"), `subject` the id or key it was done to."""

    id: str
    at: str
    who: str
    what: str
    subject: str
    detail: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Audit:
    """Writes the trail and reads it back."""

    redis: Redis
    keys: Keys
    data: Path

    async def write(self, who: str, what: str, subject: str, detail: Mapping[str, Any]) -> AuditEntry:
        """Add one entry. `detail` holds what JSON can hold, and Decimals, days and times (as text).

        Raises `ServiceError` when the line cannot be put on disk: what cannot be recorded must not be done.
        """
        at = moments.text(await moments.now(self.redis))
        entry = AuditEntry(id=str(ULID()), at=at, who=who, what=what, subject=subject, detail=dict(detail))
        line = msgspec.json.encode(entry)
        file = self.folder / f"{at[:7]}.jsonl"
        try:
            await asyncio.to_thread(disk.append_line, file, line)
        except OSError as error:
            raise ServiceError(
                f"The audit trail {file} cannot be written: {error}.", "Make room, or mend its rights."
            ) from error
        async with self.redis.pipeline(transaction=True) as pipe:
            pipe.lpush(self._key, line)
            pipe.ltrim(self._key, 0, KEPT_IN_REDIS - 1)
            await pipe.execute()
        return entry

    async def latest(self, count: int = 100) -> tuple[AuditEntry, ...]:
        """The newest entries, newest first."""
        lines: list[str] = await self.redis.lrange(self._key, 0, count - 1)  # type: ignore[misc]  # sync and async typed as one
        return tuple(msgspec.json.decode(line, type=AuditEntry) for line in lines)

    async def any_on_disk(self, prefix: str) -> bool:
        """Whether the trail on disk has an entry whose `what` begins with `prefix`; survives a wipe of Redis."""
        return await asyncio.to_thread(lambda: any(entry.what.startswith(prefix) for entry in self.on_disk()))

    def on_disk(self) -> Iterator[AuditEntry]:
        """Everything on disk, oldest first; a line torn by a crash is passed over. Blocks: for threads and tools."""
        for file in sorted(self.folder.glob("*.jsonl")):
            with file.open("rb") as lines:
                yield from (entry for line in lines if (entry := _entry(line)) is not None)

    def newest_first(self) -> Iterator[AuditEntry]:
        """The same, newest first, a month at a time. Blocks."""
        for file in sorted(self.folder.glob("*.jsonl"), reverse=True):
            lines = file.read_bytes().splitlines()
            yield from (entry for line in reversed(lines) if (entry := _entry(line)) is not None)

    @property
    def folder(self) -> Path:
        """Where the months are."""
        return self.data / "audit"

    @property
    def _key(self) -> str:
        return self.keys("audit")


def _entry(line: bytes) -> AuditEntry | None:
    try:
        return msgspec.json.decode(line, type=AuditEntry)
    except msgspec.DecodeError:
        return None

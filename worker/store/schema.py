"""Which layout the stored data has, so that an older program never works on what it would misread.

The number goes up only when a program that knows the number before would read something wrongly. Fields and keys that
are only added leave it: yesterday's program may run beside today's. It is kept in Redis and in HOURSTREAM_DATA, because
either may be restored from a backup without the other.
"""

import asyncio
from pathlib import Path

from redis.asyncio import Redis

from worker.errors import ConfigurationError
from worker.store import disk
from worker.store.keys import Keys

VERSION = 1  # data without a number is of this version, too: it was written before there was one


def schema_file(data: Path) -> Path:
    """Where the number is on disk."""
    return data / "state" / "schema"


async def check_schema(redis: Redis, keys: Keys, data: Path) -> int:
    """Write the number where there is none yet, and give the version found.

    Raises `ConfigurationError` when the data is of a later version than this program knows.
    """
    in_redis = _number(await redis.get(keys("schema")), "Redis")
    on_disk = _number(await asyncio.to_thread(_read, data), str(schema_file(data)))
    for found, where in ((in_redis, "Redis"), (on_disk, str(data))):
        if found is not None and found > VERSION:
            raise ConfigurationError(
                f"The data in {where} was written by a newer Hourstream (layout {found}; this program knows up to "
                f"{VERSION}).",
                "Start the newer program again, or restore a backup made before it was first started: both, Redis and "
                "HOURSTREAM_DATA.",
            )
    if in_redis is None:
        await redis.set(keys("schema"), str(VERSION), nx=True)
    if on_disk is None:
        await asyncio.to_thread(disk.create_once, schema_file(data), f"{VERSION}\n".encode())
    return in_redis or on_disk or VERSION


def _read(data: Path) -> str | None:
    content = disk.read_bytes(schema_file(data))
    return None if content is None else content.decode(errors="replace").strip()


def _number(text: str | None, where: str) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdecimal():
        raise ConfigurationError(
            f"The layout of the data in {where} is not a number.", "Restore HOURSTREAM_DATA and Redis from a backup."
        )
    return int(text)

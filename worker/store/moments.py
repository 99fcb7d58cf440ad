"""Times that are stored: from Redis' own clock, so that processes on several machines agree."""

from datetime import UTC, datetime

from redis.asyncio import Redis


async def now(redis: Redis) -> datetime:
    """Redis' time, aware, in UTC."""
    seconds, microseconds = await redis.time()
    return datetime.fromtimestamp(int(seconds), UTC).replace(microsecond=int(microseconds))


def text(moment: datetime) -> str:
    """A moment as it is stored and shown: ISO 8601 in UTC with milliseconds, `2026-11-05T10:42:07.123Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_milliseconds(milliseconds: int) -> str:
    """The same for milliseconds since 1970 as scripts keep them; "" for 0."""
    if not milliseconds:
        return ""
    whole, rest = divmod(milliseconds, 1000)
    return text(datetime.fromtimestamp(whole, UTC).replace(microsecond=rest * 1000))

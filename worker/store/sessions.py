"""Who is signed in to the console: sessions that end by themselves, and at once when somebody says so.

A browser holds 256 random bits; Redis knows only their SHA-256. A session names its person, whose role is looked up
anew at every visit: a role that is taken, or changed, counts from the next click on. It is over after `IDLE` without a
visit and `ABSOLUTE` in all, when it is signed out, when its person loses the role, and when all sessions of the person
are ended (their `round` moves on).
"""

import secrets
from collections import Counter
from dataclasses import dataclass
from hashlib import sha256

import msgspec
from redis.asyncio import Redis

from worker.store.keys import Keys
from worker.store.lua import Key, script, stub
from worker.store.people import Member

IDLE = 12 * 3600  # seconds
ABSOLUTE = 7 * 24 * 3600  # seconds
RENEW = 60  # seconds: a visit this soon after the last one writes nothing


@script()
async def _begin(
    redis: Redis, *, session: Key, list_: Key, digest: str, member: str, round_: str, idle: int, absolute: int
) -> None:
    """
    local now = tonumber(redis.call("TIME")[1])
    redis.call("HSET", session, "member", member, "round", round_, "seen", now, "ends", now + absolute)
    redis.call("EXPIRE", session, idle)
    redis.call("ZREMRANGEBYSCORE", list_, "-inf", now)
    redis.call("ZADD", list_, now + idle, digest .. " " .. member)
    redis.call("EXPIRE", list_, absolute)
    """
    stub()


@script(allow_oom=True)
async def _visit(
    redis: Redis, *, session: Key, list_: Key, people: Key, digest: str, renew: int, idle: int
) -> list[str] | None:
    """
    local kept = redis.call("HMGET", session, "member", "round", "seen", "ends")
    if not kept[1] then return false end
    local member = redis.call("HGET", people, kept[1])
    local now = tonumber(redis.call("TIME")[1])
    if not member or now >= tonumber(kept[4]) or now - tonumber(kept[3]) >= tonumber(idle) then
      redis.call("DEL", session)
      redis.call("ZREM", list_, digest .. " " .. kept[1])
      return false
    end
    if renew ~= "-1" and now - tonumber(kept[3]) >= tonumber(renew) then
      redis.call("HSET", session, "seen", now)
      redis.call("EXPIRE", session, idle)
      redis.call("ZADD", list_, now + idle, digest .. " " .. kept[1])
    end
    return {member, kept[2]}
    """
    return stub()


@script(allow_oom=True)
async def _end(redis: Redis, *, session: Key, list_: Key, digest: str) -> None:
    """
    local member = redis.call("HGET", session, "member")
    redis.call("DEL", session)
    if member then redis.call("ZREM", list_, digest .. " " .. member) end
    """
    stub()


@dataclass(frozen=True, slots=True)
class Sessions:
    """Begins sessions and looks at them; tokens are what browsers hold."""

    redis: Redis
    keys: Keys

    async def begin(self, member: Member) -> str:
        """The token of a new session."""
        token = secrets.token_urlsafe(32)
        digest = _digest(token)
        await _begin(
            self.redis,
            session=self._key(digest),
            list_=self._list,
            digest=digest,
            member=member.id,
            round_=str(member.round),
            idle=IDLE,
            absolute=ABSOLUTE,
        )
        return token

    async def visit(self, token: str, *, quiet: bool = False) -> Member | None:
        """Whose session it is, with the role of this moment; None when it is over or never was.

        `quiet`: a request that no person made (a page that keeps itself live) does not prolong it.
        """
        digest = _digest(token)
        found = await _visit(
            self.redis,
            session=self._key(digest),
            list_=self._list,
            people=self.keys("people"),
            digest=digest,
            renew=-1 if quiet else RENEW,
            idle=IDLE,
        )
        if not found:
            return None
        member = msgspec.json.decode(found[0], type=Member)
        return member if str(member.round) == found[1] else None

    async def end(self, token: str) -> None:
        """Sign out."""
        digest = _digest(token)
        await _end(self.redis, session=self._key(digest), list_=self._list, digest=digest)

    async def counts(self) -> Counter[str]:
        """How many sessions each person has now, by the person's id (ended rounds included until they fall away)."""
        seconds, _ = await self.redis.time()
        names: list[str] = await self.redis.zrangebyscore(self._list, int(seconds), "+inf")
        return Counter(name.partition(" ")[2] for name in names)

    @property
    def _list(self) -> Key:
        return self.keys("sessions")

    def _key(self, digest: str) -> Key:
        return self.keys("session", digest)


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()

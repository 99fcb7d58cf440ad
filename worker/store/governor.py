"""How often Xero may be called: one governor per company, shared by all workers through Redis.

Xero allows each company 5 calls at a time, 60 a minute and 1,000 or 5,000 a day (developer.xero.com, "API limits").
Its minute is a fixed window that begins at a moment we do not know, so ours is stricter: a call's slot is free one
minute after its *answer*. Whatever window Xero counts in, the calls it counts there still hold their slots here, so 60
are never passed. What others used (before a wipe of Redis, say) is learnt from X-MinLimit-Remaining: the difference is
held for a minute too.

Nobody sleeps here: a refusal says how long to wait, and the caller's work list waits.
"""

from dataclasses import dataclass, field
from typing import Literal

import msgspec
from msgspec import Struct
from redis.asyncio import Redis
from ulid import ULID

from worker.limits import Limits
from worker.store import moments
from worker.store.governor_scripts import admit, answered, look, unused
from worker.store.keys import Keys
from worker.store.lua import Key

Priority = Literal["write", "read", "background"]
Problem = Literal["", "minute", "concurrent", "appminute", "day"]


TIERS = (1_000, 5_000)  # calls a day that Xero allows an app in each company: Starter, and all others


class Quota(Struct, frozen=True, kw_only=True):
    """What Xero allows, and what is kept back for whom.

    A read leaves `for_writes` slots of the minute to writes. Background calls (contacts, statuses) leave
    `for_foreground` to both, and `day_reserve` calls of the day. One that has waited 5 minutes (5 × `Limits.minute`)
    gets the next slot, before everything else.

    `day` is the calls a day of the app's tier: 1,000 (Starter) or 5,000. None: learnt from X-DayLimit-Remaining. What
    is left of the day is what Xero said last, less the calls made since.
    """

    day: int | None = None
    in_flight: int = 5
    per_minute: int = 60
    for_writes: int = 2
    for_foreground: int = 10
    day_reserve: int = 50


class Admitted(Struct, frozen=True):
    """The call may be made now; `permit` goes to `answered`, or to `unused` when it was not made after all."""

    permit: str


class Refused(Struct, frozen=True):
    """Not now: try again in `wait` seconds. `why`: minute, concurrent, first, behind, day, appminute."""

    wait: float
    why: str


class GovernorState(Struct, frozen=True, kw_only=True):
    """For people. `day_left` is None until Xero said it; `stopped_until` is "" when calls may go.

    `day_limit` is the calls a day of the tier; None while neither a setting nor Xero said it. `day_ends_in`: seconds
    until Xero's day ends at the latest, a whole day where its beginning was never seen.
    """

    in_flight: int
    minute_left: int
    day_left: int | None
    day_limit: int | None
    day_ends_in: float
    stopped_until: str
    why: str
    calls_today: int
    calls_total: int


class _Answer(Struct, frozen=True):
    ok: bool
    wait: int
    why: str


class _Look(Struct, frozen=True):
    flying: int
    slots: int
    day_left: str
    day_most: int
    day_ends: int
    stop: int
    why: str
    today: int
    total: int


@dataclass(frozen=True, slots=True)
class Governor:
    """The governor of the connection's company. Count 429s too, and calls whose answer never came."""

    redis: Redis
    keys: Keys
    limits: Limits = field(default_factory=Limits)
    quota: Quota = field(default_factory=Quota)

    async def admit(self, priority: Priority = "write", caller: str = "") -> Admitted | Refused:
        """Ask to make one call now. `caller` names a background job, whose waiting is counted under that name.

        A permit lasts `Limits.call_lease` seconds: what is not answered by then counts as answered at its end.
        """
        permit = str(ULID())
        said = await admit(
            self.redis,
            flying=self._key("flying"),
            slots=self._key("slots"),
            state=self._key("state"),
            waiting=self._key("waiting"),
            permit=permit,
            in_flight=self.quota.in_flight,
            per_minute=self.quota.per_minute,
            spare=self._spare(priority),
            day=self.quota.day or TIERS[-1],
            day_reserve=self.quota.day_reserve if priority == "background" else 0,
            caller=(caller or "background") if priority == "background" else "",
            minute=_milliseconds(self.limits.minute),
            lease=_milliseconds(self.limits.call_lease),
            patience=_milliseconds(5 * self.limits.minute),
        )
        answer = msgspec.json.decode(said, type=_Answer)
        return Admitted(permit) if answer.ok else Refused(answer.wait / 1000, answer.why)

    async def answered(
        self,
        permit: str,
        *,
        min_remaining: int | None = None,
        day_remaining: int | None = None,
        app_remaining: int | None = None,
        problem: Problem = "",
        retry_after: float | None = None,
    ) -> None:
        """The call ended, with these headers (None: not there; a call without an answer has none).

        `problem` is X-Rate-Limit-Problem of a 429 and stops all calls for `retry_after` seconds. Where Xero gives no
        Retry-After: a minute's problem for a minute, `concurrent` for a second, `day` for an hour. An app that has
        fewer calls left in its minute, over all companies, than may be in flight stops for a minute too.
        """
        await answered(
            self.redis,
            flying=self._key("flying"),
            slots=self._key("slots"),
            state=self._key("state"),
            permit=permit,
            per_minute=self.quota.per_minute,
            in_flight=self.quota.in_flight,
            min_remaining=_text(min_remaining),
            day_remaining=_text(day_remaining),
            app_remaining=_text(app_remaining),
            problem=problem,
            stop=_milliseconds(self._stop(problem, retry_after)),
            minute=_milliseconds(self.limits.minute),
        )

    async def unused(self, permit: str) -> None:
        """Give a permit back: nothing was sent under it."""
        await unused(self.redis, flying=self._key("flying"), state=self._key("state"), permit=permit)

    async def state(self) -> GovernorState:
        """How things stand now."""
        said = await look(
            self.redis,
            flying=self._key("flying"),
            slots=self._key("slots"),
            state=self._key("state"),
            minute=_milliseconds(self.limits.minute),
        )
        found = msgspec.json.decode(said, type=_Look)
        return GovernorState(
            in_flight=found.flying,
            minute_left=max(0, self.quota.per_minute - found.flying - found.slots),
            day_left=max(0, int(found.day_left)) if found.day_left else None,
            day_limit=self.quota.day or _tier(found.day_most),
            day_ends_in=found.day_ends / 1000,
            stopped_until=moments.from_milliseconds(found.stop),
            why=found.why,
            calls_today=found.today,
            calls_total=found.total,
        )

    def _spare(self, priority: Priority) -> int:
        spare = {"write": 0, "read": self.quota.for_writes, "background": self.quota.for_foreground}
        return spare[priority]

    def _stop(self, problem: Problem, retry_after: float | None) -> float:
        if not problem:
            return 0.0
        minute = self.limits.minute
        usual = {"minute": minute, "appminute": minute, "concurrent": minute / 60, "day": minute * 60}
        return usual[problem] if retry_after is None else retry_after

    def _key(self, part: str) -> Key:
        return self.keys("governor", part)


def _tier(most: int) -> int | None:
    """The tier of an app whose calls left were never more than this; None for 0: nothing is known."""
    return next((tier for tier in TIERS if most <= tier), most) if most else None


def _text(number: int | None) -> str:
    return "" if number is None else str(number)


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)

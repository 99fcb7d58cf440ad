"""Xero's Idempotency-Key: an answer is kept for 6 minutes and repeated; another request under its key is refused."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sandbox.clock import Clock
from sandbox.xero.errors import CallError

KEPT_SECONDS = 360
LONGEST_KEY = 128
WRITES = frozenset({"POST", "PUT", "PATCH"})


@dataclass(frozen=True)
class Kept:
    """An answer as it is repeated."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class _Entry:
    fingerprint: str
    since: datetime
    answer: "asyncio.Future[Kept]"


class KeyReusedError(CallError):
    """The key was used with another method, address or body within its 6 minutes."""


def fingerprint(method: str, address: str, body: bytes) -> str:
    """What must be equal for a request to be the same one."""
    return hashlib.sha256(b"\n".join((method.encode(), address.encode(), body))).hexdigest()


class IdempotencyKeys:
    """The answers kept, per app and key."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: dict[tuple[str, str], _Entry] = {}

    async def answer(self, app: str, key: str, request: str, handle: Callable[[], Awaitable[Kept]]) -> Kept:
        """The kept answer of the key, or the one `handle` gives now; a repeat during the first call waits for it.

        Raises CallError when the key is too long, KeyReusedError when it belongs to another request.
        """
        if len(key) > LONGEST_KEY:
            raise CallError(400, _problem(f"Idempotency Key must be at most {LONGEST_KEY} characters long"))
        self._forget_expired()
        entry = self._entries.get((app, key))
        if entry is None:
            return await self._first((app, key), request, handle)
        if entry.fingerprint != request:
            raise KeyReusedError(400, _problem(f"Idempotency Key {key} is used with a different request"))
        return await asyncio.shield(entry.answer)

    async def _first(self, key: tuple[str, str], request: str, handle: Callable[[], Awaitable[Kept]]) -> Kept:
        entry = _Entry(request, self._clock.now(), asyncio.get_running_loop().create_future())
        self._entries[key] = entry
        try:
            kept = await handle()
        except BaseException:
            self._entries.pop(key, None)
            entry.answer.cancel()
            raise
        entry.answer.set_result(kept)
        return kept

    def _forget_expired(self) -> None:
        oldest = self._clock.now() - timedelta(seconds=self._clock.seconds(KEPT_SECONDS))
        for key in [key for key, entry in self._entries.items() if entry.since <= oldest and entry.answer.done()]:
            del self._entries[key]


def _problem(message: str) -> dict[str, object]:
    return {"ErrorNumber": 10, "Type": "ValidationException", "Message": message, "Elements": []}

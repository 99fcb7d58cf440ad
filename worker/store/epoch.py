"""The epoch: a random id that says "this ledger is complete". Nothing but intake runs without it.

It is the last write of a completed rebuild, and the first installation takes the same path. A rebuild works under its
own token: whatever it writes is refused once another rebuild, or nobody, holds the lease.
"""

import re
import secrets
from collections.abc import Mapping, Sequence

import msgspec
from redis.asyncio import Redis

from worker.billing.model import Invoice, Posting
from worker.store.keys import Keys
from worker.store.ledger import LEDGER_PRELUDE, Facts, fact_row, postings_row
from worker.store.lua import Key, script, stub


class RebuildLostError(Exception):
    """Another process took the rebuild over; this one writes nothing more."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """Where a rebuild stands, so that its next step (or another process) can go on."""

    step: str = "wait"
    cursor: str = ""
    since: str = ""  # ISO time before the first read: what changes later is found by the reconciler
    waited: bool = False


class Epoch:
    """Reading the epoch, and the writes of a rebuild."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis, self._keys = redis, keys

    async def current(self) -> str:
        """The epoch; "" when the ledger is not complete."""
        return await self._redis.get(self._keys("epoch")) or ""

    async def discard(self, why: str) -> None:
        """The ledger is not complete after all (a rollback, a document it lacks): everything but intake stops."""
        pipe = self._redis.pipeline(transaction=True)
        pipe.delete(self._keys("epoch"))
        pipe.hset(self._keys("rebuild"), mapping={"why": why})
        pipe.hdel(self._keys("rebuild"), "progress")
        await pipe.execute()

    async def take(self, seconds: float) -> str:
        """Take (or keep) the rebuild's lease; gives its token, or "" while another process works on it."""
        return await _take(self._redis, self._keys("rebuild", "lease"), secrets.token_hex(12), int(seconds * 1000))

    async def keep(self, token: str, seconds: float) -> None:
        """Keep the lease. Raises `RebuildLostError`."""
        if not await _keep(self._redis, self._keys("rebuild", "lease"), token, int(seconds * 1000)):
            raise RebuildLostError

    async def let_go(self, token: str) -> None:
        """Give the lease back between two steps."""
        await _let_go(self._redis, self._keys("rebuild", "lease"), token)

    async def progress(self) -> Progress:
        """Where the rebuild stands."""
        text = await self._redis.hget(self._keys("rebuild"), "progress")  # type: ignore[misc]
        return msgspec.json.decode(text, type=Progress) if text else Progress()

    async def why(self) -> str:
        """Why the epoch was discarded; "" on a first installation or after a wipe."""
        return await self._redis.hget(self._keys("rebuild"), "why") or ""  # type: ignore[misc]

    async def advance(self, token: str, progress: Progress) -> None:
        """Store the cursor. Raises `RebuildLostError`."""
        text = msgspec.json.encode(progress).decode()
        if not await _advance(self._redis, self._keys("rebuild", "lease"), self._keys("rebuild"), token, text):
            raise RebuildLostError

    async def restore_invoice(self, token: str, invoice: Invoice) -> None:
        """Write an invoice's record as it was found in Xero. Raises `RebuildLostError`."""
        text = msgspec.json.encode(invoice).decode()
        lease = self._keys("rebuild", "lease")
        if not await _restore_invoice(self._redis, lease, self._keys.base, token, invoice.key, text):
            raise RebuildLostError

    async def restore_units(
        self, token: str, ticket: int, facts: Sequence[Facts], postings: Mapping[str, Sequence[Posting]]
    ) -> None:
        """Write facts and postings of units as they were found. Raises `RebuildLostError`."""
        lease = self._keys("rebuild", "lease")
        for start in range(0, len(facts), 100):
            chunk = facts[start : start + 100]
            rows: list[list[object]] = [
                [
                    fact_row(fact),
                    postings_row(fact.id, postings.get(fact.id, ())),
                    sorted({posting.document.partition("/")[0] for posting in postings.get(fact.id, ())}),
                ]
                for fact in chunk
            ]
            if not await _restore_units(self._redis, lease, self._keys.base, token, str(ticket), rows):
                raise RebuildLostError

    async def restore_postings(self, token: str, postings: Mapping[str, Sequence[Posting]]) -> None:
        """Write the postings that were found for these units. Raises `RebuildLostError`."""
        rows: list[list[object]] = [
            [postings_row(id_, rows), sorted({posting.document.partition("/")[0] for posting in rows})]
            for id_, rows in postings.items()
        ]
        if not await _restore_postings(self._redis, self._keys("rebuild", "lease"), self._keys.base, token, rows):
            raise RebuildLostError

    async def restore_number(self, token: str, key: str, sequence: int, number: str) -> None:
        """Bind a number to its document; the series goes on from the highest seen. Raises `RebuildLostError`."""
        digits = re.search(r"\d+$", number)
        lease, name = self._keys("rebuild", "lease"), f"{key}/{sequence}"
        if not await _restore_number(
            self._redis, lease, self._keys.base, token, name, number, int(digits.group()) if digits else 0
        ):
            raise RebuildLostError

    async def doubt(self, token: str, units: Sequence[str], text: str) -> None:
        """These units may be billed already: they wait until a person decides. Raises `RebuildLostError`."""
        doubts = self._keys("doubts")
        if not await _doubt(self._redis, self._keys("rebuild", "lease"), doubts, token, list(units), text):
            raise RebuildLostError

    async def raise_counter(self, token: str, least: int) -> None:
        """The intent counter never falls behind the highest one that was seen. Raises `RebuildLostError`."""
        counter = self._keys("intents", "counter")
        if not await _raise_counter(self._redis, self._keys("rebuild", "lease"), counter, token, least):
            raise RebuildLostError

    async def complete(self, token: str) -> str:
        """The last write: the ledger is complete from here on. Gives the epoch. Raises `RebuildLostError`."""
        epoch = secrets.token_hex(16)
        if not await _complete(self._redis, self._keys("rebuild", "lease"), self._keys.base, token, epoch):
            raise RebuildLostError
        return epoch


@script()
async def _take(redis: Redis, lease: Key, token: str, ttl: int) -> str:
    """
    if redis.call("SET", lease, token, "NX", "PX", ttl) then return token end
    return ""
    """
    stub()


@script()
async def _keep(redis: Redis, lease: Key, token: str, ttl: int) -> int:
    """
    if redis.call("GET", lease) ~= token then return 0 end
    redis.call("PEXPIRE", lease, ttl)
    return 1
    """
    stub()


@script(allow_oom=True)
async def _let_go(redis: Redis, lease: Key, token: str) -> None:
    """
    if redis.call("GET", lease) == token then redis.call("DEL", lease) end
    """
    stub()


@script()
async def _advance(redis: Redis, lease: Key, rebuild: Key, token: str, progress: str) -> int:
    """
    if redis.call("GET", lease) ~= token then return 0 end
    redis.call("HSET", rebuild, "progress", progress)
    return 1
    """
    stub()


@script(prelude=LEDGER_PRELUDE)
async def _restore_invoice(redis: Redis, lease: Key, base: str, token: str, key: str, record: str) -> int:
    """
    if redis.call("GET", lease) ~= token then return 0 end
    invoice_put(base, key, record)
    return 1
    """
    stub()


@script(prelude=LEDGER_PRELUDE)
async def _restore_units(redis: Redis, lease: Key, base: str, token: str, ticket: str, rows: list[list[object]]) -> int:
    """
    if redis.call("GET", lease) ~= token then return 0 end
    for _, row in ipairs(rows) do
      local fact, posted = row[1], row[2]
      unit_posted(base, posted[1], posted[2], posted[3])
      unit_facts(base, fact, ticket)
      for _, key in ipairs(row[3]) do redis.call("SADD", base .. "members:" .. key, posted[1]) end
    end
    return 1
    """
    stub()


@script(prelude=LEDGER_PRELUDE)
async def _restore_postings(redis: Redis, lease: Key, base: str, token: str, rows: list[list[object]]) -> int:
    """
    if redis.call("GET", lease) ~= token then return 0 end
    for _, row in ipairs(rows) do
      unit_posted(base, row[1][1], row[1][2], row[1][3])
      for _, key in ipairs(row[2]) do redis.call("SADD", base .. "members:" .. key, row[1][1]) end
    end
    return 1
    """
    stub()


@script()
async def _restore_number(redis: Redis, lease: Key, base: str, token: str, name: str, number: str, value: int) -> int:
    """
    if redis.call("GET", lease) ~= token then return 0 end
    redis.call("HSET", base .. "numbers", name, number)
    local series = base .. "series"
    if tonumber(redis.call("GET", series) or 0) < tonumber(value) then redis.call("SET", series, value) end
    return 1
    """
    stub()


@script()
async def _doubt(redis: Redis, lease: Key, doubts: Key, token: str, units: list[str], text: str) -> int:
    """
    if redis.call("GET", lease) ~= token then return 0 end
    for _, unit in ipairs(units) do redis.call("HSET", doubts, unit, text) end
    return 1
    """
    stub()


@script()
async def _raise_counter(redis: Redis, lease: Key, counter: Key, token: str, least: int) -> int:
    """
    if redis.call("GET", lease) ~= token then return 0 end
    if tonumber(redis.call("GET", counter) or 0) < tonumber(least) then redis.call("SET", counter, least) end
    return 1
    """
    stub()


@script(prelude=LEDGER_PRELUDE)
async def _complete(redis: Redis, lease: Key, base: str, token: str, epoch: str) -> int:
    """
    if redis.call("GET", lease) ~= token then return 0 end
    redis.call("DEL", base .. "rebuild")
    redis.call("DEL", lease)
    for _, key in ipairs(redis.call("ZRANGE", base .. "invoices", 0, -1)) do
      work_add(base, "invoices", key, 0, 0, 0)
    end
    redis.call("SET", base .. "epoch", epoch)
    return 1
    """
    stub()

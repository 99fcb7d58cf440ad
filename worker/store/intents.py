"""Slots: an invoice key has at most one unresolved intent, and nothing is sent to Xero that is not one.

An intent is written by `begin` before its bytes leave and removed only when its outcome is known (`settle`) or it is
certain that nothing was written (`drop`). Its id is the Idempotency-Key. Everything a commit writes comes from the
intent and Xero's answer to it, never from what the ledger says by then.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
from redis.asyncio import Redis

from worker.billing.model import Document, Invoice, Posting
from worker.store.keys import Keys
from worker.store.ledger import LEDGER_PRELUDE, postings_row
from worker.store.lua import Key, script, stub
from worker.store.worklist import EpochMovedError

Operation = Literal["create", "update", "delete"]


class Element(msgspec.Struct, frozen=True, kw_only=True):
    """One document of an intent: what its content will be, and what it was computed from."""

    key: str
    operation: Operation
    document: Document  # as it will be held once Xero has taken it
    version: str  # of the ledger's record it was computed at
    generation: str  # of the work list item it was computed at
    placed: tuple[tuple[str, str], ...] = ()  # (unit, facts ticket) of every unit its lines stand for
    departed: tuple[str, ...] = ()  # units it takes off the document


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """One write call to Xero. `body` is sent byte for byte the same every time; times are Redis milliseconds."""

    id: str
    method: Literal["PUT", "POST"]
    kind: Literal["ACCREC", "ACCRECCREDIT"] = "ACCREC"
    body: str
    elements: tuple[Element, ...]
    first_sent: int = 0
    sends: int = 0
    age: float = 0.0  # seconds since first sent, by Redis' clock at the moment it was read


class Refusal(msgspec.Struct, frozen=True):
    """Why `begin` took no slot: per key the reason, or "" as key for the whole intent."""

    key: str
    reason: str


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one element. `invoice` None: nothing was written, the record stays as it is.

    `postings` are all postings of each unit that the outcome changes; `free` are units that the intent held or took off
    and that are not on the document now; `finished` takes the key off the work list if nobody added it again.
    """

    key: str
    generation: str
    invoice: Invoice | None = None
    postings: Mapping[str, Sequence[Posting]] = {}
    free: Sequence[str] = ()
    finished: bool = True


class Intents:
    """The slots."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis, self._keys = redis, keys

    async def counter(self) -> int:
        """How many intents were ever begun, as Redis has it."""
        return int(await self._redis.get(self._keys("intents", "counter")) or 0)

    async def begin(
        self, epoch: str, intent: Intent, *, least: int, setup_version: int, numbers: Mapping[str, str], series: int
    ) -> int | list[Refusal]:
        """Take the slots of all elements, or none.

        `least` is the highest intent counter this process has seen: a store that has fewer was rolled back. `numbers`
        binds "{key}/{sequence}" to the new numbers the body uses; `series` is where the series stood when they were
        read (-1: none is taken from it). Gives the new counter, or what stands in the way. Raises `EpochMovedError`.
        """
        rows: list[list[object]] = [
            [e.key, e.version, [list(pair) for pair in e.placed], list(e.departed)] for e in intent.elements
        ]
        text = msgspec.json.encode(intent).decode()
        bindings = [[name, number] for name, number in numbers.items()]
        answer = await _begin(
            self._redis, self._keys.base, epoch, least, str(setup_version), intent.id, text, rows, bindings, series
        )
        if answer is None:
            raise EpochMovedError("invoices")
        if answer[0] == "begun":
            return int(answer[1])
        return [Refusal(key, reason) for key, reason in zip(answer[1::2], answer[2::2], strict=True)]

    async def get(self, id_: str) -> Intent | None:
        """An unresolved intent with its age."""
        answer = await _read(self._redis, self._keys.base, id_)
        if not answer:
            return None
        text, first_sent, sends, age = answer
        intent = msgspec.json.decode(text, type=Intent)
        return msgspec.structs.replace(intent, first_sent=int(first_sent), sends=int(sends), age=int(age) / 1000)

    async def send_again(self, id_: str, keys: Sequence[str], most: int, within: float) -> bool:
        """May these bytes go out once more? Counted; only while every slot still names the intent."""
        return bool(await _send_again(self._redis, self._keys.base, id_, list(keys), most, int(within * 1000)))

    async def exhaust(self, id_: str) -> None:
        """These bytes may not go out again: Xero keeps its error under their key. Look up what became of them."""
        await _exhaust(self._redis, self._keys("intent", id_))

    async def unresolved(self) -> list[str]:
        """Ids of the intents whose outcome is not known."""
        ids: list[str] = await self._redis.zrange(self._keys("intents"), 0, -1)
        return ids

    async def settle(self, epoch: str, intent: Intent, outcomes: Sequence[Settled]) -> list[str]:
        """Write the outcomes of these elements and free their slots; the intent goes when its last slot is free.

        Gives the keys whose slot no longer named the intent: nothing was changed there, they are to be verified.
        Raises `EpochMovedError`.
        """
        rows = [_settled_row(outcome) for outcome in outcomes]
        answer = await _settle(self._redis, self._keys.base, epoch, intent.id, rows, [e.key for e in intent.elements])
        if answer is None:
            raise EpochMovedError("invoices")
        return answer

    async def drop(self, epoch: str, intent: Intent) -> None:
        """Nothing of this intent was written, for certain: free its slots. Keys stay on the work list."""
        outcomes = [
            Settled(
                key=element.key,
                generation=element.generation,
                free=[unit for unit, _ in element.placed] + list(element.departed),
                finished=False,
            )
            for element in intent.elements
        ]
        await self.settle(epoch, intent, outcomes)


def _settled_row(outcome: Settled) -> list[object]:
    record = msgspec.json.encode(outcome.invoice).decode() if outcome.invoice else ""
    postings = [postings_row(unit, rows) for unit, rows in outcome.postings.items()]
    return [outcome.key, outcome.generation, record, postings, list(outcome.free), "1" if outcome.finished else ""]


@script(prelude=LEDGER_PRELUDE)
async def _begin(
    redis: Redis,
    base: str,
    epoch: str,
    least: int,
    setup_version: str,
    intent: str,
    text: str,
    rows: list[list[object]],
    bindings: list[list[str]],
    series: int,
) -> list[str] | None:
    """
    if not epoch_is(base, epoch) then return false end
    local function whole(reason) return {"refused", "", reason} end
    local counter = tonumber(redis.call("GET", base .. "intents:counter") or 0)
    if counter < tonumber(least) then return whole("behind") end
    local held = redis.call("HMGET", base .. "stage:invoices", "paused", "preview")
    if held[1] then return whole("paused") end
    if held[2] then return whole("preview") end
    if (redis.call("HGET", base .. "setup", "version") or "0") ~= setup_version then return whole("setup") end
    local stands = tonumber(redis.call("GET", base .. "series") or 0)
    if tonumber(series) >= 0 and stands ~= tonumber(series) then return whole("series") end
    local refused = {}
    local function refuse(key, reason)
      refused[#refused + 1] = key
      refused[#refused + 1] = reason
    end
    for _, row in ipairs(rows) do
      local key, had = row[1], redis.call("HMGET", base .. "invoice:" .. row[1], "version", "slot")
      if (had[2] or "") ~= "" then refuse(key, "slot") end
      if (had[1] or "0") ~= row[2] then refuse(key, "version") end
      for _, pair in ipairs(row[3]) do
        local unit = redis.call("HMGET", base .. "unit:" .. pair[1], "ticket", "at")
        if (unit[1] or "0") ~= pair[2] then refuse(key, "facts") end
        if (unit[2] or "") ~= "" and unit[2] ~= key then refuse(key, "moving") end
      end
    end
    if #refused > 0 then return {"refused", unpack(refused)} end
    for _, row in ipairs(rows) do
      redis.call("HSET", base .. "invoice:" .. row[1], "slot", intent)
      redis.call("ZADD", base .. "invoices", "NX", now_ms(), row[1])
      for _, pair in ipairs(row[3]) do redis.call("HSET", base .. "unit:" .. pair[1], "at", row[1]) end
    end
    for _, binding in ipairs(bindings) do redis.call("HSET", base .. "numbers", binding[1], binding[2]) end
    if tonumber(series) >= 0 then redis.call("SET", base .. "series", series + #bindings) end
    redis.call("HSET", base .. "intent:" .. intent, "text", text, "first_sent", now_ms(), "sends", 1)
    redis.call("ZADD", base .. "intents", now_ms(), intent)
    return {"begun", tostring(redis.call("INCR", base .. "intents:counter"))}
    """
    stub()


@script(prelude=LEDGER_PRELUDE)
async def _read(redis: Redis, base: str, intent: str) -> list[str] | None:
    """
    local row = redis.call("HMGET", base .. "intent:" .. intent, "text", "first_sent", "sends")
    if not row[1] then return false end
    return {row[1], row[2], row[3], tostring(now_ms() - row[2])}
    """
    stub()


@script(prelude=LEDGER_PRELUDE)
async def _send_again(redis: Redis, base: str, intent: str, keys: list[str], most: int, within: int) -> int:
    """
    local row = redis.call("HMGET", base .. "intent:" .. intent, "first_sent", "sends")
    if not row[1] or now_ms() - row[1] >= tonumber(within) or tonumber(row[2]) > tonumber(most) then return 0 end
    for _, key in ipairs(keys) do
      if redis.call("HGET", base .. "invoice:" .. key, "slot") ~= intent then return 0 end
    end
    redis.call("HINCRBY", base .. "intent:" .. intent, "sends", 1)
    return 1
    """
    stub()


@script(allow_oom=True)
async def _exhaust(redis: Redis, intent: Key) -> None:
    """
    if redis.call("EXISTS", intent) == 1 then redis.call("HSET", intent, "sends", 1000) end
    """
    stub()


@script(allow_oom=True, prelude=LEDGER_PRELUDE)
async def _settle(
    redis: Redis, base: str, epoch: str, intent: str, rows: list[list[object]], keys: list[str]
) -> list[str] | None:
    """
    if not epoch_is(base, epoch) then return false end
    local gone = {}
    for _, row in ipairs(rows) do
      local key, invoice, list = row[1], base .. "invoice:" .. row[1], base .. "work:invoices"
      if redis.call("HGET", invoice, "slot") ~= intent then
        gone[#gone + 1] = key
        redis.call("HSET", base .. "verify", key, "an answer arrived after its slot was gone")
        work_add(base, "invoices", key, 0, 0, 0)
      else
        redis.call("HSET", invoice, "slot", "")
        if row[3] ~= "" then
          invoice_put(base, key, row[3])
          redis.call("HDEL", base .. "verify", key)
        end
        for _, unit in ipairs(row[4]) do
          unit_posted(base, unit[1], unit[2], unit[3])
          work_add(base, "write_back", unit[1], 0, 0, 0)
        end
        for _, unit in ipairs(row[5]) do unit_free(base, unit, key) end
        if row[6] == "1" then work_done(list, key, row[2]) end
      end
    end
    for _, key in ipairs(keys) do
      if redis.call("HGET", base .. "invoice:" .. key, "slot") == intent then return gone end
    end
    redis.call("DEL", base .. "intent:" .. intent)
    redis.call("ZREM", base .. "intents", intent)
    return gone
    """
    stub()

"""The twin of the scripts does what the scripts do: after every call both hold the same, whatever was called before.

Times are compared to the hour and drawn numbers by rank, since the server's clock goes and the twin's stands still.
"""

import asyncio
import re
from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tests.model import twin_ledger, twin_worklist
from tests.model.twin_store import Drawn, Memory
from worker.store import intent_scripts, ledger_scripts, worklist_scripts
from worker.store.connection import open_redis
from worker.store.embedded import EmbeddedServer
from worker.store.lua import Key

BASE, EPOCH, HOUR = "t:", "e", 3_600_000
STAGES, KEYS, UNITS = st.sampled_from(["collect", "invoices"]), st.sampled_from(["X", "Y"]), st.sampled_from(["u", "v"])
DUMP = """
local found = {}
for _, key in ipairs(redis.call("KEYS", ARGV[1] .. "*")) do
  local kind, row = redis.call("TYPE", key).ok, {}
  if kind == "hash" then row = redis.call("HGETALL", key)
  elseif kind == "zset" then row = redis.call("ZRANGE", key, 0, -1, "WITHSCORES")
  elseif kind == "set" then
    for _, member in ipairs(redis.call("SMEMBERS", key)) do row[#row + 1] = member; row[#row + 1] = "" end
  else row = {"", redis.call("GET", key)} end
  found[#found + 1] = {string.sub(key, #ARGV[1] + 1), row}
end
return {redis.call("TIME")[1], found}
"""
ELSEWHERE = ("epoch", "recent", "waiting", "pulse", "invoices:")  # what the twin leaves out
TIMED = re.compile(r"^work:\w+(:(due|lease|first|parked))?$|^intents$")
DRAWN = re.compile(r"^(generation|work:\w+:gen)$")
ORDERED = ("invoices",)  # sorted by time for people: the twin keeps who is there
R = TypeVar("R")
Holds = dict[str, dict[str, object]]
Pair = tuple[Any, Any]  # the same thing as the server and as the twin has it


class TwinMachine(RuleBasedStateMachine):
    """Every rule calls a script and its twin, with the same or corresponding arguments."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.redis = open_redis(url)
        self.run(self.redis.flushall())
        self.run(self.redis.set(f"{BASE}epoch", EPOCH))
        self.twin = Memory()
        self.claims: list[tuple[str, str, Pair, Pair]] = []  # stage, id, generations, lease ends
        self.tickets: list[Pair] = [("1", 0)]
        self.elements: list[tuple[str, str, Pair]] = []  # intent, key, generations
        self.records = self.leases = 0

    def run(self, work: Awaitable[R]) -> R:
        async def waited() -> R:
            return await work

        return self.runner.run(waited())

    def teardown(self) -> None:
        self.run(self.redis.aclose())
        self.runner.close()

    # ---- work lists ------------------------------------------------------------------------------------------------

    @rule(stage=STAGES, id_=KEYS, quiet=st.integers(0, 2), most=st.integers(2, 3), size=st.integers(0, 2))
    def add(self, stage: str, id_: str, quiet: int, most: int, size: int) -> None:
        self.run(worklist_scripts.add(self.redis, BASE, stage, [id_], quiet * HOUR, most * HOUR, size))
        twin_worklist.add(self.twin, stage, [id_], quiet * HOUR, most * HOUR, size)

    @rule(stage=STAGES, lease=st.integers(-9, 9).filter(bool), gather=st.integers(0, 3), whole=st.booleans())
    def claim(self, stage: str, lease: int, gather: int, whole: bool) -> None:
        self.leases += 1
        length = lease * HOUR + self.leases  # no two leases end at the same moment on the server, nor here
        rows = self.run(worklist_scripts.claim(self.redis, BASE, stage, EPOCH, 9, length, gather * HOUR, int(whole)))
        claimed = twin_worklist.claim(self.twin, stage, 9, length, gather * HOUR, whole=whole)
        mine = {row[0]: row for row in claimed}
        assert rows is not None
        assert {row[0]: int(row[2]) for row in rows} == {id_: row[2] for id_, row in mine.items()}
        self.claims += [(stage, r[0], (r[1], mine[r[0]][1]), (r[3], mine[r[0]][3])) for r in rows]

    def _claim(self, data: st.DataObject) -> tuple[str, str, Pair, Pair]:
        return data.draw(st.sampled_from(self.claims[-6:]))

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def done(self, data: st.DataObject) -> None:
        stage, id_, generation, _ = self._claim(data)
        self.run(worklist_scripts.done(self.redis, BASE, stage, EPOCH, [[id_, generation[0]]]))
        twin_worklist.done(self.twin, stage, [(id_, generation[1])])

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), delay=st.integers(0, 2))
    def retry(self, data: st.DataObject, delay: int) -> None:
        stage, id_, generation, lease = self._claim(data)
        theirs = worklist_scripts.retry(
            self.redis, BASE, stage, EPOCH, id_, generation[0], lease[0], delay * HOUR, "no"
        )
        mine = twin_worklist.retry(self.twin, stage, id_, generation[1], lease[1], delay * HOUR, "no")
        assert self.run(theirs) == mine

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), cause=st.sampled_from(["", "account:200"]))
    def wait(self, data: st.DataObject, cause: str) -> None:
        stage, id_, generation, lease = self._claim(data)
        theirs = worklist_scripts.wait(self.redis, BASE, stage, EPOCH, id_, generation[0], lease[0], "why", cause)
        mine = twin_worklist.wait(self.twin, stage, id_, generation[1], lease[1], "why", cause)
        assert self.run(theirs) == mine

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def hand_back(self, data: st.DataObject) -> None:
        stage, id_, _, lease = self._claim(data)
        self.run(worklist_scripts.hand_back(self.redis, BASE, stage, [[id_, lease[0]]]))
        twin_worklist.hand_back(self.twin, stage, [(id_, lease[1])])

    @rule()
    def release_cause(self) -> None:
        theirs = worklist_scripts.release_cause(self.redis, Key(f"{BASE}cause:account:200"), BASE)
        assert self.run(theirs) == twin_worklist.release_cause(self.twin, "account:200")

    # ---- facts and documents ---------------------------------------------------------------------------------------

    @rule(unit=UNITS, key=st.sampled_from(["X", "Y", ""]), old=st.booleans())
    def store_facts(self, unit: str, key: str, old: bool) -> None:
        if not old:
            theirs = self.run(ledger_scripts.ticket(self.redis, Key(f"{BASE}ticket")))
            self.tickets.append((theirs, self.twin.drawn("ticket")))
        ticket = self.tickets[0 if old else -1]
        row = [unit, "", "{}", f"on {key}", key, "", "", "", ""]
        answer = ledger_scripts.store_facts(self.redis, BASE, EPOCH, ticket[0], [row], 0, 0, 0, 0)
        mine = twin_ledger.store_facts(self.twin, Drawn(ticket[1]), unit, "", f"on {key}", key)
        assert self.run(answer) == (mine or [])

    def _version(self, key: str) -> Pair:
        theirs = self.run(self.redis.hget(f"{BASE}invoice:{key}", "version"))  # type: ignore[arg-type]  # as below
        return theirs or "0", self.twin.get(f"invoice:{key}", "version") or 0

    def _rows(self, key: str, units: Sequence[str], held: str) -> list[twin_ledger.Posted]:
        return [(unit, f"{key}/1", "[]" if held != "gone" else "", "1" if held == "open" else "0") for unit in units]

    @rule(
        key=KEYS, units=st.lists(UNITS, unique=True), held=st.sampled_from(["open", "fixed", "gone"]), old=st.booleans()
    )
    def merge(self, key: str, units: list[str], held: str, old: bool) -> None:
        self.records += 1
        version, record = ("7", -7) if old else self._version(key), f'{{"written": {self.records}}}'
        rows = self._rows(key, units, held)
        theirs = ledger_scripts.merge(
            self.redis, BASE, EPOCH, key, version[0], record, [list(row) for row in rows], "no mark"
        )
        assert self.run(theirs) == twin_ledger.merge(self.twin, key, version[1], record, rows, "no mark")

    # ---- slots -----------------------------------------------------------------------------------------------------

    @rule(keys=st.lists(KEYS, unique=True, min_size=1), units=st.lists(UNITS, unique=True), behind=st.booleans())
    def begin(self, keys: list[str], units: list[str], behind: bool) -> None:
        intent, series = f"i{len(self.elements)}", int(self.twin.get("series") or 0) - behind
        theirs: list[list[object]] = []
        mine: list[twin_ledger.Begun] = []
        for place, key in enumerate(keys):
            version, placed = self._version(key), units if not place else []
            theirs.append([key, version[0], [[unit, self._ticket(unit)[0]] for unit in placed]])
            mine.append((key, version[1], [(unit, self._ticket(unit)[1]) for unit in placed]))
        number = [(f"{keys[0]}/1", f"N{series + 1}")] if series >= 0 else []
        answer = intent_scripts.begin(
            self.redis, BASE, EPOCH, 0, "0", intent, "text", theirs, [list(n) for n in number], series, "series", ""
        )
        assert (self.run(answer) or [])[:1] == twin_ledger.begin(self.twin, intent, "text", mine, number, series)[:1]
        for key in keys:
            self.elements.append((intent, key, self._generation(key)))

    def _ticket(self, unit: str) -> Pair:
        theirs = self.run(self.redis.hget(f"{BASE}unit:{unit}", "ticket"))  # type: ignore[arg-type]  # as below
        return theirs or "0", self.twin.get(f"unit:{unit}", "ticket") or 0

    def _generation(self, key: str) -> Pair:
        theirs = self.run(self.redis.hget(f"{BASE}work:invoices:gen", key))  # type: ignore[arg-type]  # as below
        return theirs or "", self.twin.get("work:invoices:gen", key) or ""

    def _element(self, data: st.DataObject) -> tuple[str, str, Pair]:
        return data.draw(st.sampled_from(self.elements[-6:]))

    @precondition(lambda self: self.elements)
    @rule(data=st.data(), most=st.integers(1, 2), within=st.sampled_from([-1, 1]))
    def send_again(self, data: st.DataObject, most: int, within: int) -> None:
        intent, key, _ = self._element(data)
        theirs = intent_scripts.send_again(self.redis, BASE, EPOCH, intent, [key], most, within * HOUR)
        assert self.run(theirs) == twin_ledger.send_again(self.twin, intent, [key], most, within * HOUR)

    @precondition(lambda self: self.elements)
    @rule(data=st.data())
    def exhaust(self, data: st.DataObject) -> None:
        intent, _, _ = self._element(data)
        self.run(intent_scripts.exhaust(self.redis, Key(f"{BASE}intent:{intent}")))
        twin_ledger.exhaust(self.twin, intent)

    @precondition(lambda self: self.elements)
    @rule(
        data=st.data(), units=st.lists(UNITS, unique=True), free=st.lists(UNITS, unique=True), sends=st.integers(0, 2),
        written=st.booleans(), finished=st.sampled_from(["1", ""]), held=st.sampled_from(["open", "fixed", "gone"]),
    )  # fmt: skip
    def settle(
        self,
        data: st.DataObject,
        units: list[str],
        free: list[str],
        sends: int,
        written: bool,
        finished: str,
        held: str,
    ) -> None:
        intent, key, generation = self._element(data)
        self.records += 1
        record, rows = (
            f'{{"written": {self.records}}}' if written else "",
            self._rows(key, units, held) if written else [],
        )
        keys = [other for name, other, _ in self.elements if name == intent]
        theirs: list[object] = [key, generation[0], record, [list(row) for row in rows], free, finished]
        answer = intent_scripts.settle(self.redis, BASE, EPOCH, intent, [theirs], keys, sends)
        mine = (key, generation[1], record, rows, free, finished)
        assert self.run(answer) == twin_ledger.settle(self.twin, intent, [mine], keys, sends)

    # ---- what must hold --------------------------------------------------------------------------------------------

    @invariant()
    def both_hold_the_same(self) -> None:
        answer: Any = self.run(self.redis.eval(DUMP, 0, BASE))  # type: ignore[arg-type]  # sync and async as one
        now, found = answer
        there: Holds = {key: dict(zip(row[::2], row[1::2], strict=True)) for key, row in found}
        assert _plain(there, int(now) * 1000) == _plain(_as_texts(self.twin), 0)


def _as_texts(twin: Memory) -> Holds:
    return {key: {field: _text(field, value) for field, value in fields.items()} for key, fields in twin.data.items()}


def _text(field: str, value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(str(int(part) if isinstance(part, Drawn) else part) for part in value)
    return str(int(value)) if isinstance(value, Drawn) else str(value)


def _plain(holds: Holds, now: int) -> Holds:
    """Without what the twin leaves out; times in hours from now, drawn numbers by their rank."""
    kept = {key: fields for key, fields in holds.items() if not key.startswith(ELSEWHERE)}
    drawn = sorted(
        {int(str(value)) for key, row in kept.items() for field, value in row.items() if _is_drawn(key, field)}
    )
    ranks = {number: rank for rank, number in enumerate(drawn)}
    return {
        key: {
            field: _value(key, field, value, now, ranks)
            for field, value in row.items()
            if field != "entry" and field != "cause"
        }
        for key, row in kept.items()
    }


def _is_drawn(key: str, field: str) -> bool:
    return bool(DRAWN.match(key)) or (key.startswith("invoice:") and field == "version")


def _value(key: str, field: str, value: object, now: int, ranks: dict[int, int]) -> object:
    if key in ORDERED or key == "ticket" or field == "ticket":
        return ""
    if _is_drawn(key, field):
        return ranks[int(str(value))]
    if TIMED.match(key) or field in ("first_sent", "written"):
        return round((int(float(str(value))) - now) / HOUR)
    if key == "verify":
        return str(value).partition(" ")[2]
    return value


def test_the_twin_holds_what_the_scripts_hold_after_every_call(valkey: EmbeddedServer) -> None:
    run_state_machine_as_test(
        lambda: TwinMachine(valkey.url),  # type: ignore[arg-type]  # any maker of machines will do
        settings=settings(
            max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )

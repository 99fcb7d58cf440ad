"""Decisions of people about time: kept with the unit, on disk first, and never changed afterwards.

Of several about one thing the last one counts; `worker.billing.decisions` says what each does. A decision makes its
unit due in collect, so that it is judged again with it.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from redis.asyncio import Redis

from worker.billing.model import Decision
from worker.errors import ServiceError
from worker.store import disk, moments
from worker.store.keys import Keys
from worker.store.lua import Key, script, stub
from worker.store.worklist_scripts import PRELUDE


@script(allow_oom=True, prelude=PRELUDE)
async def _add(redis: Redis, *, doubts: Key, base: str, rows: list[list[str]]) -> None:
    """
    for _, row in ipairs(rows) do
      local unit = base .. "unit:" .. row[1]
      local had, line = redis.call("HGET", unit, "decisions"), string.char(10)
      if not had then
        redis.call("HSET", unit, "decisions", row[2])
      elseif not string.find(line .. had .. line, line .. row[2] .. line, 1, true) then  -- else it is told again
        redis.call("HSET", unit, "decisions", had .. line .. row[2])
      end
      if row[3] ~= "" then redis.call("HDEL", doubts, row[1]) end
      work_add(base, "collect", row[1], 0, 0, 0)
      work_add(base, "write_back", row[1], 0, 0, 0)
    end
    """
    stub()


@dataclass(frozen=True, slots=True)
class Decisions:
    """Adds decisions, and reads back those on disk."""

    redis: Redis
    keys: Keys
    data: Path

    async def add(self, decisions: Sequence[Decision]) -> tuple[Decision, ...]:
        """Record these, at this moment by Redis' clock; gives them with it.

        Raises `ServiceError` where they cannot be put on disk: then nothing was decided.
        """
        at = moments.text(await moments.now(self.redis))
        made = tuple(msgspec.structs.replace(decision, at=decision.at or at) for decision in decisions)
        try:
            await asyncio.to_thread(self._append, made)
        except OSError as error:
            raise ServiceError(
                f"The decision cannot be written to {self.file}: {error}.", "Make room, or mend its rights."
            ) from error
        rows = [[made_.unit, _line(made_), "1" if _lifts(made_) else ""] for made_ in made]
        for start in range(0, len(rows), 200):
            await _add(self.redis, doubts=self.keys("doubts"), base=self.keys.base, rows=rows[start : start + 200])
        return made

    async def on_disk(self) -> dict[str, tuple[Decision, ...]]:
        """Every decision on disk by unit, oldest first; a line torn by a crash is passed over."""
        return await asyncio.to_thread(self._read)

    @property
    def file(self) -> Path:
        """The copy on disk."""
        return self.data / "state" / "decisions.jsonl"

    def _append(self, decisions: Iterable[Decision]) -> None:
        lines = "\n".join(_line(decision) for decision in decisions)
        if lines:
            disk.append_line(self.file, lines.encode())

    def _read(self) -> dict[str, tuple[Decision, ...]]:
        found: dict[str, list[Decision]] = defaultdict(list)
        for line in (disk.read_bytes(self.file) or b"").splitlines():
            decision = _parsed(line)
            if decision is not None:
                found[decision.unit].append(decision)
        return {unit: tuple(decisions) for unit, decisions in found.items()}


def together(*sources: Iterable[Decision]) -> tuple[Decision, ...]:
    """The decisions of several memories of one unit: each once, oldest first."""
    every = dict.fromkeys(decision for source in sources for decision in source)
    return tuple(sorted(every, key=lambda decision: decision.at))


def as_lines(decisions: Iterable[Decision]) -> str:
    """Decisions as a unit's hash holds them."""
    return "\n".join(_line(decision) for decision in decisions)


def _lifts(decision: Decision) -> bool:
    """Whether it ends the doubt that a rebuild left about a unit."""
    return decision.kind == "bill" and not decision.document


def _line(decision: Decision) -> str:
    return msgspec.json.encode(decision).decode()


def _parsed(line: bytes) -> Decision | None:
    try:
        return msgspec.json.decode(line, type=Decision)
    except msgspec.DecodeError:
        return None

"""Turns: one process at a time works on the passes over Salesforce, a step long, and stores after each page how far."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import msgspec

from worker.context import Context, Loaded
from worker.jobs import changes, walking
from worker.store.passes import TURN, Pass

TURN_LEASES = 2  # a turn lasts longer than any read may take: the work on one page keeps it

Phase = Callable[[Context, Loaded, Pass, str], Awaitable[Pass]]
PHASES: Final[dict[str, Phase]] = {
    "changed": changes.changed, "every": changes.every, "related": changes.related, "deleted": changes.deleted,
    "expected": walking.expected, "walk": walking.walk, "missing": walking.missing,
}  # fmt: skip
WORDS: Final = {
    "changed": "Entries that changed",
    "every": "Every entry",
    "related": "Entries of changed records",
    "deleted": "Deleted entries",
    "expected": "What the ledger knows",
    "walk": "Every entry, compared",
    "missing": "Entries that are no longer there",
}


class ReconcileProgress(msgspec.Struct, frozen=True, kw_only=True):
    """Where it stands, for people: phase `step` of `steps`; `read` entries of `total` (0: not known)."""

    what: str
    step: int
    steps: int
    read: int
    total: int
    missed: int


Tell = Callable[[ReconcileProgress], object]


@dataclass(frozen=True, slots=True)
class Turn:
    """The right to go on with passes, until it is time to let others work."""

    ctx: Context
    loaded: Loaded
    token: str
    until: float  # by the monotonic clock
    tell: Tell

    async def keep(self, name: str, state: Pass) -> None:
        """The pass stands here, and the turn stays ours. Raises `TurnLostError`."""
        await self.ctx.store.passes.put(self.token, self.ctx.limits.lease * TURN_LEASES, name, state)

    async def under_way(self, name: str) -> Pass | None:
        """The pass of this name, if it reads by the setup in force; one that does not has to be begun anew."""
        state = await self.ctx.store.passes.get(name)
        return state if state is not None and state.version == self.loaded.version else None

    async def go_on(self, name: str, state: Pass) -> Pass:
        """Phase after phase, a page at a time (at least one), until the pass is through or the step is over."""
        while state.todo:
            self.tell(shown(state))
            kind, _, about = state.todo[0].partition(" ")
            state = await PHASES[kind](self.ctx, self.loaded, state, about)
            await self.keep(name, state)
            if time.monotonic() >= self.until:
                break
        return state


@asynccontextmanager
async def turn(ctx: Context, loaded: Loaded, tell: Tell = lambda _: None) -> AsyncIterator[Turn | None]:
    """Our turn, for a step; None while another process has it."""
    token = await ctx.store.locks.acquire(TURN, ctx.limits.lease * TURN_LEASES)
    if token is None:
        yield None
        return
    try:
        yield Turn(ctx, loaded, token, time.monotonic() + ctx.limits.step, tell)
    finally:
        await ctx.store.locks.release(TURN, token)


def shown(state: Pass) -> ReconcileProgress:
    """Where a pass that is not through stands."""
    return ReconcileProgress(
        what=WORDS[state.todo[0].partition(" ")[0]],
        step=state.phases - len(state.todo) + 1,
        steps=state.phases,
        read=state.read,
        total=state.total,
        missed=state.missed,
    )

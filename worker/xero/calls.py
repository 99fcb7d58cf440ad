"""How a call to Xero is made: token, permit, one request, what its answer means. Every call goes through here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec
import structlog

from worker.billing.model import DocumentType
from worker.errors import ServiceError
from worker.limits import Limits
from worker.store.governor import Admitted, Priority, Problem
from worker.store.governor import Refused as NotNow
from worker.xero.answers import Answer, WriteAnswer, action, left, limit, read_error, retry_after, scaled, wait_after
from worker.xero.auth import TokenKeeper
from worker.xero.errors import Dropped, Limited, NoAnswer, Unreachable
from worker.xero.transport import Call, Deadline

Send = Callable[[Call], Awaitable[Answer]]
Meaning = Callable[[Answer, DocumentType], WriteAnswer]

log = structlog.get_logger(__name__)


class Governor(Protocol):
    """Who says when the company may be called: `worker.store.governor.Governor`."""

    async def admit(self, priority: Priority = "write", caller: str = "") -> Admitted | NotNow:
        """Ask to make one call now."""
        ...

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
        """The call ended."""

    async def unused(self, permit: str) -> None:
        """The call was not made."""


class Calls:
    """Reads wait as long as they are given patience for, writes never; nothing repeats a write."""

    def __init__(self, keeper: TokenKeeper, governor: Governor, limits: Limits) -> None:
        self._keeper = keeper
        self._governor = governor
        self._limits = limits
        self._read = Deadline(limits.read_request, limits.read_request)

    async def admit(self, priority: Priority = "write", caller: str = "") -> Admitted | NotNow:
        """A permit for one call, with a token already at hand: after this, nothing slow stands before the send.

        Raises:
            XeroError: no token can be had.
        """
        await self._keeper.token()
        return await self._governor.admit(priority, caller)

    async def unused(self, permit: Admitted) -> None:
        """Give a permit back."""
        await self._governor.unused(permit.permit)

    async def read(self, send: Send, *, priority: Priority, caller: str = "", patience: float = 0.0) -> Answer:
        """Make a read. `patience`: seconds it may wait for its turn, all told.

        Instead of a token that is refused, one that a sibling stored meanwhile is tried; one refused as expired is then
        renewed, once. A dropped connection is tried once more.

        Raises:
            Limited: its turn does not come within `patience`.
            XeroError: it failed; `Paused` when only a person can help.
        """
        ends = asyncio.get_running_loop().time() + patience
        chances = {"sibling", "renew", "drop"}
        while True:
            token = await self._keeper.token()
            permit = await self._turn(priority, caller, ends)
            try:
                answer = await self._make(permit, send, Call(token, self._read))
            except Dropped:
                if "drop" not in chances:
                    raise
                chances.remove("drop")
                continue
            found = action(answer)
            if found == "done":
                return answer
            if found == "limited":
                await _pause(wait_after(answer, self._limits), limit(answer), ends)
            elif found in {"renew", "reconnect"} and "sibling" in chances and await self._keeper.another(token):
                chances.remove("sibling")  # stored meanwhile, after somebody connected again perhaps
            elif found == "renew" and "renew" in chances:
                chances.remove("renew")
                await self._keeper.renew(token)
            else:
                raise read_error(answer, found)

    async def write(
        self, send: Send, kind: DocumentType, meaning: Meaning, permit: Admitted, within: float
    ) -> WriteAnswer:
        """Make a write under a permit, once. Its bytes leave within `within` seconds or not at all. `meaning` reads
        the answer, if there is one.

        Never raises for what Xero or the network does: the outcome says it.
        """
        ends = asyncio.get_running_loop().time() + within
        try:
            async with asyncio.timeout_at(ends):
                token = await self._keeper.token()
            deadline = Deadline(self._limits.request, _left(ends))
        except (TimeoutError, ServiceError) as error:
            await self._report(self._governor.unused(permit.permit))
            return WriteAnswer(outcome="not-sent", problem=str(error) or "its time to leave was over")
        try:
            answer = await self._make(permit, send, Call(token, deadline))
        except Unreachable as error:
            return WriteAnswer(outcome="not-sent", problem=str(error))
        except NoAnswer as error:
            return WriteAnswer(outcome="unknown", problem=str(error))
        if action(answer) in {"renew", "reconnect"}:
            self._keeper.distrust(token)
        meant = meaning(answer, kind)
        return msgspec.structs.replace(meant, retry_after=scaled(meant.retry_after, self._limits))

    async def _turn(self, priority: Priority, caller: str, ends: float) -> Admitted:
        while True:
            said = await self._governor.admit(priority, caller)
            if isinstance(said, Admitted):
                return said
            await _pause(said.wait, said.why, ends)

    async def _make(self, permit: Admitted, send: Send, call: Call) -> Answer:
        """One request, after which the governor knows how it went, whatever happened."""
        answer: Answer | None = None
        sent = True
        try:
            answer = await send(call)
        except Unreachable:
            sent = False
            raise
        finally:
            await self._report(self._ended(permit.permit, answer) if sent else self._governor.unused(permit.permit))
        return answer

    async def _ended(self, permit: str, answer: Answer | None) -> None:
        if answer is None:
            return await self._governor.answered(permit)
        limited = answer.status == 429
        return await self._governor.answered(
            permit,
            min_remaining=left(answer, "Min"),
            day_remaining=left(answer, "Day"),
            app_remaining=left(answer, "AppMin"),
            problem=limit(answer) if limited else "",
            retry_after=scaled(retry_after(answer), self._limits) if limited else None,
        )

    async def _report(self, report: Awaitable[None]) -> None:
        # A permit nobody reports on runs out by itself; an answer in hand must not be lost because Redis blinked.
        try:
            await report
        except Exception as error:
            log.warning("call not reported to the governor", error=str(error) or type(error).__name__)


def _left(ends: float) -> float:
    """Seconds until `ends`. Raises TimeoutError when it is over."""
    left = ends - asyncio.get_running_loop().time()
    if left <= 0:
        raise TimeoutError
    return left


async def _pause(wait: float, why: str, ends: float) -> None:
    if asyncio.get_running_loop().time() + wait > ends:
        raise Limited(wait, why)
    await asyncio.sleep(wait)

"""A worker stands still between two of its steps, longer than its lease, while others and people go on."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

from tests.worker.jobs.jobs_oracle import oracle
from tests.worker.jobs.jobs_world import JOBS, World, hours, total
from worker.context import Context

Meanwhile = Callable[[], Awaitable[None]]


class Slow:
    """A part of a context; at each call of `name` others do the next of `meanwhile`, before it or `after` it."""

    def __init__(self, thing: object, name: str, meanwhile: list[Meanwhile], *, after: bool) -> None:
        self._thing, self._name, self._meanwhile, self._after = thing, name, meanwhile, after

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._thing, name)
        if name == self._name and inspect.iscoroutinefunction(value):
            return self._held(value)
        plain = callable(value) or isinstance(value, str | int | None)
        return value if plain else Slow(value, self._name, self._meanwhile, after=self._after)

    def _held(self, value: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def call(*args: Any, **named: Any) -> Any:
            answer = await value(*args, **named) if self._after else None
            if self._meanwhile:
                await self._meanwhile.pop(0)()
            return answer if self._after else await value(*args, **named)

        return call


def slow(ctx: Context, part: str, name: str, *meanwhile: Meanwhile, after: bool = False, **limits: float) -> Context:
    """This worker, slow at the first calls of `name` of its store or of Xero; its lease lapses at once."""
    held: dict[str, Any] = {part: Slow(getattr(ctx, part), name, list(meanwhile), after=after)}
    return replace(ctx, **held, limits=replace(ctx.limits, lease=0.01, **limits))


async def nothing() -> None:
    """Nobody does anything meanwhile."""


def add_travel(world: World) -> None:
    """A person adds a line to the draft."""
    draft = world.draft("Harrow")
    own = {"Description": "Travel", "Quantity": "1", "UnitAmount": "45.00", "AccountCode": "200"}
    world.act("write", id=draft["InvoiceID"], body={"LineItems": [*draft["LineItems"], own]})


async def test_bytes_that_another_sent_while_this_worker_was_slow_are_not_given_up(world: World) -> None:
    other, record = await world.worker(), world.log("Harrow", "1.00")
    await world.tell(record)
    await world.work()

    async def another_sends_the_same_bytes_and_hears_nothing() -> None:
        world.write_fault("drop-after")
        async with asyncio.timeout(20):
            while hours(world.draft("Harrow")) != 2:
                await JOBS["invoice"](other)

    world.edit(record, Hours__c="2.00")
    await world.tell(record)
    await JOBS["collect"](world.ctx)
    meanwhile = another_sends_the_same_bytes_and_hears_nothing
    await JOBS["invoice"](slow(world.ctx, "store", "begin", meanwhile, after=True, send_within=0.0))
    await world.work()
    unit = await world.ctx.store.ledger.unit(f"TimeEntry__c:{record}#0")
    assert unit is not None
    assert [(p.seconds, p.write_on, p.state) for p in unit.postings] == [(7200, 0, "open")]
    await oracle(world)


async def test_a_persons_line_that_could_not_be_taken_in_is_not_written_over(world: World) -> None:
    other, record = await world.worker(), world.log("Harrow", "1.00")
    await world.tell(record)
    await world.work()

    async def another_writes_and_a_person_adds_a_line() -> None:
        await world.work(other)
        add_travel(world)
        world.edit(record, Hours__c="3.00")
        await world.tell(record)
        await JOBS["collect"](other)

    world.edit(record, Hours__c="2.00")
    await world.tell(record)
    await JOBS["collect"](world.ctx)
    await JOBS["invoice"](slow(world.ctx, "xero", "invoices", another_writes_and_a_person_adds_a_line))
    await world.work()
    lines = world.draft("Harrow")["LineItems"]
    assert [(line["Description"], Decimal(line["Quantity"])) for line in lines[1:]] == [("Travel", 1)]
    assert total([world.draft("Harrow")]) == Decimal("345.00")
    await oracle(world)


async def test_an_update_is_not_repeated_over_a_persons_edit(world: World) -> None:
    record = world.log("Harrow", "1.00")
    await world.tell(record)
    await world.work()

    async def a_person_adds_a_line() -> None:
        add_travel(world)

    world.edit(record, Hours__c="2.00")
    await world.tell(record)
    await JOBS["collect"](world.ctx)
    world.write_fault("drop-before")
    await JOBS["invoice"](slow(world.ctx, "store", "retry", a_person_adds_a_line))
    await world.work()
    lines = world.draft("Harrow")["LineItems"]
    assert [(line["Description"], Decimal(line["Quantity"])) for line in lines[1:]] == [("Travel", 1)]
    assert (hours(world.draft("Harrow")), total([world.draft("Harrow")])) == (3, Decimal("245.00"))
    await oracle(world)


async def test_a_look_up_gives_way_to_the_answer_that_came_meanwhile(world: World) -> None:
    other, record = await world.worker(), world.log("Harrow", "1.00")
    await world.tell(record)
    await world.work()
    looked, answered = asyncio.Event(), asyncio.Event()

    async def the_answer_comes() -> None:
        looked.set()
        await answered.wait()

    async def another_looks_it_up() -> None:
        while not looked.is_set():  # until the sender's lease has lapsed nothing is due
            await JOBS["invoice"](slow(other, "xero", "invoices", nothing, the_answer_comes, after=True))

    async def a_person_adds_a_line_and_another_looks(tasks: asyncio.TaskGroup) -> None:
        add_travel(world)
        tasks.create_task(another_looks_it_up())
        await looked.wait()

    world.edit(record, Hours__c="2.00")
    await world.tell(record)
    await JOBS["collect"](world.ctx)
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        meanwhile = partial(a_person_adds_a_line_and_another_looks, tasks)
        await JOBS["invoice"](slow(world.ctx, "xero", "send", meanwhile))
        answered.set()
    await world.work()
    unit = await world.ctx.store.ledger.unit(f"TimeEntry__c:{record}#0")
    assert unit is not None
    assert [(p.seconds, p.write_on, p.state) for p in unit.postings] == [(7200, 0, "open")]
    await oracle(world)

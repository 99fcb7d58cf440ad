"""Statuses over several pages: what changes while they are read moves to the end, and nothing falls between two."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec

from tests.worker.jobs.jobs_world import World
from worker.jobs.statuses import statuses
from worker.xero.client import XeroClient
from worker.xero.pages import InvoicePage


class Paged:
    """Xero, with one invoice a page, oldest change first; after the first page somebody does something."""

    def __init__(self, xero: XeroClient, then: Callable[[], object]) -> None:
        self._xero, self._then = xero, then

    def __getattr__(self, name: str) -> Any:
        return getattr(self._xero, name)

    async def invoices(self, *, page: int = 1, **how: Any) -> InvoicePage:
        whole = await self._xero.invoices(**how)
        found = sorted(whole.items, key=lambda one: one.updated)
        cut = msgspec.structs.replace(whole, items=tuple(found[page - 1 : page]), page=page, page_count=len(found))
        if page == 1:
            self._then()
        return cut


async def test_a_span_in_which_something_always_moves_is_read_twice_and_no_more(world: World) -> None:
    await world.tell(*(world.log(name, "1.00") for name in ("Harrow", "Northgate")))
    await world.work()
    await world.run("statuses")
    ids = [str(world.draft(name)["InvoiceID"]) for name in ("Harrow", "Northgate")]
    for id_ in ids:
        world.act("approve", id=id_)
    world.stand.xero.clock.advance(60)

    def moved() -> None:
        world.stand.xero.clock.advance(2)
        world.act("pay", id=ids[0], amount="1.00")

    paged: Any = Paged(world.ctx.xero, moved)
    cursors, since = world.ctx.store.cursors, []
    for _ in range(2):
        since.append((await cursors.get("statuses")).since)
        await statuses(replace(world.ctx, xero=paged))
    since.append((await cursors.get("statuses")).since)
    assert since[0] == since[1] < since[2]


async def test_a_document_that_slips_to_an_earlier_page_while_they_are_read_is_not_missed(world: World) -> None:
    world.client("Castle")
    await world.run("contacts")
    await world.tell(*(world.log(name, "1.00") for name in ("Harrow", "Northgate", "Castle")))
    await world.work()
    await world.run("statuses")
    by_name = {name: str(world.draft(name)["InvoiceID"]) for name in ("Harrow", "Northgate", "Castle")}
    for id_ in by_name.values():
        world.act("approve", id=id_)

    world.stand.xero.clock.advance(60)  # longer than the look back at the end of the walk before

    def edited() -> None:
        world.act("pay", id=by_name["Harrow"], amount="10.00")

    paged: Any = Paged(world.ctx.xero, edited)
    await statuses(replace(world.ctx, xero=paged))
    await world.run("statuses")
    await world.work()
    keys = await world.ctx.store.ledger.all_keys()
    held = (await world.ctx.store.ledger.invoices(keys)).values()
    found = {d.xero_id: d.status for one in held if one.invoice for d in one.invoice.documents}
    assert {found[id_] for id_ in by_name.values()} == {"approved"}

"""Rows of contacts in Salesforce: what changed is upserted by external id, what was refused is kept and tried again."""

import hashlib
import json
from collections.abc import Iterable, Mapping

import structlog

from worker.context import Context
from worker.salesforce.collections import ItemResult
from worker.salesforce.errors import Action
from worker.setup.sections import Contacts as ContactsSection

log = structlog.get_logger()

Row = dict[str, str | None]
PASSES = frozenset({Action.RETRY, Action.WAIT, Action.LOGIN})  # what is over by itself; the rest a person has to mend


def signature(section: ContactsSection | None) -> str:
    """What rows are made by: another one makes other rows of the same contacts."""
    return "" if section is None else digest(section.model_dump(mode="json"))


def digest(row: Mapping[str, object]) -> str:
    """A row's mark: two rows with the same one say the same."""
    return hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()


async def upsert(
    ctx: Context, section: ContactsSection, rows: Mapping[str, Row], *, anew: bool = False
) -> tuple[int, int]:
    """Write the rows (by ContactID) that differ from what was written before, or all of them, `anew`.

    What Salesforce refuses is kept for `upsert_again`. Gives how many rows it took and how many it refused; raises the
    client's errors when it took none.
    """
    marks = {id_: digest(row) for id_, row in rows.items()}
    known = {} if anew else await ctx.store.cursors.rows(section.sobject, list(rows))
    todo = {id_: row for id_, row in rows.items() if known.get(id_) != marks[id_]}
    if not todo:
        return 0, 0
    results = await ctx.salesforce.upsert(section.sobject, section.external_id, list(todo.values()))
    by_id = dict(zip(todo, results, strict=True))
    good = {id_: marks[id_] for id_, result in by_id.items() if result.success}
    refused = {id_: todo[id_] for id_ in by_id.keys() - good.keys()}
    await ctx.store.cursors.put_refused(section.sobject, signature(section), refused)
    await ctx.store.cursors.put_rows(section.sobject, good)
    await _tell(ctx, by_id)
    if any(result.action in PASSES for result in results):
        await ctx.store.bell.ring("contacts", ctx.limits.backoff_cap)
    return len(good), len(refused)


async def upsert_again(ctx: Context, section: ContactsSection) -> tuple[int, int]:
    """Try once more what was refused; rows made by another setup are forgotten: its walk makes them anew."""
    rows = await ctx.store.cursors.refused(section.sobject, signature(section))
    return await upsert(ctx, section, rows, anew=True)


async def _tell(ctx: Context, results: Mapping[str, ItemResult]) -> None:
    await ctx.store.contacts.set_outcomes({id_: _outcome(result) for id_, result in results.items()})
    for id_, result in _refused(results.items()):
        log.warning("contact_refused_by_salesforce", contact=id_, error=result.problem, action=result.action)


def _refused(results: Iterable[tuple[str, ItemResult]]) -> list[tuple[str, ItemResult]]:
    return [(id_, result) for id_, result in results if not result.success]


def _outcome(result: ItemResult) -> str:
    """What people read at the contact: "" when it is in Salesforce; what to do, where it does not pass by itself."""
    return "" if result.success else f"{result.problem} {result.remedy}".strip()

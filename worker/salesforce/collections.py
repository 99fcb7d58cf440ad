"""Writing many records in one call: updates by id and upserts by external id, with a result for each record.

Source: Salesforce REST API Developer Guide, "sObject Collections": at most 200 records of one type, answered in order
with HTTP 200 even when some are refused. Both calls say the same however often they arrive.
"""

from collections.abc import Sequence

from msgspec import Struct

from worker.salesforce import soql
from worker.salesforce.errors import Action, SalesforceError, UnexpectedAnswer, rule
from worker.salesforce.query import Record
from worker.salesforce.transport import Transport
from worker.salesforce.wire import encode

BATCH = 200


class ItemResult(Struct, frozen=True, kw_only=True):
    """What became of one record: `record` is the id or external id it was written by.

    Of a refusal, `problem` and `remedy` are for people, `action` is what the code means, `code` Salesforce's own.
    """

    record: str
    success: bool
    id: str = ""
    created: bool = False
    code: str = ""
    problem: str = ""
    remedy: str = ""
    action: Action | None = None
    fields: tuple[str, ...] = ()


class _Error(Struct, rename="camel"):
    message: str = ""
    status_code: str = ""
    fields: tuple[str, ...] | None = None


class _Item(Struct):
    success: bool
    id: str | None = None
    created: bool | None = None
    errors: tuple[_Error, ...] = ()


Batch = list[int]  # positions in the caller's list


def batches(keys: Sequence[str], size: int = BATCH) -> list[Batch]:
    """Positions in batches of at most `size`, none with a key twice; later ones of a key come in later batches."""
    made: list[Batch] = []
    earliest = 0  # every batch before this one is full
    after: dict[str, int] = {}
    for position, key in enumerate(keys):
        at = max(earliest, after.get(key, 0))
        while at < len(made) and len(made[at]) >= size:
            at += 1
        if at == len(made):
            made.append([])
        made[at].append(position)
        after[key] = at + 1
        while earliest < len(made) and len(made[earliest]) >= size:
            earliest += 1
    return made


async def update(transport: Transport, sobject: str, records: Sequence[Record]) -> list[ItemResult]:
    """Update records by their `Id`. Results and raises as `upsert`."""
    keys = [str(record["Id"]) for record in records]
    path = f"{transport.root}/composite/sobjects"
    # Ids differ in their first 15 characters; an update sent with the 15 and the 18 is the same record.
    return await _write(transport, path, soql.name(sobject), records, keys, [key[:15] for key in keys])


async def upsert(transport: Transport, sobject: str, external_id: str, records: Sequence[Record]) -> list[ItemResult]:
    """Create or update records by their external id field.

    The results stand in the order of the records. A batch that fails as a whole after an earlier one was answered is
    told in the results of its records and of those after it, which are then not sent.

    Raises:
        SalesforceError: the first batch failed as a whole.
    """
    keys = [str(record[external_id]) for record in records]
    path = f"{transport.root}/composite/sobjects/{soql.name(sobject)}/{soql.name(external_id)}"
    return await _write(transport, path, sobject, records, keys, [key.casefold() for key in keys])


async def _write(
    transport: Transport,
    path: str,
    sobject: str,
    records: Sequence[Record],
    names: Sequence[str],
    keys: Sequence[str],
) -> list[ItemResult]:
    results: dict[int, ItemResult] = {}
    for batch in batches(keys):
        try:
            found = await _send(transport, path, sobject, [records[at] for at in batch])
        except SalesforceError as error:
            if not results:
                raise
            return [results.get(at) or _unsent(name, error) for at, name in enumerate(names)]
        results |= {at: _result(names[at], item) for at, item in zip(batch, found, strict=True)}
    return [results[at] for at in range(len(names))]


async def _send(transport: Transport, path: str, sobject: str, records: Sequence[Record]) -> tuple[_Item, ...]:
    rows = [{"attributes": {"type": sobject}} | record for record in records]
    body = encode({"allOrNone": False, "records": rows})
    answer = await transport.patch(path, f"write {len(rows)} records of {sobject}", tuple[_Item, ...], body)
    if len(answer.value) != len(rows):
        raise UnexpectedAnswer(f"Salesforce answered {len(answer.value)} results for {len(rows)} records.")
    return answer.value


def _result(name: str, item: _Item) -> ItemResult:
    if item.success:
        return ItemResult(record=name, success=True, id=item.id or "", created=bool(item.created))
    # The most stubborn error decides: a lock that passes does not mend a value that is too long.
    error = max(item.errors or (_Error(),), key=lambda one: _STUBBORN.index(rule(one.status_code, one.message).action))
    found = rule(error.status_code, error.message)
    text = f"Salesforce refused to write {name}: {' '.join(error.message.split())} ({error.status_code})"
    return ItemResult(
        record=name,
        success=False,
        code=error.status_code,
        problem=text,
        remedy=found.remedy,
        action=found.action,
        fields=error.fields or (),
    )


_STUBBORN = (Action.RETRY, Action.WAIT, Action.LOGIN, Action.GONE, Action.SETUP, Action.PERMANENT)


def _unsent(name: str, error: SalesforceError) -> ItemResult:
    return ItemResult(
        record=name, success=False, code=error.code, problem=error.what, remedy=error.remedy, action=error.action
    )

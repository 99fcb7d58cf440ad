"""Up to 200 records in a call, with a result for each (Salesforce: SObject Collections)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.salesforce.api import Answer, Call, Routes
from sandbox.salesforce.errors import ApiError, FieldError, not_found
from sandbox.salesforce.ids import MalformedIdError, to18
from sandbox.salesforce.rest_records import shown
from sandbox.salesforce.schema import SObject
from sandbox.salesforce.writes import Transaction

MAX_RECORDS = 200
MAX_RETRIEVED = 2000
_ROLLED_BACK = FieldError(
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "Record rolled back because not all records were valid and the request was using AllOrNone header",
)
_WHOLE_REQUEST = {"JSON_PARSER_ERROR"}
routes = Routes()
Item = dict[str, Any]
Write = Callable[[Transaction, Item], tuple[str, bool]]


@dataclass
class _Result:
    """One record's outcome."""

    record_id: str = ""
    created: bool = False
    errors: list[dict[str, object]] = field(default_factory=list)

    def body(self, *, upserting: bool, created_in_failures: bool) -> dict[str, object]:
        """As the answer shows it."""
        shown_id = {"id": self.record_id} if self.record_id else {}
        body: dict[str, object] = {**shown_id, "success": not self.errors, "errors": self.errors}
        if upserting and (not self.errors or created_in_failures):
            body["created"] = self.created
        return body


@routes.on("POST", "/composite/sobjects")
def create(call: Call) -> Answer:
    """Insert records of one or more objects."""

    def write(transaction: Transaction, item: Item) -> tuple[str, bool]:
        return transaction.create(_type(call, item), item), True

    return _run(call, _records(call), write)


@routes.on("PATCH", "/composite/sobjects")
def update(call: Call) -> Answer:
    """Update records by id."""
    records = _records(call)
    seen: set[str] = set()

    def write(transaction: Transaction, item: Item) -> tuple[str, bool]:
        sobject = _type(call, item)
        record_id = _own_id(item, sobject)
        if record_id in seen:
            raise FieldError("DUPLICATE_VALUE", f"duplicate id in the request: {record_id}", ["Id"])
        seen.add(record_id)
        body = {name: value for name, value in item.items() if name.lower() != "id"}
        transaction.update(sobject, record_id, body)
        return record_id, False

    return _run(call, records, write)


@routes.on("PATCH", "/composite/sobjects/{name}/{key}")
def upsert(call: Call, name: str, key: str) -> Answer:
    """Insert or update records of one object by external id."""
    sobject = call.sobject(name)
    field_ = sobject.find(key)
    if field_ is None or not field_.id_lookup:
        raise not_found(f"Provided external ID field does not exist or is not accessible: {key}")
    seen: set[str] = set()

    def write(transaction: Transaction, item: Item) -> tuple[str, bool]:
        if _type(call, item).name != sobject.name:
            raise FieldError("INVALID_TYPE", f"records must be of type {sobject.name}")
        body = {label: value for label, value in item.items() if label.lower() != field_.name.lower()}
        value = next((item[label] for label in item if label.lower() == field_.name.lower()), None)
        if field_.name != "Id" and any(label.lower() == "id" for label in body):
            raise FieldError("INVALID_FIELD", "cannot specify both an external ID reference and a salesforce id")
        if value is not None and str(value).lower() in seen:
            raise FieldError("DUPLICATE_VALUE", f"Duplicate external id specified: {value}", [field_.name])
        seen.add(str(value).lower())
        return transaction.upsert(sobject, field_, value, body)

    return _run(call, _records(call), write, upserting=True)


@routes.on("DELETE", "/composite/sobjects")
def delete(call: Call) -> Answer:
    """Delete records by ?ids=."""
    ids = [item for item in call.query.get("ids", "").split(",") if item]
    _check_count(len(ids))

    def write(transaction: Transaction, item: Item) -> tuple[str, bool]:
        sobject = call.org.by_prefix(item["id"])
        if sobject is None:
            raise FieldError("MALFORMED_ID", f"malformed id {item['id']}", ["Id"])
        transaction.delete(call.sobject(sobject.name), item["id"])
        return to18(item["id"]), False

    everything = call.query.get("allOrNone", "false").lower() == "true"
    return _run(call, [{"id": item} for item in ids], write, all_or_none=everything)


@routes.on("POST", "/composite/sobjects/{name}")
def retrieve(call: Call, name: str) -> Answer:
    """Records by id with chosen fields; null for those that are not there."""
    body = call.object_body()
    return _retrieve(call, name, list(body.get("ids") or []), list(body.get("fields") or []))


@routes.on("GET", "/composite/sobjects/{name}")
def retrieve_by_address(call: Call, name: str) -> Answer:
    """As POST, with ids and fields in the address."""
    names = {key: [item for item in call.query.get(key, "").split(",") if item] for key in ("ids", "fields")}
    return _retrieve(call, name, names["ids"], names["fields"])


def _retrieve(call: Call, name: str, ids: list[str], names: list[str]) -> Answer:
    sobject = call.sobject(name)
    if not ids or not names:
        raise ApiError(400, "MISSING_ARGUMENT", "ids and fields are both needed")
    if len(ids) > MAX_RETRIEVED:
        raise ApiError(400, "EXCEEDED_ID_LIMIT", f"record limit reached. cannot retrieve more than {MAX_RETRIEVED}")
    fields = [sobject.find(item) for item in names]
    if None in fields:
        missing = names[fields.index(None)]
        raise ApiError(400, "INVALID_FIELD", f"No such column '{missing}' on entity '{sobject.name}'")
    rows: list[object] = []
    for record_id in ids:
        try:
            record = call.org.record(sobject.name, to18(record_id))
        except MalformedIdError:
            raise ApiError(400, "MALFORMED_ID", f"malformed id {record_id}") from None
        there = record is not None and not record["IsDeleted"] and call.org.readable(record)
        rows.append(shown(call, sobject, record or {}, [f for f in fields if f]) if there else None)
    return Answer(200, rows)


def _run(
    call: Call, items: list[Item], write: Write, *, upserting: bool = False, all_or_none: bool | None = None
) -> Answer:
    """Write each record in one transaction, a failed one alone or, with allOrNone, all of them."""
    everything = bool(call.object_body().get("allOrNone")) if all_or_none is None else all_or_none
    transaction = call.state.begin(call.user_id)
    start = transaction.savepoint()
    results = [_write_one(call, transaction, item, write) for item in items]
    if everything and any(result.errors for result in results):
        transaction.rollback(start)
        results = [result if result.errors else _Result(errors=[_ROLLED_BACK.item()]) for result in results]
    call.state.commit(transaction, call.origin)
    behaviour = call.org.now
    bodies = [item.body(upserting=upserting, created_in_failures=behaviour.created_in_failures) for item in results]
    return Answer(200, bodies)


def _write_one(call: Call, transaction: Transaction, item: Item, write: Write) -> _Result:
    point = transaction.savepoint()
    try:
        record_id, created = write(transaction, item)
    except ApiError as error:
        transaction.rollback(point)
        unknown_field = error.code == "INVALID_FIELD" and not isinstance(error, FieldError)
        if error.code in _WHOLE_REQUEST or (unknown_field and not call.org.now.field_errors_in_items):
            raise
        return _Result(record_id=str(item.get("id") or item.get("Id") or ""), errors=[error.item()])
    return _Result(record_id, created)


def _records(call: Call) -> list[Item]:
    records = call.object_body().get("records")
    if not isinstance(records, list) or not all(isinstance(item, dict) for item in records):
        raise ApiError(400, "JSON_PARSER_ERROR", "records must be an array of objects")
    _check_count(len(records))
    return records


def _check_count(count: int) -> None:
    if count > MAX_RECORDS:
        text = f"record limit reached. cannot submit more than {MAX_RECORDS} records into this call"
        raise ApiError(400, "EXCEEDED_ID_LIMIT", text)
    if count == 0:
        raise ApiError(400, "MISSING_ARGUMENT", "no records were given")


def _type(call: Call, item: Item) -> SObject:
    attributes = item.get("attributes")
    name = attributes.get("type") if isinstance(attributes, dict) else None
    if not isinstance(name, str):
        raise ApiError(400, "INVALID_INPUT", "each record needs attributes with its type")
    sobject = call.org.visible(name)
    if sobject is None:
        raise FieldError("INVALID_TYPE", f"sObject type '{name}' is not supported.")
    return sobject


def _own_id(item: Item, sobject: SObject) -> str:
    given = item.get("id") or item.get("Id")
    if not isinstance(given, str):
        raise FieldError("MISSING_ARGUMENT", "Id not specified in an update call")
    try:
        return to18(given)
    except MalformedIdError:
        text = f"{sobject.label} ID: id value of incorrect type: {given}"
        raise FieldError("MALFORMED_ID", text, ["Id"]) from None

"""Single records: create, read, update, delete, and by external id (Salesforce: SObject Rows)."""

from sandbox.salesforce.api import Answer, Call, Routes
from sandbox.salesforce.errors import ApiError, not_found
from sandbox.salesforce.ids import MalformedIdError, to18
from sandbox.salesforce.org import Record
from sandbox.salesforce.schema import Field, SObject
from sandbox.salesforce.values import parse, show

routes = Routes()


@routes.on("POST", "/sobjects/{name}")
def create(call: Call, name: str) -> Answer:
    """Insert."""
    sobject = call.sobject(name)
    transaction = call.state.begin(call.user_id)
    record_id = transaction.create(sobject, call.object_body())
    call.state.commit(transaction, call.origin)
    location = {"Location": f"{call.base}/sobjects/{sobject.name}/{record_id}"}
    return Answer(201, {"id": record_id, "success": True, "errors": []}, location)


@routes.on("GET", "/sobjects/{name}/{record_id}")
def retrieve(call: Call, name: str, record_id: str) -> Answer:
    """Read, all fields or those of ?fields=."""
    sobject = call.sobject(name)
    return Answer(200, shown(call, sobject, _live(call, sobject, record_id), _wanted(call, sobject)))


@routes.on("PATCH", "/sobjects/{name}/{record_id}")
def update(call: Call, name: str, record_id: str) -> Answer:
    """Change fields."""
    sobject = call.sobject(name)
    transaction = call.state.begin(call.user_id)
    transaction.update(sobject, record_id, call.object_body())
    call.state.commit(transaction, call.origin)
    return Answer(204)


@routes.on("DELETE", "/sobjects/{name}/{record_id}")
def delete(call: Call, name: str, record_id: str) -> Answer:
    """Into the recycle bin."""
    sobject = call.sobject(name)
    transaction = call.state.begin(call.user_id)
    transaction.delete(sobject, record_id)
    call.state.commit(transaction, call.origin)
    return Answer(204)


@routes.on("GET", "/sobjects/{name}/{key}/{value}")
def retrieve_by_key(call: Call, name: str, key: str, value: str) -> Answer:
    """Read by external id."""
    sobject, field = _external_id(call, name, key)
    record = call.org.find(sobject.name, field.name, parse(field, value))
    if record is None or not call.org.readable(record):
        raise not_found()
    return Answer(200, shown(call, sobject, record, _wanted(call, sobject)))


@routes.on("PATCH", "/sobjects/{name}/{key}/{value}")
def upsert(call: Call, name: str, key: str, value: str) -> Answer:
    """Insert or update by external id; the answer says which."""
    sobject, field = _external_id(call, name, key)
    body = call.object_body()
    if any(item.lower() in {"id", field.name.lower()} for item in body):
        raise ApiError(400, "INVALID_FIELD", f"The {field.name} field should not be specified in the sobject data.")
    transaction = call.state.begin(call.user_id)
    record_id, created = transaction.upsert(sobject, field, value, body)
    call.state.commit(transaction, call.origin)
    answer = {"id": record_id, "success": True, "errors": [], "created": created}
    return Answer(201 if created else 200, answer)


@routes.on("DELETE", "/sobjects/{name}/{key}/{value}")
def delete_by_key(call: Call, name: str, key: str, value: str) -> Answer:
    """Delete by external id."""
    sobject, field = _external_id(call, name, key)
    record = call.org.find(sobject.name, field.name, parse(field, value))
    if record is None:
        raise not_found()
    return delete(call, sobject.name, str(record["Id"]))


def shown(call: Call, sobject: SObject, record: Record, fields: list[Field]) -> dict[str, object]:
    """A record as answers carry it."""
    address = f"{call.base}/sobjects/{sobject.name}/{record['Id']}"
    attributes = {"attributes": {"type": sobject.name, "url": address}}
    return attributes | {item.name: show(record.get(item.name)) for item in fields}


def _live(call: Call, sobject: SObject, record_id: str) -> Record:
    try:
        record = call.org.record(sobject.name, to18(record_id))
    except MalformedIdError:
        record = None
    if record is None or not call.org.readable(record):
        raise not_found("Provided external ID field does not exist or is not accessible: " + record_id)
    if record["IsDeleted"]:
        raise ApiError(404, "ENTITY_IS_DELETED", "entity is deleted", [])
    return record


def _wanted(call: Call, sobject: SObject) -> list[Field]:
    names = [name.strip() for name in call.query.get("fields", "").split(",") if name.strip()]
    if not names:
        return list(sobject.fields)
    found = [sobject.find(name) for name in ["Id", *(name for name in names if name.lower() != "id")]]
    missing = [name for name in names if sobject.find(name) is None]
    if missing:
        raise ApiError(400, "INVALID_FIELD", f"No such column '{missing[0]}' on sobject of type {sobject.name}")
    return [field for field in found if field is not None]


def _external_id(call: Call, name: str, key: str) -> tuple[SObject, Field]:
    sobject = call.sobject(name)
    field = sobject.find(key)
    if field is None or not field.id_lookup:
        raise not_found(f"Provided external ID field does not exist or is not accessible: {key}")
    return sobject, field

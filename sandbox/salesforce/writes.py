"""The one way records change: validation as Salesforce words it, transactions, and the changes they leave behind."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sandbox.salesforce import values
from sandbox.salesforce.errors import ApiError, FieldError, not_found
from sandbox.salesforce.ids import MalformedIdError, to18
from sandbox.salesforce.org import Org, Record
from sandbox.salesforce.schema import Field, SObject

ChangeType = Literal["CREATE", "UPDATE", "DELETE", "UNDELETE"]
SYSTEM_FIELDS = frozenset({"Id", "CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "Name"})


@dataclass(frozen=True)
class Change:
    """One record changed; `before` and `after` are copies."""

    sobject: str
    record_id: str
    type: ChangeType
    before: Record
    after: Record


class Transaction:
    """One request's writes. Each method raises ApiError and then leaves nothing of its own behind.

    `system` writes as the platform itself: read-only fields may be set (seeding, control port).
    """

    def __init__(self, org: Org, user_id: str, *, system: bool = False) -> None:
        self.org = org
        self.user_id = user_id
        self.changes: list[Change] = []
        self._system = system
        self._undo: list[tuple[str, str, Record | None]] = []

    def savepoint(self) -> tuple[int, int]:
        """A place to roll back to."""
        return len(self._undo), len(self.changes)

    def rollback(self, point: tuple[int, int]) -> None:
        """Take back everything since the savepoint."""
        undo, changes = point
        for sobject, record_id, before in reversed(self._undo[undo:]):
            if before is None:
                self.org.tables[sobject].pop(record_id, None)
            else:
                self.org.put(sobject, before)
        del self._undo[undo:], self.changes[changes:]

    def create(self, sobject: SObject, body: Mapping[str, object]) -> str:
        """Insert a record and answer its id."""
        if not (sobject.createable or self._system):
            raise ApiError(
                400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", f"entity type cannot be inserted: {sobject.label}"
            )
        given = self._parse(sobject, body, creating=True)
        now = self.org.time()
        record: Record = {item.name: item.default for item in sobject.fields}
        record |= {"CreatedDate": now, "CreatedById": self.user_id, "LastModifiedDate": now, "IsDeleted": False}
        record |= {"LastModifiedById": self.user_id, "SystemModstamp": now}
        if sobject.find("OwnerId"):
            record["OwnerId"] = self.user_id
        record |= {name: value for name, value in given.items() if value is not None}
        record["Id"] = str(given.get("Id") or self.org.ids.next(sobject.prefix))
        self._check(sobject, record, given)
        for item in sobject.fields:
            if item.auto_number and not given.get(item.name):
                record[item.name] = self.org.next_number(item, sobject.name)
        self._store(sobject, record, "CREATE")
        return str(record["Id"])

    def update(self, sobject: SObject, record_id: str, body: Mapping[str, object]) -> None:
        """Change fields of a live record."""
        record = self._live(sobject, record_id)
        given = self._parse(sobject, body, creating=False)
        now = self.org.time()
        changed = record | {"LastModifiedDate": now, "LastModifiedById": self.user_id} | given | {"SystemModstamp": now}
        self._check(sobject, changed, given)
        self._store(sobject, changed, "UPDATE")

    def upsert(self, sobject: SObject, field: Field, value: object, body: Mapping[str, object]) -> tuple[str, bool]:
        """Update the record with that external id, or insert it; answers its id and whether it is new."""
        key = values.parse(field, value)
        if key is None:
            raise FieldError("MISSING_ARGUMENT", f"{field.name} not specified", [])
        found = self.org.find(sobject.name, field.name, key)
        if found is None:
            return self.create(sobject, {**body, field.name: value}), True
        self.update(sobject, str(found["Id"]), body)
        return str(found["Id"]), False

    def delete(self, sobject: SObject, record_id: str) -> None:
        """Move a record to the recycle bin; lookups that point at it are emptied, silently as on the platform."""
        record = self._live(sobject, record_id)
        if sobject.name in {"User", "Organization", "CurrencyType"}:
            raise ApiError(400, "DELETE_FAILED", f"{sobject.label} records cannot be deleted")
        self._guard(sobject, record_id)
        now = self.org.time()
        self._store(sobject, record | {"IsDeleted": True, "SystemModstamp": now}, "DELETE")
        if self.org.now.delete_clears_lookups:
            self._clear_lookups(sobject.name, str(record["Id"]))

    def undelete(self, sobject: SObject, record_id: str) -> None:
        """Take a record out of the recycle bin; the lookups its deletion emptied point at it again."""
        record = self.org.record(sobject.name, to18(record_id))
        if record is None or not record["IsDeleted"]:
            raise ApiError(400, "UNDELETE_FAILED", "Entity is not in the recycle bin")
        self._store(sobject, record | {"IsDeleted": False, "SystemModstamp": self.org.time()}, "UNDELETE")
        for child, child_id, name in self.org.cleared.pop(str(record["Id"]), []):
            held = self.org.record(child, child_id)
            if held is not None and held.get(name) is None:
                self._quietly(child, held | {name: record["Id"]})

    def _live(self, sobject: SObject, record_id: str) -> Record:
        try:
            record = self.org.record(sobject.name, to18(record_id))
        except MalformedIdError:
            raise ApiError(
                400, "MALFORMED_ID", f"{sobject.label} ID: id value of incorrect type: {record_id}", ["Id"]
            ) from None
        if record is None or (not self.org.readable(record) and not self._system):
            if record_id[:3] != sobject.prefix:
                text = f"{sobject.label} ID: id value of incorrect type: {record_id}"
                raise ApiError(400, "MALFORMED_ID", text, ["Id"])
            raise not_found()
        if record["IsDeleted"]:
            raise ApiError(404, "ENTITY_IS_DELETED", "entity is deleted", [])
        return record

    def _parse(self, sobject: SObject, body: Mapping[str, object], *, creating: bool) -> Record:
        given: Record = {}
        read_only: list[str] = []
        for name, raw in body.items():
            if name.lower() == "attributes":
                continue
            field = sobject.find(name)
            if field is None:
                lookup, value = self._by_external_id(sobject, name, raw)
                given[lookup.name] = value
                continue
            if not self._may_set(field, creating):
                read_only.append(field.name)
                continue
            given[field.name] = values.parse(field, raw, round_to_scale=self.org.now.round_to_scale)
        if read_only:
            text = (
                f"Unable to create/update fields: {', '.join(read_only)}. Please check the security settings of this "
                "field and verify that it is read/write for your profile or permission set."
            )
            raise FieldError("INVALID_FIELD_FOR_INSERT_UPDATE", text, read_only)
        return given

    def _may_set(self, field: Field, creating: bool) -> bool:
        if self._system and (field.name in SYSTEM_FIELDS or field.auto_number):
            return True
        return field.createable if creating else field.updateable

    def _by_external_id(self, sobject: SObject, name: str, raw: object) -> tuple[Field, str | None]:
        lookup = sobject.relationship(name)
        if lookup is None:
            raise ApiError(400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {sobject.name}")
        if raw is None:
            return lookup, None
        target = self.org.visible(lookup.reference_to[0])
        keys = [item for item in raw.items() if item[0].lower() != "attributes"] if isinstance(raw, dict) else []
        if target is None or len(keys) != 1:
            raise ApiError(400, "INVALID_FIELD", f"A foreign key reference needs one external id: {name}")
        field = target.find(keys[0][0])
        if field is None or not field.id_lookup:
            text = f"Foreign key external ID reference {keys[0][0]} is not an external id of {target.name}"
            raise ApiError(400, "INVALID_FIELD", text)
        found = self.org.find(target.name, field.name, values.parse(field, keys[0][1]))
        if found is None:
            text = f"Foreign key external ID: {keys[0][1]} not found for field {field.name} in entity {target.name}"
            raise FieldError("INVALID_FIELD", text)
        return lookup, str(found["Id"])

    def _check(self, sobject: SObject, record: Record, given: Record) -> None:
        self._guard(sobject, str(record["Id"]))
        self._derive(sobject, record)
        missing = [item.name for item in sobject.fields if _required(item) and record.get(item.name) is None]
        if missing:
            text = f"Required fields are missing: [{', '.join(missing)}]"
            raise FieldError("REQUIRED_FIELD_MISSING", text, missing)
        for name, value in given.items():
            field = sobject.find(name)
            assert field is not None
            if field.reference_to and isinstance(value, str):
                self._check_lookup(field, value)
            if field.unique and value is not None:
                self._check_unique(sobject, field, value, str(record["Id"]))

    def _check_lookup(self, field: Field, target_id: str) -> None:
        target = self.org.schema(field.reference_to[0])
        assert target is not None
        if target_id[:3] != target.prefix:
            text = f"{field.label}: id value of incorrect type: {target_id}"
            raise FieldError("FIELD_INTEGRITY_EXCEPTION", text, [field.name])
        found = self.org.record(target.name, target_id)
        if found is None or found["IsDeleted"]:
            code = "INVALID_CROSS_REFERENCE_KEY" if found is None else "ENTITY_IS_DELETED"
            raise FieldError(code, "invalid cross reference id" if found is None else "entity is deleted", [field.name])

    def _check_unique(self, sobject: SObject, field: Field, value: object, record_id: str) -> None:
        other = self.org.find(sobject.name, field.name, value)
        if other is not None and other["Id"] != record_id:
            text = f"duplicate value found: {field.name} duplicates value on record with id: {str(other['Id'])[:15]}"
            raise FieldError("DUPLICATE_VALUE", text)

    def _guard(self, sobject: SObject, record_id: str) -> None:
        behaviour = self.org.now
        if self._system:
            return
        if record_id in {to18(item) for item in behaviour.locked_records}:
            raise FieldError("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record")
        if message := behaviour.validation_rules.get(sobject.name):
            raise FieldError("FIELD_CUSTOM_VALIDATION_EXCEPTION", message)

    def _derive(self, sobject: SObject, record: Record) -> None:
        if sobject.name == "User":
            record["Name"] = " ".join(str(part) for part in (record["FirstName"], record["LastName"]) if part)
        if sobject.name == "TimeSheetEntry":
            start, end = record["StartTime"], record["EndTime"]
            spent = end - start if isinstance(start, datetime) and isinstance(end, datetime) else None
            record["DurationInMinutes"] = None if spent is None else spent // timedelta(minutes=1)

    def _clear_lookups(self, target: str, target_id: str) -> None:
        for sobject in self.org.tables:
            schema = self.org.schema(sobject)
            assert schema is not None
            pointing = [item for item in schema.fields if item.custom and item.reference_to == (target,)]
            for record in list(self.org.tables[sobject].values()):
                for field in pointing:
                    if record.get(field.name) == target_id:
                        self.org.cleared.setdefault(target_id, []).append((sobject, str(record["Id"]), field.name))
                        self._quietly(sobject, record | {field.name: None})

    def _quietly(self, sobject: str, record: Record) -> None:
        """A change the platform makes by itself: the modstamp moves, no event tells of it."""
        table = self.org.tables[sobject]
        record_id = str(record["Id"])
        self._undo.append((sobject, record_id, table.get(record_id)))
        self.org.put(sobject, record | {"SystemModstamp": self.org.time()})

    def _store(self, sobject: SObject, record: Record, kind: ChangeType) -> None:
        table = self.org.tables[sobject.name]
        record_id = str(record["Id"])
        before = table.get(record_id)
        self._undo.append((sobject.name, record_id, before))
        self.org.put(sobject.name, record)
        self.changes.append(Change(sobject.name, record_id, kind, dict(before or {}), dict(record)))


def _required(field: Field) -> bool:
    return not field.nillable and field.createable and field.default is None

"""Change events on the wire: one Avro schema per object and version, and the field bitmaps of its header.

Salesforce: "Change Event Fields", "Deserialize changed fields". Bit i of a bitmap stands for the i-th field of the
event's schema; `4-0x01` is a bitmap over the nested record at position 4.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import Any

import fastavro

from sandbox.salesforce.schema import Field, SObject

_TYPES = {"boolean": "boolean", "int": "int", "double": "double", "currency": "double", "percent": "double"}
_TYPES |= {"date": "long", "datetime": "long"}
CHANGE_TYPES = (
    "CREATE",
    "UPDATE",
    "DELETE",
    "UNDELETE",
    "GAP_CREATE",
    "GAP_UPDATE",
    "GAP_DELETE",
    "GAP_UNDELETE",
    "GAP_OVERFLOW",
    "SNAPSHOT",
)
_STRINGS = {"type": "array", "items": "string"}
HEADER = {
    "type": "record",
    "name": "ChangeEventHeader",
    "fields": [
        {"name": "entityName", "type": "string"},
        {"name": "recordIds", "type": _STRINGS},
        {"name": "changeType", "type": {"type": "enum", "name": "ChangeType", "symbols": list(CHANGE_TYPES)}},
        {"name": "changeOrigin", "type": "string"},
        {"name": "transactionKey", "type": "string"},
        {"name": "sequenceNumber", "type": "int"},
        {"name": "commitTimestamp", "type": "long"},
        {"name": "commitNumber", "type": "long"},
        {"name": "commitUser", "type": "string"},
        {"name": "nulledFields", "type": _STRINGS},
        {"name": "diffFields", "type": _STRINGS},
        {"name": "changedFields", "type": _STRINGS},
    ],
}


@dataclass(frozen=True)
class EventSchema:
    """One version of an object's change event: its id, its JSON, and where each record field stands."""

    id: str
    json: str
    positions: dict[str, tuple[int, int | None]]
    parsed: Any

    def encode(self, event: Mapping[str, object]) -> bytes:
        """The event's payload. Raises ValueError for what the schema cannot hold."""
        buffer = BytesIO()
        fastavro.schemaless_writer(buffer, self.parsed, event)
        return buffer.getvalue()

    def bitmaps(self, names: Iterable[str]) -> list[str]:
        """Field names, such as BillingStreet or Status__c, as the header's bitmaps."""
        places = [self.positions[name] for name in names if name in self.positions]
        return encode_bitmaps(places)


@lru_cache(maxsize=256)
def schema_of(sobject: SObject) -> EventSchema:
    """The change-event schema of an object as it is now."""
    fields: list[dict[str, object]] = [{"name": "ChangeEventHeader", "type": HEADER}]
    positions: dict[str, tuple[int, int | None]] = {}
    for field in sobject.fields:
        if not field.in_events:
            continue
        if not field.compound:
            positions[field.name] = (len(fields), None)
            fields.append(_nullable(field.name, _TYPES.get(field.type, "string"), _doc(field)))
            continue
        components = [item for item in sobject.fields if item.compound == field.compound]
        if field is components[0]:
            positions |= {item.name: (len(fields), index) for index, item in enumerate(components)}
            fields.append(_compound(field.compound, components))
    record = {"type": "record", "name": sobject.event_name, "namespace": "com.sforce.eventbus", "fields": fields}
    text = json.dumps(record, separators=(",", ":"))
    schema_id = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:16]).decode().rstrip("=")
    return EventSchema(schema_id, text, positions, fastavro.parse_schema(json.loads(text)))


def _nullable(name: str, kind: object, doc: str = "") -> dict[str, object]:
    return {"name": name, "type": ["null", kind], "doc": doc, "default": None}


def _compound(name: str, components: list[Field]) -> dict[str, object]:
    # Each compound field needs a record type of its own name: Avro allows a name to be defined once.
    inner = [_nullable(item.component, "string") for item in components]
    return _nullable(name, {"type": "record", "name": f"{name}Fields", "fields": inner}, "Data:Address")


def _doc(field: Field) -> str:
    return f"Data:{field.type.capitalize()}"


def encode_bitmaps(places: Iterable[tuple[int, int | None]]) -> list[str]:
    """(position, position inside a compound or None) as bitmaps: the plain ones first, then one per compound."""
    plain = 0
    nested: dict[int, int] = {}
    for position, inner in places:
        if inner is None:
            plain |= 1 << position
        else:
            nested[position] = nested.get(position, 0) | 1 << inner
    maps = [_hex(plain)] if plain else []
    return maps + [f"{position}-{_hex(bits)}" for position, bits in sorted(nested.items())]


def _hex(bits: int) -> str:
    digits = f"{bits:X}"
    return "0x" + digits.rjust(len(digits) + len(digits) % 2, "0")


def decode_bitmaps(schema_json: str, maps: Iterable[str]) -> list[str]:
    """The field names behind a header's bitmaps, compound ones as BillingAddress.Street."""
    fields = json.loads(schema_json)["fields"]
    names: list[str] = []
    for item in maps:
        parent, _, bits = item.rpartition("-")
        inner = _record_type(fields[int(parent)]["type"])["fields"] if parent else fields
        prefix = f"{fields[int(parent)]['name']}." if parent else ""
        value = int(bits, 16)
        names += [prefix + field["name"] for index, field in enumerate(inner) if value >> index & 1]
    return names


def _record_type(union: Any) -> Any:
    branches = union if isinstance(union, list) else [union]
    return next(branch for branch in branches if isinstance(branch, dict) and branch.get("type") == "record")

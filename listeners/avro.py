"""Event schemas of the Pub/Sub API: Avro decoding, and the bitmaps that name changed fields.

A bitmap is hexadecimal text. Bit i, counted from the least significant, stands for the i-th field of the event's own
schema; `4-0x01` is a bitmap over the nested record of field 4 (Salesforce: Pub/Sub API, event deserialization).
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any

import fastavro
from fastavro.types import Schema as AvroSchema

from worker.errors import ServiceError

BITMAP = re.compile(r"(?:(\d{1,9})-)?0[xX]([0-9a-fA-F]+)")


class Undecodable(ServiceError):  # noqa: N818 - it says what is wrong with an event
    """An event, or the schema it was written with, cannot be read."""


class SchemaUnreadable(Undecodable):
    """It is the schema that cannot be had or understood: no event written with it can be read."""


class EventSchema:
    """One version of an event's schema, known by its id."""

    def __init__(self, schema_id: str, text: str) -> None:
        """Raises `SchemaUnreadable` when `text` is no Avro record schema."""
        self.id = schema_id
        self._named: dict[str, Any] = {}
        try:
            self._parsed: AvroSchema = fastavro.parse_schema(json.loads(text), named_schemas=self._named)
        except Exception as error:  # whatever a broken schema makes json or fastavro raise
            raise SchemaUnreadable(
                f"The schema {schema_id} of the change events is not readable: {error!r}."
            ) from error
        self._fields = _record_fields(self._parsed, self._named)
        if not self._fields:
            raise SchemaUnreadable(f"The schema {schema_id} of the change events describes no record.")

    def decode(self, payload: bytes) -> dict[str, Any]:
        """The event's body. Raises `Undecodable`, also when bytes are left over: another schema wrote them."""
        stream = BytesIO(payload)
        try:
            body = fastavro.schemaless_reader(stream, self._parsed, None)
        except Exception as error:  # fastavro raises what the bytes lead it into: EOFError, IndexError, struct.error …
            raise Undecodable(f"An event does not fit its schema {self.id}: {error!r}.") from error
        if not isinstance(body, dict) or stream.tell() != len(payload):
            raise Undecodable(f"An event does not fit its schema {self.id}: it has another length.")
        return body

    def names(self, bitmaps: Iterable[str]) -> frozenset[str]:
        """The fields that `bitmaps` stand for, nested ones as `Parent.Child`.

        Text that is no bitmap is taken for a field's name; a bit beyond the schema is kept as `#bit`, because an event
        that changed something unknown must never pass for one that changed only what is known.
        """
        return frozenset(name for text in bitmaps for name in self._expand(text))

    def _expand(self, text: str) -> Iterator[str]:
        match = BITMAP.fullmatch(text.strip())
        if match is None:
            yield text
        elif match[1] is None:
            yield from _set_bits(match[2], self._fields, "")
        else:
            position = int(match[1])
            name, kind = self._fields[position] if position < len(self._fields) else (f"#{position}", None)
            yield from _set_bits(match[2], _nested(kind, self._named), f"{name}.")


def _set_bits(digits: str, fields: Sequence[tuple[str, Any]], prefix: str) -> Iterator[str]:
    bits = bin(int(digits, 16))[:1:-1]
    for position, bit in enumerate(bits):
        if bit == "1":
            yield prefix + (fields[position][0] if position < len(fields) else f"#{position}")


def _nested(kind: Any, named: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The fields of the record within a field's type: the type itself, or the first record of its union."""
    branches = kind if isinstance(kind, list) else [kind]
    return next((fields for branch in branches if (fields := _record_fields(branch, named))), [])


def _record_fields(kind: Any, named: Mapping[str, Any]) -> list[tuple[str, Any]]:
    resolved = named.get(kind) if isinstance(kind, str) else kind
    if not isinstance(resolved, dict) or not isinstance(resolved.get("fields"), list):
        return []
    return [(str(field["name"]), field["type"]) for field in resolved["fields"]]

"""What the org says about its objects and fields, as far as this user may see them."""

import time
from collections.abc import Awaitable, Callable

from msgspec import Struct

from worker.salesforce import soql
from worker.salesforce.transport import Transport


class PicklistValue(Struct, frozen=True):
    """A value of a picklist."""

    value: str
    active: bool = True


class Field(Struct, frozen=True, kw_only=True, rename="camel"):
    """A field, in Salesforce's words. `length` counts characters, `precision` digits, `scale` those after the point.

    `createable`, `updateable` and the presence of the field itself are as the integration user's permissions have them.
    """

    name: str
    type: str
    label: str = ""
    length: int = 0
    precision: int = 0
    scale: int = 0
    nillable: bool = True
    createable: bool = False
    updateable: bool = False
    calculated: bool = False
    filterable: bool = True
    external_id: bool = False
    unique: bool = False
    id_lookup: bool = False
    reference_to: tuple[str, ...] = ()
    relationship_name: str | None = None
    restricted_picklist: bool = False
    picklist_values: tuple[PicklistValue, ...] = ()


class Describe(Struct, frozen=True, kw_only=True, rename="camel"):
    """An object and the fields of it that the integration user can read."""

    name: str
    label: str = ""
    key_prefix: str | None = None
    custom: bool = False
    queryable: bool = True
    createable: bool = False
    updateable: bool = False
    replicateable: bool = False
    fields: tuple[Field, ...] = ()

    def field(self, name: str) -> Field | None:
        """A field by name, in any case."""
        wanted = name.lower()
        return next((field for field in self.fields if field.name.lower() == wanted), None)

    def lookup(self, relationship: str) -> Field | None:
        """The lookup behind a relationship name such as Project__r, in any case."""
        wanted = relationship.lower()
        return next((field for field in self.fields if (field.relationship_name or "").lower() == wanted), None)


class GlobalObject(Struct, frozen=True, kw_only=True, rename="camel"):
    """An object of the org, without its fields."""

    name: str
    label: str = ""
    key_prefix: str | None = None
    custom: bool = False
    queryable: bool = True
    createable: bool = False
    updateable: bool = False
    replicateable: bool = False


class _Global(Struct):
    sobjects: tuple[GlobalObject, ...]


Describer = Callable[[str], Awaitable[Describe]]


class Descriptions:
    """Reads descriptions, each at most once in `kept` seconds unless asked for a fresh one."""

    def __init__(self, transport: Transport, kept: float) -> None:
        self._transport, self._lasts = transport, kept
        self._kept: dict[str, tuple[float, Describe]] = {}

    async def __call__(self, sobject: str, *, fresh: bool = False) -> Describe:
        """Describe one object.

        Raises:
            MappingBroken: there is no such object, or the integration user may not see it.
        """
        key = soql.name(sobject).lower()
        read_at, kept = self._kept.get(key, (0.0, None))
        now = time.monotonic()
        if kept is not None and not fresh and now - read_at < self._lasts:
            return kept
        path = f"{self._transport.root}/sobjects/{sobject}/describe"
        answer = await self._transport.get(path, f"describe {sobject}", Describe)
        self._kept[key] = (now, answer.value)
        return answer.value

    async def all(self) -> tuple[GlobalObject, ...]:
        """Every object the integration user can see."""
        answer = await self._transport.get(f"{self._transport.root}/sobjects", "list the org's objects", _Global)
        return answer.value.sobjects

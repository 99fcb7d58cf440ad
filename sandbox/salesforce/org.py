"""The stand-in's org: objects, records, users, and what its API user may see of them."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from sandbox.clock import Clock
from sandbox.salesforce.ids import IdFactory, to18
from sandbox.salesforce.objects import COMPANY_CURRENCY, CURRENCIES, OBJECTS
from sandbox.salesforce.schema import Field, SObject
from sandbox.salesforce.switches import Behaviour, Switches

Record = dict[str, object]

ADMIN_ID = "005000000000001AAA"
ADMIN_USERNAME = "ada.whitfield@hourstream.example"
API_USER_ID = to18("005000000000002")
API_USERNAME = "integration@hourstream.example"
_ORGANIZATION = {"OrganizationType": "Unlimited Edition", "IsSandbox": True}
_RATES = {"GBP": "1", "EUR": "1.15", "USD": "1.27"}


class Org:
    """All state but sessions and events. Records are kept by object and 18-character id, in order of creation."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.switches = Switches()
        self.ids = IdFactory()
        self.id = to18("00D000000000hsS")
        self.url = ""
        self.tables: dict[str, dict[str, Record]] = {sobject.name: {} for sobject in OBJECTS}
        self.purged: dict[str, list[tuple[str, datetime]]] = {}
        self.cleared: dict[str, list[tuple[str, str, str]]] = {}
        self.numbers: dict[str, int] = {}
        self._index: dict[tuple[str, str, object], set[str]] = {}
        self._objects = {sobject.name.lower(): sobject for sobject in OBJECTS}
        self._furnish()

    @property
    def now(self) -> Behaviour:
        """The behaviour in force."""
        return self.switches.now

    def time(self) -> datetime:
        """The clock, cut to the second as the org stores times."""
        return self.clock.now().replace(microsecond=0)

    def schema(self, name: str) -> SObject | None:
        """An object as an administrator sees it, by name in any case."""
        sobject = self._objects.get(name.lower())
        if sobject is None:
            return None
        return sobject.having(
            tuple(_extra(item) for item in self.now.extra_fields if item.get("sobject") == sobject.name)
        ).without(frozenset() if self.now.multi_currency else frozenset({"CurrencyIsoCode"}))

    def visible(self, name: str) -> SObject | None:
        """An object as the API user sees it; None where it does not exist for them."""
        sobject = self.schema(name)
        if sobject is None or sobject.name in self.now.hidden_objects:
            return None
        prefix = f"{sobject.name}."
        return sobject.without(
            frozenset(item.removeprefix(prefix) for item in self.now.hidden_fields if item.startswith(prefix))
        )

    def visible_objects(self) -> Iterator[SObject]:
        """Every object the API user sees, in order."""
        for name in self.tables:
            if (sobject := self.visible(name)) is not None:
                yield sobject

    def by_prefix(self, record_id: str) -> SObject | None:
        """The object a record id belongs to."""
        return next((sobject for sobject in OBJECTS if sobject.prefix == record_id[:3]), None)

    def record(self, sobject: str, record_id: str) -> Record | None:
        """A record whether or not it is deleted; None where there never was one, or it is purged."""
        return self.tables[sobject].get(record_id)

    def readable(self, record: Record) -> bool:
        """Whether sharing lets the API user see the record."""
        return record["Id"] not in {to18(item) for item in self.now.unreadable_records}

    def follow(self, record: Record, lookup: Field) -> Record | None:
        """The record a lookup points at, as the API user sees it."""
        target = record.get(lookup.name)
        if not isinstance(target, str) or self.visible(lookup.reference_to[0]) is None:
            return None
        found = self.record(lookup.reference_to[0], target)
        return found if found is not None and self.readable(found) else None

    def put(self, sobject: str, record: Record) -> None:
        """Keep a record under its id; its unique values lead to it from now on."""
        self.tables[sobject][str(record["Id"])] = record
        for field in self._objects[sobject.lower()].keys:
            if (value := record.get(field.name)) is not None:
                self._index.setdefault((sobject, field.name, _folded(value)), set()).add(str(record["Id"]))

    def find(self, sobject: str, field: str, value: object) -> Record | None:
        """The live record with that id or unique value; text is compared without case."""
        wanted = _folded(value)
        candidates = {str(value)} if field == "Id" else self._index.get((sobject, field, wanted), set())
        for record_id in candidates:
            record = self.tables[sobject].get(record_id)
            # The index only ever grows: what it leads to may have changed, or be gone.
            if record is not None and not record["IsDeleted"] and _folded(record.get(field)) == wanted:
                return record
        return None

    def next_number(self, field: Field, sobject: str) -> str:
        """The next auto number of an object."""
        self.numbers[sobject] = self.numbers.get(sobject, 0) + 1
        return field.auto_number.format(self.numbers[sobject])

    def _furnish(self) -> None:
        """What every org has before anybody makes a record: itself, its currencies, and two users."""
        self._put("Organization", self.id, Name="Hourstream stand-in", **_ORGANIZATION)
        self._put("User", ADMIN_ID, **_user("Ada", "Whitfield", ADMIN_USERNAME, "awhit"))
        self._put("User", API_USER_ID, **_user("Hourstream", "Integration", API_USERNAME, "hours"))
        for code in CURRENCIES:
            own = {"IsoCode": code, "ConversionRate": Decimal(_RATES[code]), "DecimalPlaces": 2, "IsActive": True}
            self._put("CurrencyType", self.ids.next("01L"), **own, IsCorporate=code == COMPANY_CURRENCY)

    def _put(self, sobject: str, record_id: str, **values: object) -> None:
        now = self.time()
        stamps = {"CreatedDate": now, "LastModifiedDate": now, "SystemModstamp": now}
        people = {"CreatedById": ADMIN_ID, "LastModifiedById": ADMIN_ID}
        schema = self._objects[sobject.lower()]
        blank: Record = {item.name: item.default for item in schema.fields}
        self.put(sobject, blank | stamps | people | values | {"Id": record_id, "IsDeleted": False})


def _user(first: str, last: str, username: str, alias: str) -> Record:
    name = {"FirstName": first, "LastName": last, "Name": f"{first} {last}"}
    return name | {"Username": username, "Email": username, "Alias": alias, "IsActive": True}


def _folded(value: object) -> object:
    return value.casefold() if isinstance(value, str) else value


def _extra(item: dict[str, object]) -> Field:
    kind = str(item.get("type", "string"))
    length = int(str(item.get("length", 255))) if kind in {"string", "textarea"} else 0
    precision = 18 if kind in {"double", "currency"} else 0
    return Field(
        str(item["name"]), kind, str(item["name"]), length=length, precision=precision, scale=2 if precision else 0
    )

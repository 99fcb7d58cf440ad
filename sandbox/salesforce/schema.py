"""What an org is made of: objects and fields, with the attributes that describe, writes and change events need."""

from dataclasses import dataclass, field, replace

TEXT_TYPES = frozenset({"string", "textarea", "email", "phone", "url", "picklist"})
NUMBER_TYPES = frozenset({"double", "currency", "int", "percent"})


@dataclass(frozen=True)
class Field:
    """One field. `type` is describe's type name; `compound` names the compound field a component belongs to."""

    name: str
    type: str
    label: str = ""
    length: int = 0
    precision: int = 0
    scale: int = 0
    nillable: bool = True
    createable: bool = True
    updateable: bool = True
    reference_to: tuple[str, ...] = ()
    relationship: str | None = None
    external_id: bool = False
    unique: bool = False
    picklist: tuple[str, ...] = ()
    restricted: bool = False
    default: object = None
    auto_number: str = ""
    calculated: bool = False
    compound: str = ""
    in_events: bool = True

    @property
    def component(self) -> str:
        """A compound component's own name: Street of BillingStreet."""
        return self.name.removeprefix(self.compound.removesuffix("Address"))

    @property
    def custom(self) -> bool:
        """Whether an administrator made it."""
        return self.name.endswith("__c")

    @property
    def id_lookup(self) -> bool:
        """Whether records can be addressed by it."""
        return self.external_id or self.name == "Id"

    @property
    def filterable(self) -> bool:
        """Long text cannot stand in a WHERE clause."""
        return not (self.type == "textarea" and self.length > 255)


@dataclass(frozen=True)
class SObject:
    """One object: key prefix, labels and its fields in describe order."""

    name: str
    prefix: str
    label: str
    plural: str
    fields: tuple[Field, ...]
    createable: bool = True
    index: dict[str, Field] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        self.index.update({item.name.lower(): item for item in self.fields})

    @property
    def keys(self) -> tuple[Field, ...]:
        """The fields whose values lead to one record."""
        return tuple(item for item in self.fields if item.unique or item.external_id)

    @property
    def custom(self) -> bool:
        """Whether an administrator made it."""
        return self.name.endswith("__c")

    @property
    def event_name(self) -> str:
        """Its change event: TimeEntry__ChangeEvent for TimeEntry__c, AccountChangeEvent for Account."""
        return f"{self.name.removesuffix('__c')}__ChangeEvent" if self.custom else f"{self.name}ChangeEvent"

    def find(self, name: str) -> Field | None:
        """A field by name, in any case."""
        return self.index.get(name.lower())

    def relationship(self, name: str) -> Field | None:
        """The lookup behind a relationship name such as Project__r, in any case."""
        wanted = name.lower()
        return next((item for item in self.fields if (item.relationship or "").lower() == wanted), None)

    def without(self, hidden: frozenset[str]) -> "SObject":
        """The object as a user sees it who may not read those fields."""
        if not hidden:
            return self
        fields = tuple(item for item in self.fields if item.name not in hidden)
        return replace(self, fields=fields, index={})

    def having(self, extra: tuple[Field, ...]) -> "SObject":
        """The object after an administrator added fields."""
        return replace(self, fields=self.fields + extra, index={}) if extra else self


def text(name: str, length: int = 255, label: str = "", **more: object) -> Field:
    """A text field of at most that many characters."""
    return _field(name, "string", label, length=length, **more)


def long_text(name: str, length: int = 32768, label: str = "") -> Field:
    """A long text area."""
    return _field(name, "textarea", label, length=length)


def number(name: str, precision: int = 18, scale: int = 2, label: str = "", **more: object) -> Field:
    """A number of `precision` digits, `scale` of them after the point."""
    return _field(name, "double", label, precision=precision, scale=scale, **more)


def currency(name: str, scale: int = 4, label: str = "") -> Field:
    """An amount in the record's CurrencyIsoCode."""
    return _field(name, "currency", label, precision=18, scale=scale)


def checkbox(name: str, default: bool = False, label: str = "", **more: object) -> Field:
    """True or false, never empty."""
    return _field(name, "boolean", label, nillable=False, default=default, **more)


def picklist(name: str, values: tuple[str, ...], default: str | None = None, label: str = "", **more: object) -> Field:
    """One of a restricted list."""
    return _field(name, "picklist", label, length=255, picklist=values, restricted=True, default=default, **more)


def lookup(name: str, target: str, label: str = "", **more: object) -> Field:
    """A reference; its relationship is Project__r for Project__c, Owner for OwnerId."""
    relationship = name.removesuffix("__c") + "__r" if name.endswith("__c") else name.removesuffix("Id")
    return _field(name, "reference", label, length=18, reference_to=(target,), relationship=relationship, **more)


def plain(name: str, kind: str, label: str = "", **more: object) -> Field:
    """A field of any other type."""
    return _field(name, kind, label, **more)


def _field(name: str, kind: str, label: str, **more: object) -> Field:
    words = label or name.removesuffix("__c").replace("_", " ")
    return replace(Field(name, kind, words), **more)  # type: ignore[arg-type]  # the callers above name real fields

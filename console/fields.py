"""What a person chooses from when they map time: the org's objects, their fields, and the ways to a Xero contact."""

import re
from collections.abc import AsyncIterator
from typing import Final

from msgspec import Struct

from worker.context import Context
from worker.salesforce.describe import Describe, Field, GlobalObject
from worker.salesforce.errors import InvalidSoql, SalesforceError
from worker.setup.suggest import NUMBERS, TEXTS, suggestions

OBJECTS: Final = 25  # shown at once
FOLLOWED: Final = 8  # lookups whose objects are described, of one object
QUANTITY: Final = ("hours", "minutes", "start", "end")  # names that say how long; one way of them is mapped
TIMELIKE: Final = re.compile(r"time|hours|timecard|worklog|(^|_)tt(_|$)", re.IGNORECASE)
_NOT_TIME: Final = re.compile(r"(History|Share|Feed|ChangeEvent|Tag|__mdt|__e|__b|__x|__kav)$")
_SYSTEM: Final = frozenset({"Id", "IsDeleted", "SystemModstamp", "CreatedById", "LastModifiedById"})
_CONTACT_FIELDS: Final = {"email": "EmailAddress", "status": "ContactStatus", "accountnumber": "AccountNumber"}
KINDS: Final = {  # what a field of a form takes, in describe's types
    "number": NUMBERS | {"long"},
    "day": frozenset({"date", "datetime"}),
    "time": frozenset({"datetime", "time"}),
    "lookup": frozenset({"reference", "id", *TEXTS}),
    "text": TEXTS | {"email", "phone", "url", "encryptedstring"},
    "tick": frozenset({"boolean"}),
    "state": TEXTS | {"boolean"},
}


class Option(Struct, frozen=True, kw_only=True):
    """A field to choose: its path as the setup file has it, as people know it, and its type in describe's words."""

    path: str
    label: str
    type: str


# ---- the object ----------------------------------------------------------------------------------------------------


async def objects(ctx: Context, text: str = "") -> list[GlobalObject]:
    """The org's objects whose name or label contains `text`; without, those that sound like time. The likelier first.

    Raises Salesforce's errors.
    """
    wanted = text.strip().casefold()
    found = [each for each in await ctx.salesforce.describe_global() if _can_hold_time(each)]
    if wanted:
        found = [each for each in found if wanted in f"{each.name} {each.label}".casefold()]
    else:
        found = [each for each in found if TIMELIKE.search(each.name) or TIMELIKE.search(each.label)]
    return sorted(found, key=lambda each: (not TIMELIKE.search(each.name), not each.custom, each.label.casefold()))


def _can_hold_time(each: GlobalObject) -> bool:
    return each.queryable and not _NOT_TIME.search(each.name)


# ---- fields --------------------------------------------------------------------------------------------------------


async def options(ctx: Context, sobject: str) -> list[Option]:
    """The fields of the object, and those one lookup away. Raises Salesforce's errors."""
    shape = await ctx.salesforce.describe(sobject)
    found = [Option(path=field.name, label=field.label or field.name, type=field.type) for field in _fields(shape)]
    async for lookup, target in followed(ctx, shape):
        for field in filter(_worth_a_path, _fields(target)):
            label = f"{lookup.label or lookup.name} › {field.label or field.name}"
            found.append(Option(path=f"{lookup.relationship_name}.{field.name}", label=label, type=field.type))
    return found


async def likely(ctx: Context, sobject: str) -> dict[str, list[str]]:
    """For each mapped name the fields that could be it by their name and type, the likeliest first.

    Raises Salesforce's errors.
    """
    shape = await ctx.salesforce.describe(sobject)
    return {name: [each.path for each in found] for name, found in suggestions(shape).items()}


def _fields(shape: Describe) -> list[Field]:
    return [field for field in shape.fields if field.name not in _SYSTEM]


def _worth_a_path(field: Field) -> bool:
    """Of a related object its name and what was added to it; whoever needs another field types its path."""
    return field.name.endswith(("__c", "Name", "Number"))


async def followed(ctx: Context, shape: Describe) -> AsyncIterator[tuple[Field, Describe]]:
    """The object's lookups with what they lead to; what the integration user cannot see is left out."""
    lookups = [field for field in _fields(shape) if field.relationship_name and field.reference_to]
    for lookup in lookups[:FOLLOWED]:
        target = "User" if "User" in lookup.reference_to else lookup.reference_to[0]  # an owner may be a queue too
        try:
            yield lookup, await ctx.salesforce.describe(target)
        except SalesforceError:
            continue


async def there(ctx: Context, sobject: str, path: str) -> bool:
    """Whether the org has this path, as far as the integration user sees. Raises nothing: what cannot be told is no."""
    try:
        await ctx.salesforce.walk(sobject, path)
    except (SalesforceError, InvalidSoql):
        return False
    return True


# ---- the way to a Xero contact -------------------------------------------------------------------------------------


async def contact_paths(ctx: Context, sobject: str) -> list[Option]:
    """Paths that look like a Xero ContactID, the shortest first. Raises Salesforce's errors."""
    shape = await ctx.salesforce.describe(sobject)
    near = [pair async for pair in followed(ctx, shape)]
    found = _contact_options(shape)
    for lookup, target in near:
        found += _contact_options(target, lookup)
    for lookup, target in near:
        async for further, last in followed(ctx, target):
            found += _contact_options(last, lookup, further)
    return list({option.path: option for option in found}.values())


def _contact_options(shape: Describe, *lookups: Field) -> list[Option]:
    """The fields of an object that hold a ContactID, with the way over these lookups."""
    way = "".join(f"{lookup.relationship_name}." for lookup in lookups)
    words = "".join(f"{lookup.label or lookup.name} › " for lookup in lookups)
    return [
        Option(path=f"{way}{field.name}", label=f"{words}{field.label or field.name}", type=field.type)
        for field in shape.fields
        if _contact_id(shape, field)
    ]


def _contact_id(shape: Describe, field: Field) -> bool:
    """A text that is called after Xero, or is the contact's id on an object that is."""
    if field.type != "string":
        return False
    own = f"{field.name} {field.label}".casefold().replace("_", "").replace(" ", "")
    return "contactid" in own and "xero" in f"{own} {shape.name.casefold()}"


async def lookups(ctx: Context, sobject: str) -> list[Option]:
    """The lookups whose records can be linked to Xero contacts here. Raises Salesforce's errors."""
    shape = await ctx.salesforce.describe(sobject)
    wanted = [field for field in _fields(shape) if field.type == "reference" and field.reference_to]
    return [
        Option(path=field.name, label=field.label or field.name, type=field.type)
        for field in wanted
        if not set(field.reference_to) & {"User", "Group", "RecordType"}
    ]


# ---- where Xero contacts land ----------------------------------------------------------------------------------------


async def contact_objects(ctx: Context) -> list[GlobalObject]:
    """Objects that Xero contacts may be written to by their name. Raises Salesforce's errors."""
    every = await ctx.salesforce.describe_global()
    return [each for each in every if "xero" in each.name.casefold() and each.custom and _can_hold_time(each)]


def external_ids(shape: Describe) -> list[str]:
    """The fields by which its records can be upserted."""
    return [field.name for field in shape.fields if field.external_id and field.unique and field.type == "string"]


def contact_fields(shape: Describe) -> dict[str, str]:
    """Which Xero field goes to which of the object's, by name."""
    found = {"Name": "Name"} if (name := shape.field("Name")) and name.updateable else {}
    for field in shape.fields:
        plain = field.name.removesuffix("__c").replace("_", "").casefold()
        if field.updateable and plain in _CONTACT_FIELDS and field.type in ("string", "email", "picklist"):
            found[field.name] = _CONTACT_FIELDS[plain]
    return found

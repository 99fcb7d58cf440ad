"""A whole mapping to begin with, from a preset and from what fields are called; a person checks it."""

from typing import Any, Final

from console.drafting import Changes, differences
from console.editing import Path
from console.fields import QUANTITY, contact_fields, contact_objects, contact_paths, external_ids, followed, there
from worker.context import Context
from worker.salesforce.describe import Describe
from worker.setup.presets import PRESETS
from worker.setup.suggest import suggestions

_DIRECT: Final = ("hours", "minutes", "start", "end", "worked_on", "person", "project", "description", "billable")


async def mapping(ctx: Context, sobject: str, *, contacts: bool) -> Changes:
    """Everything of `[source]` that can be guessed for this object, in place of what was there; of `[contacts]` too
    where `contacts`.

    A preset for the object comes first, as far as the org has its fields. Raises Salesforce's errors.
    """
    shape = await ctx.salesforce.describe(sobject, fresh=True)
    preset = await _of_preset(ctx, shape.name)
    said = {path[-1] for path in preset if path[:2] == ("source", "fields")}
    guessed = await _guessed(ctx, shape)
    if said & set(QUANTITY):
        guessed = {name: path for name, path in guessed.items() if name not in QUANTITY}
    found: dict[Path, Any] = {("source",): None, ("source", "sobject"): shape.name}
    found |= {("source", "fields", name): path for name, path in guessed.items()}
    found |= {("source", "fields", "rates"): await _rates(ctx, shape)} | preset
    return found | (await _contacts(ctx) if contacts else {})


async def _guessed(ctx: Context, shape: Describe) -> dict[str, str]:
    near = suggestions(shape)
    found = {name: near[name][0].path for name in _DIRECT if near[name]}
    if "hours" in found:
        found = {name: path for name, path in found.items() if name not in ("minutes", "start", "end")}
    elif "minutes" in found or not {"start", "end"} <= found.keys():
        found = {name: path for name, path in found.items() if name not in ("start", "end")}
    for name in ("person", "project"):
        if name in found and (readable := await _name_of(ctx, shape, found[name])):
            found[f"{name}_name"] = readable
    if shape.field("CurrencyIsoCode"):
        found["currency"] = "CurrencyIsoCode"
    ways = await contact_paths(ctx, shape.name)
    if ways:
        found["xero_contact"] = ways[0].path
    elif "project" in found:
        found["xero_contact"] = f"link({found['project']})"
    return found


async def _name_of(ctx: Context, shape: Describe, lookup: str) -> str:
    field = shape.field(lookup)
    path = f"{field.relationship_name}.Name" if field and field.relationship_name else ""
    return path if path and await there(ctx, shape.name, path) else ""


async def _rates(ctx: Context, shape: Describe) -> list[str]:
    """The entry's own rate, the people's, the project's."""
    found = [*(each.path for each in suggestions(shape)["rate"][:1]), "people"]
    async for lookup, target in followed(ctx, shape):
        if "User" not in lookup.reference_to:
            found += [f"{lookup.relationship_name}.{each.path}" for each in suggestions(target)["rate"][:1]]
    return found


async def _of_preset(ctx: Context, sobject: str) -> dict[Path, Any]:
    """What a preset says of this object, without what the org does not have."""
    for preset in PRESETS:
        said = differences("", preset.text)
        if said.get(("source", "sobject")) == sobject:
            return {path: value for path, value in said.items() if await _fits(ctx, sobject, path, value, said)}
    return {}


async def _fits(ctx: Context, sobject: str, path: tuple[str, ...], value: Any, said: dict[Path, Any]) -> bool:
    match path:
        case ("source", "fields", "rates"):
            return all([each == "people" or await there(ctx, sobject, each) for each in value])
        case ("source", "approved", _):
            return await there(ctx, sobject, str(said["source", "approved", "field"]))
        case ("source", "fields" | "write_back", _):
            return await there(ctx, sobject, str(value))
        case _:
            return False


async def _contacts(ctx: Context) -> dict[Path, Any]:
    """Where Xero contacts may land: an object called after Xero with a unique external id for the ContactID."""
    for each in await contact_objects(ctx):
        shape = await ctx.salesforce.describe(each.name)
        ids = external_ids(shape)
        if not ids:
            continue
        found: dict[Path, Any] = {("contacts", "sobject"): shape.name, ("contacts", "external_id"): ids[0]}
        return found | {("contacts", "fields", name): value for name, value in contact_fields(shape).items()}
    return {}

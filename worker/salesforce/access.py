"""Whether the integration user can read and write what the setup maps: found by walking each path through describe."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from worker.salesforce import soql
from worker.salesforce.describe import Describe, Describer, Field
from worker.salesforce.errors import InvalidSoql, MappingBroken


class Step(Struct, frozen=True):
    """One part of a path: a field of an object. All but the last are lookups."""

    sobject: str
    field: Field


class Finding(Struct, frozen=True):
    """Something the integration user lacks: the path as the setup has it, what is wrong, what to do."""

    path: str
    what: str
    remedy: str


_HIDDEN = "Correct the name, or give the integration user read access to the field (field-level security)."
_EDIT = "Give the integration user edit access to the field (field-level security), or map another one."


async def walk(describe: Describer, sobject: str, path: str) -> tuple[Step, ...]:
    """The fields a path goes over: `Project__r.Name` is the lookup Project__c, then Name of the project.

    A lookup to several objects (an owner is a user or a queue) is followed to the first that has the rest.

    Raises:
        InvalidSoql: the text is no path.
        MappingBroken: a part of it is not there, or hidden from the integration user; says which.
    """
    head, _, rest = soql.path(path).partition(".")
    described = await describe(sobject)
    if not rest:
        return (Step(described.name, _field(described, head)),)
    lookup = described.lookup(head)
    if lookup is None:
        raise MappingBroken(f"{described.name} has no relationship {head}.", _relation_remedy(described, head))
    return (Step(described.name, lookup), *await _first_that_has(describe, lookup, rest))


async def _first_that_has(describe: Describer, lookup: Field, rest: str) -> tuple[Step, ...]:
    problem = MappingBroken(f"{lookup.name} refers to nothing that can be read.", _HIDDEN)
    for target in lookup.reference_to:
        try:
            return await walk(describe, target, rest)
        except MappingBroken as error:
            problem = error
    raise problem


def _field(described: Describe, name: str) -> Field:
    found = described.field(name)
    if found is None:
        raise MappingBroken(f"{described.name} has no field {name}, or hides it.", _HIDDEN, fields=(name,))
    return found


def _relation_remedy(described: Describe, name: str) -> str:
    field = described.field(name)
    if field is not None and field.relationship_name:
        return f"Write {field.relationship_name} to go over the lookup {field.name}."
    return _HIDDEN


async def objects_on(describe: Describer, sobject: str, paths: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The related objects that paths read, each with the lookups that lead to it: what a change there may affect.

    `{"Project__c": ("Project__r",), "Account": ("Project__r.Account__r",)}`
    """
    found: dict[str, dict[str, None]] = {}
    for path in paths:
        parts = path.split(".")
        steps = await walk(describe, sobject, path)
        for depth, step in enumerate(steps[1:], start=1):
            found.setdefault(step.sobject, {})[".".join(parts[:depth])] = None
    return {name: tuple(lookups) for name, lookups in found.items()}


async def check_access(
    describe: Describer, sobject: str, *, read: Sequence[str] = (), edit: Sequence[str] = (), create: Sequence[str] = ()
) -> list[Finding]:
    """Everything that hinders reading these paths, editing these fields, creating records with these fields.

    Raises:
        SalesforceError: Salesforce cannot be asked; a missing object is a finding.
    """
    try:
        described = await describe(sobject)
    except MappingBroken as error:
        return [Finding(sobject, error.what, error.remedy)]
    findings = _object_findings(described, bool(edit), bool(create))
    for path in read:
        findings += await _path_findings(describe, sobject, path)
    findings += [finding for name in edit for finding in _write_findings(described, name, "updateable")]
    findings += [finding for name in create for finding in _write_findings(described, name, "createable")]
    return findings


def _object_findings(described: Describe, edit: bool, create: bool) -> list[Finding]:
    wanted = [("read", described.queryable), ("edit", described.updateable or not edit)]
    wanted.append(("create", described.createable or not create))
    return [
        Finding(
            described.name,
            f"The integration user may not {verb} {described.label or described.name}.",
            f"Give it the object permission to {verb} it, in a permission set.",
        )
        for verb, permitted in wanted
        if not permitted
    ]


async def _path_findings(describe: Describer, sobject: str, path: str) -> list[Finding]:
    try:
        await walk(describe, sobject, path)
    except (MappingBroken, InvalidSoql) as error:
        return [Finding(path, error.what, error.remedy)]
    return []


def _write_findings(described: Describe, name: str, permission: str) -> list[Finding]:
    field = described.field(name)
    if field is None:
        return [Finding(name, f"{described.name} has no field {name}, or hides it.", _HIDDEN)]
    if field.calculated:
        return [Finding(name, f"{described.name}.{name} is a formula: nothing can be written to it.", "Map another.")]
    if not getattr(field, permission):
        return [Finding(name, f"The integration user may not write {described.name}.{name}.", _EDIT)]
    return []


async def check_external_id(describe: Describer, sobject: str, name: str) -> list[Finding]:
    """Whether records can be upserted by this field: it must be an External ID, and unique."""
    described = await describe(sobject)
    field = described.field(name)
    if field is None:
        return [Finding(name, f"{described.name} has no field {name}, or hides it.", _HIDDEN)]
    if not field.external_id:
        return [Finding(name, f"{described.name}.{name} is not an External ID.", "Tick External ID on the field.")]
    if not field.unique:
        text = f"{described.name}.{name} is not unique: two records could claim one Xero contact."
        return [Finding(name, text, "Tick Unique on the field.")]
    return []

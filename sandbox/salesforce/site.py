"""A small site over the org: look at records, log time, change and delete, as a person does in the browser."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
from aiohttp import web

from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.forms import inputs, label_of, read_form
from sandbox.salesforce.ids import MalformedIdError, to18
from sandbox.salesforce.org import ADMIN_ID, Org, Record
from sandbox.salesforce.schema import NUMBER_TYPES, Field, SObject
from sandbox.salesforce.state import STATE, UI_ORIGIN, State

MENU = ("TimeEntry__c", "Project__c", "Xero_Contact__c", "Account", "User")
SHOWN_ROWS = 500
SHOWN_COLUMNS = 9
TEMPLATES = Path(__file__).parent / "templates"
_PAGES = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True)
_PAGES.filters["label"] = label_of
_SAFETY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
Cell = tuple[Field, str, str]
routes = web.RouteTableDef()


@routes.get("/style.css")
async def style(request: web.Request) -> web.Response:
    """The one style sheet."""
    return web.Response(text=(TEMPLATES / "style.css").read_text(), content_type="text/css")


@routes.get("/")
async def home(request: web.Request) -> web.Response:
    """All objects with their number of records."""
    org = request.app[STATE].org
    shown = [item for name in org.tables if (item := org.schema(name)) is not None]
    counts = [(item, sum(not row["IsDeleted"] for row in org.tables[item.name].values())) for item in shown]
    return _page(request, "objects.html", objects=counts)


@routes.get("/lightning/o/{object}/list")
async def records(request: web.Request) -> web.Response:
    """An object's records, the newest first."""
    org, sobject = request.app[STATE].org, _object(request)
    live = [row for row in reversed(org.tables[sobject.name].values()) if not row["IsDeleted"]]
    columns = _columns(sobject)
    rows = [(row, [_cell(org, field, row) for field in columns]) for row in live[:SHOWN_ROWS]]
    hidden = len(live) - len(rows)
    return _page(request, "records.html", sobject=sobject, columns=columns, rows=rows, hidden=hidden)


@routes.get("/lightning/r/{object}/{id}/view")
async def record(request: web.Request) -> web.Response:
    """One record with all its fields."""
    org, sobject = request.app[STATE].org, _object(request)
    row = _record(request, sobject)
    cells = [_cell(org, field, row) for field in sobject.fields if field.name != "IsDeleted"]
    return _page(
        request,
        "record.html",
        sobject=sobject,
        record=row,
        cells=cells,
        title=f"{sobject.label} {name_of(row)}",
        deleted=row["IsDeleted"],
        changeable=sobject.createable,
    )


@routes.get("/{id:[0-9A-Za-z]{15}|[0-9A-Za-z]{18}}")
async def by_id(request: web.Request) -> web.Response:
    """The short address of a record, as in a real org."""
    record_id = request.match_info["id"]
    sobject = request.app[STATE].org.by_prefix(record_id)
    if sobject is None:
        raise web.HTTPNotFound(text="There is no such record.")
    raise web.HTTPFound(f"/lightning/r/{sobject.name}/{record_id}/view")


@routes.get("/lightning/o/{object}/new")
async def new(request: web.Request) -> web.Response:
    """An empty form."""
    sobject = _object(request)
    return _form(request, sobject, _fresh(request.app[STATE].org, sobject), creating=True)


@routes.post("/lightning/o/{object}/new")
async def create(request: web.Request) -> web.Response:
    """Insert what the form says."""
    state, sobject = request.app[STATE], _object(request)
    body = await _posted(request, sobject, creating=True)
    transaction = state.begin(ADMIN_ID)
    try:
        record_id = transaction.create(sobject, body)
    except ApiError as error:
        return _form(request, sobject, body, creating=True, problem=error.message)
    state.commit(transaction, UI_ORIGIN)
    raise web.HTTPSeeOther(f"/lightning/r/{sobject.name}/{record_id}/view")


@routes.get("/lightning/r/{object}/{id}/edit")
async def edit(request: web.Request) -> web.Response:
    """The form with the record's values."""
    sobject = _object(request)
    return _form(request, sobject, _record(request, sobject), creating=False)


@routes.post("/lightning/r/{object}/{id}/edit")
async def update(request: web.Request) -> web.Response:
    """Store what changed."""
    state, sobject = request.app[STATE], _object(request)
    row = _record(request, sobject)
    body = await _posted(request, sobject, creating=False)
    transaction = state.begin(ADMIN_ID)
    try:
        transaction.update(sobject, str(row["Id"]), body)
    except ApiError as error:
        return _form(request, sobject, row | body, creating=False, problem=error.message)
    state.commit(transaction, UI_ORIGIN)
    raise web.HTTPSeeOther(f"/lightning/r/{sobject.name}/{row['Id']}/view")


@routes.post("/lightning/r/{object}/{id}/delete")
async def delete(request: web.Request) -> web.Response:
    """Into the recycle bin."""
    _same_site(request)
    state, sobject = request.app[STATE], _object(request)
    row = _record(request, sobject)
    transaction = state.begin(ADMIN_ID)
    try:
        transaction.delete(sobject, str(row["Id"]))
    except ApiError as error:
        raise web.HTTPConflict(text=error.message) from error
    state.commit(transaction, UI_ORIGIN)
    raise web.HTTPSeeOther(f"/lightning/o/{sobject.name}/list")


def name_of(row: Record) -> str:
    """What people call a record."""
    for name in ("Name", "IsoCode", "WorkOrderNumber", "TimeSheetNumber", "TimeSheetEntryNumber"):
        if row.get(name):
            return str(row[name])
    return str(row["Id"])


def _page(request: web.Request, template: str, **values: Any) -> web.Response:
    state: State = request.app[STATE]
    org = state.org
    menu = [item for name in MENU if (item := org.schema(name)) is not None]
    frame = {"menu": menu, "org_name": org.tables["Organization"][org.id]["Name"], "numbers": NUMBER_TYPES}
    text = _PAGES.get_template(template).render({"sobject": None} | frame | values)
    return web.Response(text=text, content_type="text/html", headers=_SAFETY)


def _form(
    request: web.Request, sobject: SObject, values: Mapping[str, object], *, creating: bool, problem: str = ""
) -> web.Response:
    org = request.app[STATE].org
    title = f"{'New' if creating else 'Edit'} {sobject.label.lower()}"
    if creating and sobject.name == "TimeEntry__c":
        title = "Log time"
    back = f"/lightning/o/{sobject.name}/list" if creating else f"/lightning/r/{sobject.name}/{values['Id']}/view"
    shown = inputs(sobject, values, lambda target: _choices(org, target), creating=creating)
    return _page(request, "form.html", sobject=sobject, title=title, inputs=shown, back=back, problem=problem)


async def _posted(request: web.Request, sobject: SObject, *, creating: bool) -> dict[str, object]:
    _same_site(request)
    form = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    return read_form(sobject, form, creating=creating)


def _same_site(request: web.Request) -> None:
    """Another site's page in the same browser must not write here."""
    if request.headers.get("Sec-Fetch-Site", "none") not in {"same-origin", "none"}:
        raise web.HTTPForbidden(text="Only this site's own forms may write.")


def _fresh(org: Org, sobject: SObject) -> dict[str, object]:
    values: dict[str, object] = {field.name: field.default for field in sobject.fields}
    values["OwnerId"] = ADMIN_ID
    if sobject.name == "TimeEntry__c":
        values |= {"Work_Date__c": org.clock.now().date(), "Billable__c": True, "Status__c": "Approved"}
    return values


def _choices(org: Org, target: str) -> list[tuple[str, str]]:
    rows = [row for row in org.tables[target].values() if not row["IsDeleted"]]
    return sorted(((str(row["Id"]), name_of(row)) for row in rows), key=lambda choice: choice[1].casefold())


def _object(request: web.Request) -> SObject:
    found = request.app[STATE].org.schema(request.match_info["object"])
    if found is None:
        raise web.HTTPNotFound(text="There is no such object.")
    return found


def _record(request: web.Request, sobject: SObject) -> Record:
    try:
        row = request.app[STATE].org.record(sobject.name, to18(request.match_info["id"]))
    except MalformedIdError:
        row = None
    if row is None:
        raise web.HTTPNotFound(text="There is no such record.")
    return row


def _columns(sobject: SObject) -> list[Field]:
    name = sobject.find("Name") or next(field for field in sobject.fields if field.auto_number or field.name == "Id")
    wanted: Iterable[Field] = (
        field
        for field in sobject.fields
        if field.filterable and (field.custom or field.name in {"OwnerId", "Email", "Phone", "IsActive", "Status"})
    )
    return [name, *wanted][:SHOWN_COLUMNS] if sobject.name != "TimeEntry__c" else _time_columns(sobject)


def _time_columns(sobject: SObject) -> list[Field]:
    names = ("Name", "Work_Date__c", "OwnerId", "Project__c", "Hours__c", "Billable__c", "Status__c")
    billing = ("Xero_Invoice_Number__c", "Xero_Invoice_Status__c", "Xero_Problem__c")
    return [field for name in names + billing if (field := sobject.find(name)) is not None]


def _cell(org: Org, field: Field, row: Record) -> Cell:
    value = row.get(field.name)
    if field.reference_to and isinstance(value, str):
        target = org.record(field.reference_to[0], value)
        return field, name_of(target) if target else value, f"/lightning/r/{field.reference_to[0]}/{value}/view"
    return field, _text(value), ""


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "Yes" if value else "No"
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M:%S UTC")
        case _:
            return str(value)

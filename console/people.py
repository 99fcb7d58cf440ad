"""TimeTracker users: whose time is sent to Xero, at what rate, and what a change of that would do."""

import csv
import io
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

import msgspec

from console import readmodel, weighing
from console.editing import PersonRow, people_of, with_people
from worker.applying import apply_setup
from worker.billing.brake import Effect
from worker.billing.rates import rows_on, same_id
from worker.context import Context, Loaded
from worker.errors import ConfigurationError, HourstreamError, ServiceError
from worker.salesforce import soql
from worker.salesforce.ids import id18, is_id
from worker.setup import parse

Weigh = Callable[[Context, str], Awaitable[Effect]]  # what a setup's text would do to drafts

COLUMNS = ("id", "name", "rate", "currency", "from", "bill")
USERS = ("Id", "Name", "IsActive")


class PersonView(msgspec.Struct, frozen=True, kw_only=True):
    """One person. `rate` is today's in the setup ("" where it gives none: the entry or project may have one)."""

    id: str
    name: str
    bill: bool
    rate: str = ""
    currency: str = ""
    since: str = ""
    source: str = ""  # "people", "default_rate", or "" where no rate of theirs is in force
    unbilled_hours: str = "0"
    active: bool | None = None  # in Salesforce; None: not a user, or not asked
    seen: bool = True  # logged time since the start
    rates: int = 0  # rows in the setup


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What would be saved: the setup's text, the version it was made from, and what it does to drafts."""

    text: str
    version: int
    effect: Effect


class CsvRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of an imported file; `problem` is "" where it can be used."""

    line: int
    row: PersonRow | None
    problem: str = ""


async def people(ctx: Context, *, ask: bool = True) -> list[PersonView]:
    """Everybody who logged time since the start, and everybody the setup names; by name.

    `ask`: whether Salesforce is asked who is active there. Raises `ConfigurationError` without a setup.
    """
    loaded, text, _ = await _setup(ctx)
    seen, listed = await ctx.store.timekeepers.all(), people_of(text)
    ids = dict.fromkeys([*(_full(each) for each in seen), *(_full(row.id) for row in listed)])
    users = await _users(ctx, list(ids)) if ask else {}
    unbilled = await _unbilled(ctx)
    names = {_full(id_): name for id_, name in seen.items()}
    views = [_view(id_, loaded, names, users, unbilled, listed) for id_ in ids]
    return sorted(views, key=lambda view: (view.name.casefold() or "~", view.id))


async def found_users(ctx: Context, text: str, count: int = 20) -> list[PersonView]:
    """Active Salesforce users whose name contains this text, to be added. Raises Salesforce's errors."""
    wanted = text.strip().replace("\\", "").replace("%", "").replace("_", " ")
    if not wanted:
        return []
    where = f"IsActive = true AND Name LIKE {soql.quote(f'%{wanted}%')}"
    query = soql.select("User", USERS, where, order="Name", limit=count)
    rows = [row async for page in ctx.salesforce.query(query) for row in page]
    return [PersonView(id=str(row["Id"]), name=str(row["Name"]), bill=True, active=True, seen=False) for row in rows]


async def changed(
    ctx: Context,
    rows: Sequence[PersonRow],
    *,
    removed: Sequence[PersonRow] = (),
    weigh: Weigh = weighing.effect_of_text,
) -> Change:
    """What saving these rows would come to. Raises `SetupError` for rows that no setup takes."""
    _, text, version = await _setup(ctx)
    after = with_people(text, rows, removed=removed)
    parse(after)
    return Change(text=after, version=version, effect=await weigh(ctx, after))


async def save(ctx: Context, change: Change) -> int:
    """Make it the setup in force; gives its version. Raises `ServiceError` when another was saved since."""
    return await apply_setup(ctx.store, change.text, ctx.who, expected=change.version)


async def row_for(ctx: Context, person: str, given: Mapping[str, str]) -> PersonRow:
    """A row from what somebody typed (`rate`, `currency`, `from`, `bill`); what was not given is as in force today.

    Raises `ServiceError` for what cannot be understood.
    """
    _, text, _ = await _setup(ctx)
    name = await _named(ctx, person)
    today = datetime.now(UTC).date()
    mine = [row for row in people_of(text) if same_id(row.id, name) and (row.since is None or row.since <= today)]
    last = max(mine, key=lambda row: row.since or date.min) if mine else PersonRow(id=name)
    return PersonRow(
        id=name,
        rate=_rate(given["rate"]) if "rate" in given else last.rate,
        currency=_currency(given["currency"]) if "currency" in given else last.currency,
        since=_day(given["from"]) if "from" in given else last.since,
        bill=_flag(given["bill"]) if "bill" in given else last.bill,
    )


async def rows_of(ctx: Context, person: str) -> list[PersonRow]:
    """A person's rows in the setup. Raises `ServiceError` for one who has none."""
    _, text, _ = await _setup(ctx)
    name = await _named(ctx, person)
    found = [row for row in people_of(text) if same_id(row.id, name)]
    if not found:
        raise ServiceError(f"The setup has no row of {person}.", "`hourstream people list` shows who has a rate there.")
    return found


# ---- CSV -----------------------------------------------------------------------------------------------------------


async def exported(ctx: Context) -> str:
    """The rows of the setup as a table, and a row without rate for everybody else who logged time."""
    _, text, _ = await _setup(ctx)
    seen, listed = await ctx.store.timekeepers.all(), people_of(text)
    names = {_full(id_): name for id_, name in seen.items()}
    others = [PersonRow(id=id_) for id_ in names if not any(same_id(row.id, id_) for row in listed)]
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in [*listed, *others]:
        since, rate = row.since.isoformat() if row.since else "", "" if row.rate is None else format(row.rate, "f")
        name = names.get(_full(row.id), "")
        safe = f"'{name}" if name[:1] in ("=", "+", "-", "@") else name
        writer.writerow([row.id, safe, rate, row.currency, since, "yes" if row.bill else "no"])
    return out.getvalue()


def imported(text: str) -> list[CsvRow]:
    """The rows of a file such as `exported` gives, each with what is wrong with it. Raises `ServiceError` without
    the column `id`."""
    lines = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    names = [name.strip().lower() for name in lines.fieldnames or []]
    if "id" not in names:
        raise ServiceError("The file has no column id.", f"Its first line names the columns: {', '.join(COLUMNS)}.")
    lines.fieldnames = names
    return [_csv_row(number, line) for number, line in enumerate(lines, start=2)]


def _csv_row(number: int, line: Mapping[str, str | None]) -> CsvRow:
    given = {name: (value or "").strip() for name, value in line.items() if name}
    try:
        row = PersonRow(
            id=_id(given["id"]),
            rate=_rate(given.get("rate", "")),
            currency=_currency(given.get("currency", "")),
            since=_day(given.get("from", "")),
            bill=_flag(given.get("bill", "") or "yes"),
        )
    except ServiceError as error:
        return CsvRow(line=number, row=None, problem=str(error))
    return CsvRow(line=number, row=row)


# ---- one person ----------------------------------------------------------------------------------------------------


def _view(
    id_: str,
    loaded: Loaded,
    names: Mapping[str, str],
    users: Mapping[str, tuple[str, bool]],
    unbilled: Mapping[str, Decimal],
    listed: Sequence[PersonRow],
) -> PersonView:
    rules, today = loaded.rules, datetime.now(UTC).date()
    rows = rows_on(rules.people, id_, today)
    rated = next((row for row in rows if row.rate is not None), None)
    rate = rated.rate if rated else rules.default_rate
    mine = sum(1 for row in listed if same_id(row.id, id_))
    return PersonView(
        id=id_,
        name=names.get(id_, "") or users.get(id_, ("", False))[0],
        bill=rows[0].bill if rows else not rules.bill_listed_only,
        rate=readmodel.plain(rate) if rate is not None else "",
        currency=rated.currency if rated else "",
        since=rated.since.isoformat() if rated and rated.since else "",
        source="people" if rated else "default_rate" if rate is not None else "",
        unbilled_hours=readmodel.hours(unbilled.get(id_, Decimal(0))),
        active=users[id_][1] if id_ in users else None,
        seen=id_ in names,
        rates=mine,
    )


async def _setup(ctx: Context) -> tuple[Loaded, str, int]:
    loaded, stored = await ctx.loaded(), await ctx.store.setup.current()
    if loaded is None or stored is None:
        raise ConfigurationError("There is no setup yet.", "Apply one: hourstream setup apply FILE")
    return loaded, stored.text, stored.version


async def _unbilled(ctx: Context) -> dict[str, Decimal]:
    """Seconds that wait, by person."""
    found: dict[str, Decimal] = {}
    for person, seconds in (await ctx.store.figures.waiting_people()).items():
        found[_full(person)] = found.get(_full(person), Decimal(0)) + seconds
    return found


async def _users(ctx: Context, ids: Sequence[str]) -> dict[str, tuple[str, bool]]:
    """Name and activity of those that are users; nobody's where Salesforce does not tell."""
    users = [id_ for id_ in ids if id_.startswith("005")]
    try:
        rows = await ctx.salesforce.retrieve("User", USERS, users) if users else []
    except HourstreamError:
        return {}
    return {str(row["Id"]): (str(row.get("Name") or ""), bool(row.get("IsActive", True))) for row in rows}


async def _named(ctx: Context, text: str) -> str:
    """A person by record id, or by the whole name that they were seen under."""
    if is_id(text):
        return _id(text)
    seen = await ctx.store.timekeepers.all()
    found = [id_ for id_, name in seen.items() if name.casefold() == text.strip().casefold()]
    if len(found) != 1:
        many = f"{len(found)} people are called" if found else "Nobody who logged time is called"
        raise ServiceError(f"{many} {text}.", "Name them by record id: `hourstream people list` shows it.")
    return _full(found[0])


def _full(text: str) -> str:
    return id18(text) if is_id(text) else text


def _id(text: str) -> str:
    if not is_id(text):
        raise ServiceError(f'"{text}" is no Salesforce record id.', "It has 15 or 18 characters.")
    return id18(text)


def _rate(text: str) -> Decimal | None:
    if not text.strip():
        return None
    try:
        rate = Decimal(text.strip())
    except InvalidOperation:
        rate = Decimal("NaN")
    if not rate.is_finite() or rate < 0:
        raise ServiceError(f'"{text}" is no hourly rate.', "Write a number such as 120.00, or nothing for none.")
    return rate


def _currency(text: str) -> str:
    code = text.strip().upper()
    if code and not (len(code) == 3 and code.isascii() and code.isalpha()):
        raise ServiceError(f'"{text}" is no currency.', "Write its three letters, such as GBP, or nothing.")
    return code


def _day(text: str) -> date | None:
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise ServiceError(f'"{text}" is no day.', "Write it like 2026-11-01, or nothing for always.") from None


def _flag(text: str) -> bool:
    said = text.strip().lower()
    if said in ("yes", "true", "1", "on"):
        return True
    if said in ("no", "false", "0", "off"):
        return False
    raise ServiceError(f'"{text}" is neither yes nor no.')

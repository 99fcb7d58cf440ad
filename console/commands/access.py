"""`hourstream access …`: who may use the console, and as what; the page Access does the same."""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer

from console import access, output
from console.access import MemberView
from worker.store.people import ROLES, WAYS, Role, Way, id_of
from worker.store.store import Store

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[
    str,
    typer.Argument(
        help="As they sign in: a Salesforce username, the e-mail address of a Xero login, or any name for a link."
    ),
]
WITH = {"salesforce": "Salesforce", "xero": "Xero", "link": "one-time links"}


def _one_of(choices: tuple[str, ...]) -> Callable[[str], str]:
    def check(value: str) -> str:
        if value not in choices:
            raise typer.BadParameter(f"{value!r} is none of {', '.join(choices)}.")
        return value

    return check


With = Annotated[
    str, typer.Option("--with", callback=_one_of(WAYS), help="How they sign in: salesforce, xero or link.")
]


@app.callback()
def people() -> None:
    """Who may use the console."""


@app.command("list")
def list_(as_json: Json = False) -> None:
    """Everybody with a role, how they sign in, and in how many browsers they are signed in."""
    found = _run(access.members)
    if as_json:
        output.show_json(found)
        return
    rows = [[each.name, WITH[each.way], each.role, str(each.sessions), each.by, each.since] for each in found]
    columns = ["name", "signs in with", "role", "browsers", "given by", "since"]
    output.show_rows("Access", columns, rows, "Nobody yet: `hourstream access link NAME` makes the first link.")


@app.command()
def grant(
    name: Name,
    role: Annotated[str, typer.Option(callback=_one_of(ROLES), help="viewer, operator or administrator.")],
    with_: With,
    as_json: Json = False,
) -> None:
    """Give somebody a role, or another one."""
    view = _run(lambda store: _granted(store, _way(with_), name, _role(role)))
    _show(view, f"{view.name} is {view.role} now, and signs in with {WITH[view.way]}.", as_json)


@app.command()
def revoke(name: Name, with_: With, as_json: Json = False) -> None:
    """Take somebody's role; they are signed out everywhere at once."""
    view = _run(lambda store: _ended(store, access.revoke, id_of(_way(with_), name)))
    _show(view, f"{view.name} has no role any more and is signed out everywhere.", as_json)


@app.command()
def signout(name: Name, with_: With, as_json: Json = False) -> None:
    """Sign somebody out in every browser; the role stays."""
    view = _run(lambda store: _ended(store, access.sign_out, id_of(_way(with_), name)))
    _show(view, f"{view.name} is signed out everywhere.", as_json)


@app.command()
def link(
    name: Name,
    role: Annotated[str, typer.Option(callback=_one_of(ROLES), help="viewer, operator or administrator.")] = "viewer",
    as_json: Json = False,
) -> None:
    """A link that signs one browser in, once, within 15 minutes, as NAME with this role."""
    address = output.settings().hourstream_console_url

    async def made(store: Store) -> str:
        await access.grant(store, access.START, "link", name, _role(role))
        return await access.link(store, access.START, id_of("link", name), address)

    url = _run(made)
    if as_json:
        output.show_json({"name": name, "role": role, "link": url})
    else:
        output.screen.print(url, soft_wrap=True, highlight=False, markup=False)


async def _granted(store: Store, way: Way, name: str, role: Role) -> MemberView:
    return await access.one(store, (await access.grant(store, access.START, way, name, role)).id)


async def _ended(store: Store, how: Callable[[Store, str, str], Awaitable[object]], id_: str) -> MemberView:
    """What somebody was, before it ended."""
    before = await access.one(store, id_)
    await how(store, access.START, id_)
    return before


def _run(work: Callable[[Store], Awaitable[T]]) -> T:
    async def run() -> T:
        async with output.store() as store:
            await store.people.settle()
            return await work(store)

    return output.run(run())


def _show(view: MemberView, text: str, as_json: bool) -> None:
    if as_json:
        output.show_json(view)
    else:
        output.screen.print(text, soft_wrap=True, highlight=False, markup=False)


def _way(text: str) -> Way:
    return next(way for way in WAYS if way == text)


def _role(text: str) -> Role:
    return next(role for role in ROLES if role == text)

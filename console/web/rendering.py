"""Pages from templates: everything escaped, times in UTC with seconds, the names people know."""

from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import aiohttp_jinja2
import jinja2
from aiohttp import web
from markupsafe import Markup
from msgspec import Struct

from console.web.frame import FRAME, Frame
from console.web.routing import ROUTES
from console.web.session import take_said
from console.words import reason
from worker.billing.keys import record_of
from worker.store.people import Role, allowed


class Person(Struct, frozen=True, kw_only=True):
    """Somebody signed in. `who` stands in the audit trail, `id` is the id of `worker.store.people`."""

    who: str
    role: Role
    id: str = ""

    def may(self, role: Role) -> bool:
        """Whether they may do what needs this role: pages offer nothing else."""
        return allowed(self.role, role)


PERSON: web.RequestKey[Person] = web.RequestKey("person", Person)

TEMPLATES = Path(__file__).parents[1] / "templates"
FILES = Path(__file__).parents[1] / "static"

HOW: dict[str, Any] = {
    "loader": jinja2.FileSystemLoader(TEMPLATES),
    "undefined": jinja2.StrictUndefined,
    "trim_blocks": True,
    "lstrip_blocks": True,
}

STATUSES = {"open": "draft", "awaiting-approval": "awaiting approval"}
STATES = {
    "billed": "on a draft",
    "fixed": "locked",
    "suspended": "taken off in Xero",
    "moving": "moving",
    "due": "on its way",
    "waiting": "waiting",
    "not-billed": "not billed",
    "unknown": "not read yet",
}
SOURCES = {"people": "the person's rate in the setup", "default_rate": "the setup's default rate"}


def setup(app: web.Application) -> jinja2.Environment:
    """Templates for this application."""
    return equipped(aiohttp_jinja2.setup(app, **HOW))


def environment() -> jinja2.Environment:
    """The same templates without an application: for parts of pages that know nobody who asks."""
    return equipped(jinja2.Environment(autoescape=True, **HOW))


def equipped(environment: jinja2.Environment) -> jinja2.Environment:
    """With the filters that our templates use."""
    environment.filters |= {
        "moment": moment,
        "amount": amount,
        "price": price,
        "status": lambda code: STATUSES.get(code, code),
        "state": lambda code: STATES.get(code, code),
        "reason": reason,
        "source": lambda code: SOURCES.get(code, code),
        "record": record_of,
    }
    environment.globals["file"] = file_address
    return environment


def render(request: web.Request, template: str, *, status: int = 200, **context: Any) -> web.Response:
    """An answer made from a template, which also gets who is signed in, the menu and marks, the path, what was searched
    for, and the sentences that `session.say` left for this page."""
    person = request.get(PERSON)
    common = {
        "person": person,
        "menu": request.app[ROUTES].menu(person.role) if person else {},
        "frame": request.get(FRAME, Frame()),
        "said": take_said(request) if status < 400 else [],
        "path": request.path,
        "asked": request.query.get("id", ""),
    }
    return aiohttp_jinja2.render_template(template, request, common | context, status=status)


@cache
def file_address(name: str) -> str:
    """The address of a file of ours; it changes with the content, so browsers may keep the file for ever."""
    return f"/static/{name}?v={sha256((FILES / name).read_bytes()).hexdigest()[:12]}"


def moment(text: str) -> Markup:
    """A time: in UTC with seconds, its day where that is not today; the script adds the browser's own zone."""
    try:
        at = datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return Markup.escape(text)
    shown = at.strftime("%H:%M:%S" if at.date() == datetime.now(UTC).date() else "%Y-%m-%d %H:%M:%S")
    return Markup('<time datetime="{}">{} UTC</time>').format(at.isoformat(timespec="seconds"), shown)


def amount(text: str) -> str:
    """An amount with its thousands apart."""
    whole, dot, cents = text.partition(".")
    sign, digits = ("−", whole[1:]) if whole.startswith("-") else ("", whole)
    if not digits.isdecimal():
        return text
    return f"{sign}{int(digits):,}{dot}{cents}"


def price(text: str) -> str:
    """A rate or unit price: with cents, and with what it has beyond them."""
    whole, _, rest = text.partition(".")
    return amount(f"{whole}.{rest:0<2}") if text else ""

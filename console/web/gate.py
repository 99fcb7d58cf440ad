"""Nobody passes without a session, but to sign in; and nobody does what their role is not for.

Every address says what it needs (`routing.Route`); pages and calls from scripts meet the same gate.
"""

from aiohttp import web
from aiohttp.typedefs import Handler

from console.web.access.signin import signin_page
from console.web.frame import FRAME, SETUPS, read_frame
from console.web.rendering import PERSON, Person, render
from console.web.routing import ROUTES, Route
from console.web.session import COOKIE, person_of, remember
from console.web.site import STORE
from worker.store.people import Member, Role

NOT_YOURS = "Your role does not allow this."
ROLE_WORDS: dict[Role, str] = {"viewer": "a viewer", "operator": "an operator", "administrator": "an administrator"}


@web.middleware
async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let those in whom the declaration of the address lets in."""
    declared = request.app[ROUTES].of(request)
    if declared is not None and declared.needs == "anyone":
        return await handler(request)
    member = await person_of(request, quiet=declared.quiet if declared else True)
    if member is None:
        return await _unknown(request, declared)
    request[PERSON] = Person(who=member.name, role=member.role, id=member.id)
    if declared is not None and not declared.quiet:
        request[FRAME] = await read_frame(request.app[STORE], request.app[SETUPS])
    if declared is not None and not declared.open_to(member.role):
        return _refused(request, member, declared)
    return await handler(request)


async def _unknown(request: web.Request, declared: Route | None) -> web.Response:
    """How to sign in; a page that was asked for comes after that."""
    request[COOKIE].pop("id", None)
    if declared is not None and not declared.quiet:
        remember(request)
    return await signin_page(request, status=401)


def _refused(request: web.Request, member: Member, declared: Route) -> web.Response:
    assert declared.needs != "anyone", "anyone passed before"
    why = f"You are {ROLE_WORDS[member.role]}; this needs {ROLE_WORDS[declared.needs]}. An administrator can change it."
    return render(request, "message.html", status=403, what=NOT_YOURS, why=why)

"""doctor as a checklist: what Hourstream depends on, whether it is well, and how to mend what is not."""

from typing import Final

from aiohttp import web

from console import doctor
from console.doctor import Finding
from console.web.acting import context_of
from console.web.rendering import render
from console.web.setup.frame import draft_of, shared
from console.web.setup.steps import PATH
from console.web.setup.working import WORKING
from worker.context import Context
from worker.errors import HourstreamError

DOCTOR: Final = f"{PATH}/doctor"
PATIENCE: Final = 1.0  # seconds a page waits
FRESH: Final = 30.0  # seconds findings are shown again
AREAS: Final = ("Hourstream", "Redis", "Salesforce", "Xero", "Setup")
WORDS: Final = {"ok": "well", "warning": "look", "problem": "mend"}


async def show(request: web.Request) -> web.Response:
    """Every check, made now or a moment ago."""
    found, trouble = None, ""
    try:
        ctx = await context_of(request)
        fresh = 0.0 if request.query.get("again") else FRESH
        found = await request.app[WORKING].checks.ask("doctor", lambda: _all(ctx), patience=PATIENCE, fresh=fresh)
    except HourstreamError as error:
        trouble = str(error)
    areas = [(area, [each for each in found or () if each.area == area]) for area in AREAS]
    response = render(
        request,
        "setup/doctor.html",
        **await shared(request, await draft_of(request)),
        areas=[(area, rows) for area, rows in areas if rows],
        well=found is not None and all(each.state == "ok" for each in found),
        checked=found is not None,
        trouble=trouble,
        verdicts=WORDS,
    )
    if found is None and not trouble:
        response.headers["Refresh"] = f"2; url={DOCTOR}"
    return response


async def _all(ctx: Context) -> list[Finding]:
    return [finding async for finding in doctor.examine(ctx)]

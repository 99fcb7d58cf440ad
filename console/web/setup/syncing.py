"""Get contacts and generate invoices: the button, how far it is, and what it came to."""

from datetime import UTC, datetime
from typing import Any, Final

import structlog
from aiohttp import web

from console import syncing
from console.syncing import SyncView
from console.web.acting import context_of
from console.web.rendering import PERSON, render
from console.web.session import say, see_other
from console.web.setup.frame import draft_of, shared
from console.web.setup.steps import PATH
from console.web.setup.working import WORKING, Progress
from worker.context import Context
from worker.errors import HourstreamError
from worker.store.connection import RedisError

log = structlog.get_logger()

SYNC: Final = f"{PATH}/sync"
PATIENCE: Final = 0.5  # seconds: most runs take longer, and the page shows how far they are


async def start(request: web.Request) -> web.Response:
    """Begin, unless one is under way: then say so, and show that one."""
    ctx = await context_of(request)
    progress = Progress(request[PERSON].who, datetime.now(UTC).isoformat(timespec="seconds"), [])

    async def work() -> SyncView:
        return await _run(ctx, progress)

    if not request.app[WORKING].sync.start(progress.at, work):
        say(request, "It is running already: this is how far it is.", "attention")
        return see_other(SYNC)
    request.app[WORKING].progress = progress
    await request.app[WORKING].sync.settled(PATIENCE)
    return see_other(SYNC)


async def show(request: web.Request) -> web.Response:
    """How far the last run is, or what it came to."""
    return render(request, "setup/sync.html", **await shared(request, await draft_of(request)), **await _state(request))


async def look(request: web.Request) -> web.Response:
    """The part of the page that changes, for our script."""
    state = await _state(request)
    response = render(request, "setup/_sync.html", **state)
    if not state["running"]:
        response.headers["X-Done"] = "yes"
    return response


async def _run(ctx: Context, progress: Progress) -> SyncView:
    await ctx.store.audit.write(ctx.who, "sync", "invoices", {})
    return await syncing.sync(ctx, progress.begun.append)


async def _state(request: web.Request) -> dict[str, Any]:
    working = request.app[WORKING]
    found, trouble = None, ""
    try:
        found = await working.sync.result(0)
    except HourstreamError as error:
        trouble = str(error)
    except (RedisError, OSError):
        trouble = "Redis did not answer. Nothing is lost: start it again."
    except Exception as error:
        log.warning("sync_failed", error=repr(error))
        trouble = "It ended in a way that nobody expected. Nothing is lost: start it again. The log has the reason."
    return {
        "progress": working.progress,
        "names": list(syncing.STEPS.items()),
        "running": working.sync.running,
        "found": found,
        "trouble": trouble,
    }

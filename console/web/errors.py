"""Pages for what went wrong: in plain words, never with a traceback."""

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from console.web.rendering import render
from worker.errors import HourstreamError
from worker.store.connection import RedisError

log = structlog.get_logger()

KEPT = ("Allow", "Retry-After")
AGAIN = 10  # seconds until a page that could not be shown is asked for again
WORDS = {
    403: "That was not allowed.",
    404: "There is no such page.",
    405: "That cannot be done here.",
    413: "That was too large.",
    429: "That was tried too often.",
}


@web.middleware
async def friendly(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn refusals and failures into pages."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        what = WORDS.get(error.status, "That did not work.")
        why = "" if error.text == f"{error.status}: {error.reason}" else error.text or ""
        response = render(request, "message.html", status=error.status, what=what, why=why)
        response.headers.update({name: error.headers[name] for name in KEPT if name in error.headers})
        return response
    except HourstreamError as error:
        log.warning("page_failed", path=_named(request), error=str(error))
        return render(request, "message.html", status=503, what=error.what, why=error.remedy)
    except (RedisError, TimeoutError, OSError) as error:
        log.warning("store_away", path=_named(request), error=repr(error))
        return _away(request)
    except Exception as error:
        log.exception("page_failed", path=_named(request), error=repr(error))
        what, why = "This page cannot be shown now.", "Try again. The log has the reason."
        return render(request, "message.html", status=500, what=what, why=why)


def _away(request: web.Request) -> web.Response:
    """What is remembered cannot be reached: say that nothing is lost, and look again by itself."""
    what = "Redis does not answer."
    why = "Nothing is lost: changes in Salesforce are caught up as soon as it is back. This page looks again by itself."
    response = render(request, "message.html", status=503, what=what, why=why)
    response.headers["Retry-After"] = response.headers["Refresh"] = str(AGAIN)
    return response


def _named(request: web.Request) -> str:
    """The route, not the path: the path of a link holds its token."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else ""

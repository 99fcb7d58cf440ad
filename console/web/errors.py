"""Pages for what went wrong: in plain words, never with a traceback."""

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from console.web.rendering import render
from worker.errors import HourstreamError

log = structlog.get_logger()

WORDS = {
    403: "That was not allowed.",
    404: "There is no such page.",
    405: "That cannot be done here.",
    413: "That was too large.",
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
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response
    except HourstreamError as error:
        log.warning("page_failed", path=_named(request), error=str(error))
        return render(request, "message.html", status=503, what=error.what, why=error.remedy)
    except Exception as error:
        log.exception("page_failed", path=_named(request), error=repr(error))
        what, why = (
            "This page cannot be shown now.",
            "Redis may be away for a moment: try again. The log has the reason.",
        )
        return render(request, "message.html", status=503, what=what, why=why)


def _named(request: web.Request) -> str:
    """The route, not the path: the path of a link holds its token."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else ""

"""The Salesforce stand-in as a web application: OAuth, REST and the site."""

from email.utils import format_datetime

from aiohttp import web

from sandbox.clock import Clock
from sandbox.faults import Faults, fault_middleware
from sandbox.salesforce import oauth, rest, site
from sandbox.salesforce.state import STATE, State

MAX_BODY = 16 * 1024 * 1024


def create_app(state: State, clock: Clock, faults: Faults) -> web.Application:
    """The application; `state.org.url` must be set before it is asked anything."""
    app = web.Application(middlewares=[fault_middleware(faults, clock)], client_max_size=MAX_BODY)
    app[STATE] = state
    app.add_routes(oauth.routes)
    app.router.add_get("/services/data", rest.versions)
    app.router.add_get("/services/data/", rest.versions)
    app.router.add_route("*", "/services/data/{tail:v.*}", rest.data)
    app.add_routes(site.routes)

    async def tell_time(_: web.Request, response: web.StreamResponse) -> None:
        """Clients may take a watermark from the Date header, so it follows the stand-in's clock."""
        response.headers["Date"] = format_datetime(clock.now(), usegmt=True)

    app.on_response_prepare.append(tell_time)
    return app

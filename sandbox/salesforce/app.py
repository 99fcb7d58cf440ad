"""The Salesforce stand-in as a web application: OAuth, REST and the site."""

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
    return app

"""The Salesforce stand-in as a web application: OAuth, REST, the Streaming API and the site."""

from email.utils import format_datetime

from aiohttp import web

from sandbox.clock import Clock
from sandbox.faults import Faults, fault_middleware
from sandbox.logins import Logins
from sandbox.salesforce import authorise, cometd, login, oauth, rest, site
from sandbox.salesforce.state import STATE, State

MAX_BODY = 16 * 1024 * 1024


def create_app(state: State, clock: Clock, faults: Faults) -> web.Application:
    """The application; `state.org.url` must be set before it is asked anything."""
    app = web.Application(middlewares=[fault_middleware(faults, clock)], client_max_size=MAX_BODY)
    app[STATE], app[login.LOGINS] = state, Logins("salesforce-stand-in")
    app.add_routes(oauth.routes)
    app.add_routes(authorise.routes)
    app.add_routes(login.routes)
    app.router.add_get("/services/data", rest.versions)
    app.router.add_get("/services/data/", rest.versions)
    app.router.add_route("*", "/services/data/{tail:v.*}", rest.data)
    app.add_routes(cometd.routes)
    app.add_routes(site.routes)
    app.on_shutdown.append(cometd.let_go)

    async def tell_time(_: web.Request, response: web.StreamResponse) -> None:
        """Clients may take a watermark from the Date header, so it follows the stand-in's clock."""
        response.headers["Date"] = format_datetime(clock.now(), usegmt=True)

    app.on_response_prepare.append(tell_time)
    return app

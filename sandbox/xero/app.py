"""Puts the stand-in together: identity, login, API and site as one aiohttp application on one port."""

from email.utils import format_datetime

from aiohttp import web

from sandbox.clock import Clock
from sandbox.faults import Faults, fault_middleware
from sandbox.xero.api import MAX_FILE, OWN_FAULTS, PREFIX, Api
from sandbox.xero.company import XeroCompany
from sandbox.xero.identity import Identity
from sandbox.xero.site import Site, page_templates

SERVICE = "xero"


def xero_faults() -> Faults:
    """The faults of this stand-in: the generic kinds and its own."""
    return Faults(SERVICE, OWN_FAULTS)


def create_app(clock: Clock, faults: Faults, company: XeroCompany) -> web.Application:
    """Everything Xero serves, for `web.AppRunner`."""
    templates = page_templates()
    app = web.Application(client_max_size=MAX_FILE, middlewares=[fault_middleware(faults, clock)])
    app.add_routes(Identity(company, templates).routes())
    app.add_routes(Site(company, templates).routes())
    app.router.add_route("*", PREFIX + "{tail:.*}", Api(company).handle)

    async def tell_time(_request: web.Request, response: web.StreamResponse) -> None:
        """The Date header follows the stand-in's clock: clients start If-Modified-Since from it."""
        response.headers["Date"] = format_datetime(clock.now(), usegmt=True)

    app.on_response_prepare.append(tell_time)
    return app

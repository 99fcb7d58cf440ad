"""Starts both stand-ins and the control port on loopback, and stops them."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
from aiohttp import web

from sandbox.certificate import make_certificate
from sandbox.clock import Clock
from sandbox.control import Action, Service, create_control
from sandbox.faults import Faults
from sandbox.journal import Journal
from sandbox.logins import PASSWORD
from sandbox.salesforce import app as salesforce_app
from sandbox.salesforce import script
from sandbox.salesforce.auth import CLIENT_ID, CLIENT_SECRET
from sandbox.salesforce.org import ADMIN_USERNAME
from sandbox.salesforce.pubsub import build_server
from sandbox.salesforce.state import State
from sandbox.seed import seed
from sandbox.xero.actions import ACTIONS
from sandbox.xero.app import create_app as create_xero
from sandbox.xero.app import xero_faults
from sandbox.xero.company import XeroCompany
from sandbox.xero.people import USERS

HOST = "127.0.0.1"
SHUTDOWN_SECONDS = 1.0
MAX_LINE = 65_536  # above Salesforce's own limit, so that the stand-in is the one to refuse


@dataclass(frozen=True)
class Ports:
    """Where to listen; 0 picks a free port."""

    salesforce: int = 0
    pubsub: int = 0
    pubsub_tls: int = 0
    xero: int = 0
    control: int = 0


@dataclass
class Running:
    """Both stand-ins, running; `environment` points the product at them."""

    clock: Clock
    salesforce: State
    salesforce_faults: Faults
    xero: XeroCompany
    xero_faults: Faults
    environment: dict[str, str]


@asynccontextmanager
async def running(ports: Ports, *, seeded: bool = False, clock: Clock | None = None) -> AsyncIterator[Running]:
    """Everything started; all of it is stopped at the end of the block."""
    clock = clock or Clock()
    state, company = State.fresh(clock), XeroCompany(clock)
    faults = {"salesforce": Faults("salesforce"), "xero": xero_faults()}
    async with AsyncExitStack() as stack:
        services = _services(clock, state, company, faults)
        apps = {
            "salesforce": salesforce_app.create_app(state, clock, faults["salesforce"]),
            "xero": create_xero(clock, faults["xero"], company),
        }
        urls = {"control": await _listen(stack, create_control(clock, services), ports.control)}
        for service, port in zip(services, (ports.salesforce, ports.xero), strict=True):
            apps[service.name].middlewares.insert(0, service.journal.middleware())
            urls[service.name] = await _listen(stack, apps[service.name], port)
        state.org.url, company.tokens.issuer = urls["salesforce"], urls["xero"]
        if seeded:
            seed(state, company)
        targets = await _serve_pubsub(stack, state, faults["salesforce"], ports)
        environment = _salesforce_environment(urls["salesforce"], targets) | company.environment(urls["xero"])
        environment |= {"SANDBOX_CONTROL_URL": urls["control"]} | targets | _people()
        yield Running(clock, state, faults["salesforce"], company, faults["xero"], environment)


def _people() -> dict[str, str]:
    """Whom one can sign in as on the stand-ins' own pages."""
    return {
        "SANDBOX_SALESFORCE_USERNAME": ADMIN_USERNAME,
        "SANDBOX_XERO_EMAIL": USERS[-1].email,
        "SANDBOX_PASSWORD": PASSWORD,
    }


def _services(clock: Clock, state: State, company: XeroCompany, faults: dict[str, Faults]) -> list[Service]:
    xero_actions = {name: _xero_action(company, name) for name in ACTIONS}
    return [
        Service(
            "salesforce",
            faults["salesforce"],
            Journal(clock),
            state.snapshot,
            state.org.switches,
            dict(script.actions(state)),
        ),
        Service("xero", faults["xero"], Journal(clock), company.snapshot, company.switches, dict(xero_actions)),
    ]


def _xero_action(company: XeroCompany, name: str) -> Action:
    return lambda body: company.act(name, body)


async def _listen(stack: AsyncExitStack, app: web.Application, port: int) -> str:
    runner = web.AppRunner(
        app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS, max_line_size=MAX_LINE, max_field_size=MAX_LINE
    )
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, HOST, port).start()
    bound = runner.addresses[0][1]
    return f"http://{HOST}:{bound}"


async def _serve_pubsub(stack: AsyncExitStack, state: State, faults: Faults, ports: Ports) -> dict[str, str]:
    key, certificate = make_certificate()
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hourstream-sandbox-")))
    file = folder / "pubsub-ca.pem"
    file.write_bytes(certificate)
    server = build_server(state, faults)
    plain = server.add_insecure_port(f"{HOST}:{ports.pubsub}")
    credentials = grpc.ssl_server_credentials([(key, certificate)])
    secure = server.add_secure_port(f"{HOST}:{ports.pubsub_tls}", credentials)
    await server.start()
    stack.push_async_callback(server.stop, 0)
    return {
        "SALESFORCE_PUBSUB_TARGET": f"{HOST}:{plain}",
        "SANDBOX_PUBSUB_TLS_TARGET": f"localhost:{secure}",
        "SANDBOX_PUBSUB_CA_FILE": str(file),
    }


def _salesforce_environment(url: str, targets: dict[str, str]) -> dict[str, str]:
    return {
        "SALESFORCE_LOGIN_URL": url,
        "SALESFORCE_CLIENT_ID": CLIENT_ID,
        "SALESFORCE_CLIENT_SECRET": CLIENT_SECRET,
        "SALESFORCE_PUBSUB_TARGET": targets["SALESFORCE_PUBSUB_TARGET"],
        "SALESFORCE_PUBSUB_TLS": "false",
    }

"""The two connections as people see them: who the apps are, how each signs in, and what is missing."""

from typing import Literal
from urllib.parse import urlsplit

import structlog
from msgspec import Struct, structs

from worker.beginning import NAMES, Lack, lacking
from worker.errors import ConfigurationError
from worker.limits import Limits
from worker.salesforce.auth import SERVICE as SALESFORCE
from worker.salesforce.connecting import SalesforceConnecting
from worker.salesforce.flows import JwtBearer, WebServer, flow, following
from worker.settings import Settings
from worker.store.credentials import NAMES as APP_NAMES
from worker.store.reconnects import Reconnect, Service
from worker.store.store import Store
from worker.xero.auth import SERVICE as XERO
from worker.xero.connecting import XeroConnecting

log = structlog.get_logger()

Way = Literal["", "person", "app", "key"]  # "": not known before the app is
By = Literal["environment", "console", ""]


class Given(Struct, frozen=True, kw_only=True):
    """One of the app's values. A secret's `value` is never there, only whether it is given and by what."""

    name: str
    by: By
    value: str = ""


class Connection(Struct, frozen=True, kw_only=True):
    """One of the two. `lack` is what is needed first, `rests` why it stopped working."""

    service: Service
    title: str
    given: tuple[Given, ...]
    way: Way
    callback: str
    lack: Lack | None
    rests: Reconnect | None
    pinned: str = ""  # the org or company this deployment serves, once one was seen
    name: str = ""  # the company's or org's name; the org's host until that was read
    kind: str = ""  # "sandbox" or "production" for an org, "demo" or "real" for a company, once it is known
    problem: str = ""  # what keeps its credentials from being read

    @property
    def connected(self) -> bool:
        """Whether it works as far as is known."""
        return not (self.lack or self.rests or self.problem)

    @property
    def complete(self) -> bool:
        """Whether the app is known: somebody can connect."""
        return not self.problem and (self.lack is None or self.lack.kind != "app")

    @property
    def by_person(self) -> bool:
        """Whether somebody connected it in the browser and can disconnect it."""
        return self.way == "person" and (self.lack is None or self.lack.kind == "choose")


async def connections(store: Store, settings: Settings, address: str = "") -> tuple[Connection, ...]:
    """Salesforce and Xero. `address` is the console's own, for the callbacks, where it is not that of the settings."""
    resting = await store.reconnects.all()
    return await _salesforce(store, settings, address, resting), await _xero(store, settings, address, resting)


def salesforce(store: Store, settings: Settings, limits: Limits, address: str) -> SalesforceConnecting:
    """Connecting Salesforce from the console at this address."""
    return SalesforceConnecting(store, at(settings, address), limits)


def xero(store: Store, settings: Settings, limits: Limits, address: str) -> XeroConnecting:
    """Connecting Xero from the console at this address."""
    return XeroConnecting(store, at(settings, address), limits)


def at(settings: Settings, address: str) -> Settings:
    """The settings with the address that the console is really reached at: another port than it was given."""
    return settings.model_copy(update={"hourstream_console_url": address}) if address else settings


async def _salesforce(store: Store, settings: Settings, address: str, resting: dict[Service, Reconnect]) -> Connection:
    stored, host = await _tokens(store, SALESFORCE), ""
    if stored.get("instance_url"):
        host = urlsplit(str(stored["instance_url"])).netloc
    found = await _seen(store, settings, SALESFORCE, resting)
    callback = salesforce(store, settings, Limits(), address).redirect_uri
    if found.complete:
        way = following(flow(await store.credentials.filled(settings)), stored)
        kind: Way = "key" if isinstance(way, JwtBearer) else "person" if isinstance(way, WebServer) else "app"
        found = structs.replace(found, way=kind)
    pair = await store.pair.get()
    name = pair.get("org:name", "") or host
    return structs.replace(
        found, callback=callback, pinned=pair.get("org", ""), kind=pair.get("org:kind", ""), name=name
    )


async def _xero(store: Store, settings: Settings, address: str, resting: dict[Service, Reconnect]) -> Connection:
    company, pair = await store.company.get(), await store.pair.get()
    found = await _seen(store, settings, XERO, resting)
    return structs.replace(
        found,
        way="app" if settings.xero_grant == "client_credentials" else "person",
        callback=xero(store, settings, Limits(), address).redirect_uri,
        pinned=pair.get("company", ""),
        kind=pair.get("company:kind", ""),
        name=company.name if company else "",
    )


async def _seen(store: Store, settings: Settings, service: Service, resting: dict[Service, Reconnect]) -> Connection:
    """What both have in common."""
    lack, problem = None, ""
    try:
        lack = next(iter(await lacking(store, settings, (service,))), None)
    except ConfigurationError as error:
        problem = str(error)
    return Connection(
        service=service,
        title=NAMES[service],
        given=await _given(store, settings, service),
        way="",
        callback="",
        lack=lack,
        rests=resting.get(service) if lack is None or lack.kind != "app" else None,
        problem=problem,
    )


async def _given(store: Store, settings: Settings, service: Service) -> tuple[Given, ...]:
    try:
        filled = await store.credentials.filled(settings)
    except ConfigurationError:
        filled = settings
    return tuple(_one(filled, name) for name in APP_NAMES[service])


def _one(filled: Settings, name: str) -> Given:
    key = name.lower()
    value = getattr(filled, key)
    by: By = "console" if key in filled.typed else "environment" if key in filled.model_fields_set and value else ""
    return Given(name=name, by=by, value=value if isinstance(value, str) else "")


async def _tokens(store: Store, service: Service) -> dict[str, object]:
    try:
        return await store.tokens.get(service) or {}
    except ConfigurationError as error:
        log.warning("sign_in_not_read", service=service, error=str(error))
        return {}

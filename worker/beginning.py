"""What has to be there before a process can begin: both apps' ids and secrets, and a person's connection where one is
needed. Processes start without, say what they wait for, and begin by themselves; other credentials make them begin
again.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Literal

import structlog
from msgspec import Struct

from worker.errors import ConfigurationError
from worker.limits import Limits
from worker.salesforce.auth import SERVICE as SALESFORCE
from worker.salesforce.flows import WebServer, flow, following
from worker.settings import Settings
from worker.store.connection import RedisError
from worker.store.reconnects import Service
from worker.store.store import Store
from worker.xero.auth import SERVICE as XERO
from worker.xero.config import XeroConfig

log = structlog.get_logger()

NAMES: Mapping[Service, str] = {SALESFORCE: "Salesforce", XERO: "Xero"}
Kind = Literal["app", "connect", "choose"]
WAITING = "waiting"  # the state in the heartbeat of a process that has not begun; `reason` says for what


class Lack(Struct, frozen=True, kw_only=True):
    """What a service needs first: the app's id and secret, somebody to connect it, or a choice of company.

    `text` ends "waiting for …".
    """

    service: Service
    kind: Kind
    text: str


async def lacking(store: Store, settings: Settings, needs: Sequence[Service] = (SALESFORCE, XERO)) -> list[Lack]:
    """What is not there yet, in the order in which a person gives it; [] when work can begin.

    Raises `ConfigurationError` for what no connection mends: a private key that cannot be read.
    """
    filled = await store.credentials.filled(settings)
    looks = {SALESFORCE: _salesforce, XERO: _xero}
    found = [await looks[service](store, filled) for service in needs]
    return [each for each in found if each is not None]


async def _salesforce(store: Store, settings: Settings) -> Lack | None:
    by_key = settings.salesforce_private_key_file is not None
    if not settings.salesforce_client_id or not (by_key or settings.salesforce_client_secret):
        return _lack(SALESFORCE, "app", "the client id and secret of the Salesforce app")
    stored = await store.tokens.get(SALESFORCE)
    way = following(flow(settings), stored)
    if isinstance(way, WebServer) and not way.connected(stored):
        return _lack(SALESFORCE, "connect", "Connect to Salesforce")
    return None


async def _xero(store: Store, settings: Settings) -> Lack | None:
    try:
        config = XeroConfig.of(settings)
    except ConfigurationError:
        return _lack(XERO, "app", "the client id and secret of the Xero app")
    if not config.names_tenant:
        return None  # a custom connection signs in by itself
    if not (await store.tokens.get(XERO) or {}).get("refresh_token"):
        return _lack(XERO, "connect", "Connect to Xero")
    if not await store.pair.company():
        return _lack(XERO, "choose", "somebody to choose the Xero company")
    return None


def _lack(service: Service, kind: Kind, text: str) -> Lack:
    return Lack(service=service, kind=kind, text=text)


def waiting_for(lacks: Sequence[Lack]) -> str:
    """What a process says while it waits."""
    return f"waiting for {' and '.join(each.text for each in lacks)}"


async def until_ready(
    store: Store, settings: Settings, limits: Limits, needs: Sequence[Service], process: tuple[str, str]
) -> None:
    """Return once `needs` can be asked; until then `process` (kind and name) shows what it waits for.

    Raises `ConfigurationError` as `lacking`.
    """
    said = ""
    while True:
        try:
            lacks = await lacking(store, settings, needs)
            if not lacks:
                return
            text = waiting_for(lacks)
            await store.heartbeats.beat(*process, {"state": WAITING, "reason": text})
        except (RedisError, OSError) as error:
            text = f"waiting for Redis: {error!r}"
        if text != said:
            log.info("waiting", reason=text)
            said = text
        await asyncio.sleep(min(limits.heartbeat, limits.doorbell))


async def until_changed(store: Store, settings: Settings, limits: Limits) -> None:
    """Return when somebody typed other credentials than those that are in use now."""
    used = await store.credentials.filled(settings)
    while True:
        await asyncio.sleep(limits.heartbeat)
        try:
            if await store.credentials.filled(settings) != used:
                log.info("other_credentials")
                return
        except (RedisError, OSError, ConfigurationError) as error:
            log.info("credentials_not_read", error=repr(error))

"""Running the console: one process, plain http on one address (a proxy in front of it speaks https)."""

import asyncio
import errno
import os
import socket
import sys
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from console.access import one_time_link
from console.supervisor import until_told
from console.web.app import make_app
from console.web.ending import pause
from console.web.session import forgive_text_keys
from console.web.site import Site
from worker.addresses import is_loopback
from worker.errors import ServiceError
from worker.main import limits_of, open_store
from worker.settings import Settings
from worker.store.store import Store

log = structlog.get_logger()

PORT = 8400
TELLING = 2.0  # seconds that Redis gets to take a sign of life
DRAIN = 3.0  # seconds that answers under way get when the console is told to stop


async def serve(settings: Settings, host: str = "127.0.0.1", port: int | None = None, *, link: bool = True) -> None:
    """Answer until SIGTERM or SIGINT; first print a one-time link, unless `link` is False.

    Raises `ConfigurationError` for settings that cannot be used and `ServiceError` when the port is taken: the link
    that was printed then opens the console of this deployment that runs already.
    """
    forgive_text_keys()
    async with open_store(settings, bells=False) as store:
        port = default_port(settings) if port is None else port
        listening = _listen(host, port)
        site = _reached(settings, listening)
        if link:
            await _print_link(store, site)
        if listening is None:
            raise ServiceError(f"Port {port} of {host} is in use.", await _who_is_there(store, link))
        await _answer(store, settings, site, listening)


async def _who_is_there(store: Store, link: bool) -> str:
    if not await store.heartbeats.alive("console"):
        return "It is not this deployment's console: choose another port with --port."
    opens = "the link above opens it" if link else "`hourstream console` prints a link to it"
    return f"This deployment's console runs already: {opens}. A second one needs a port of its own: --port."


async def _answer(store: Store, settings: Settings, site: Site, listening: socket.socket) -> None:
    ended = asyncio.Event()
    runner = web.AppRunner(make_app(store, settings, site), access_log=None, shutdown_timeout=DRAIN)
    await runner.setup()
    try:
        await web.SockSite(runner, listening).start()
        log.info("console_started", address=site.address)
        async with asyncio.TaskGroup() as group:
            group.create_task(_beat(store, limits_of(settings).heartbeat, ended))
            await until_told()
            ended.set()
    finally:
        await runner.cleanup()
    log.info("console_stopped")


def default_port(settings: Settings) -> int:
    """The console address's port where that is on this machine, else 8400."""
    address = urlsplit(settings.hourstream_console_url)
    if not is_loopback(settings.hourstream_console_url):
        return PORT
    return address.port or (443 if address.scheme == "https" else 80)


def _listen(host: str, port: int) -> socket.socket | None:
    """A listening socket; None when the port is taken. Raises `ServiceError` for an address that is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, reuse_port=False)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return None
        raise ServiceError(f"The console cannot listen on {host}, port {port}: {error.strerror}.") from error


def _reached(settings: Settings, listening: socket.socket | None) -> Site:
    """The site of the settings, on the port that was taken where both are on this machine."""
    site = Site.of(settings)
    address = urlsplit(site.address)
    if listening is None or address.scheme == "https" or not is_loopback(site.address):
        return site
    return replace(site, address=f"http://{address.hostname}:{listening.getsockname()[1]}")


async def _print_link(store: Store, site: Site) -> None:
    link = await one_time_link(store, site.address)
    sys.stdout.write(f"Console: {site.address}\nSign in once, within 15 minutes: {link}\n")
    sys.stdout.flush()


async def _beat(store: Store, every: float, ended: asyncio.Event) -> None:
    name = f"console {socket.gethostname()}:{os.getpid()}"
    while not ended.is_set():
        await _told(store.heartbeats.beat("console", name))
        await pause(ended, every)
    await _told(store.heartbeats.end("console", name))


async def _told(telling: Coroutine[Any, Any, None]) -> None:
    try:
        async with asyncio.timeout(TELLING):
            await telling
    except Exception as error:  # Redis is away: pages say so, and this goes on
        log.info("heartbeat_not_told", error=repr(error))

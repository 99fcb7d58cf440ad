"""Nothing that a deployment writes for people or machines holds a secret: a run full of trouble is searched."""

import io
import logging
import traceback
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
import structlog
from aiohttp import web
from redis.asyncio import Redis

from sandbox.salesforce.auth import CLIENT_SECRET as SALESFORCE_SECRET
from sandbox.xero.company import WEB_CLIENT_ID, WEB_CLIENT_SECRET
from tests.signing_in import allow
from tests.worker.jobs.jobs_world import World, deployed
from worker.errors import HourstreamError
from worker.health import health_app
from worker.logs import configure_logging
from worker.salesforce.connecting import SalesforceConnecting
from worker.store.embedded import EmbeddedServer
from worker.store.secrets import key_file
from worker.watching import look
from worker.xero.connecting import XeroConnecting

ADA = "Ada Lovelace"
HOOK = "a-token-of-the-hook"
BY_PERSON = {
    "XERO_GRANT": "authorization_code",
    "XERO_CLIENT_ID": WEB_CLIENT_ID,
    "XERO_CLIENT_SECRET": WEB_CLIENT_SECRET,
    "HOURSTREAM_ALERT_URL": f"http://127.0.0.1:9/{HOOK}",  # nobody listens there
}


@pytest.fixture(autouse=True)
def loggers_as_they_were() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
async def world(valkey: EmbeddedServer, redis: Redis, tmp_path: Path) -> AsyncIterator[World]:
    async with deployed(redis, valkey.url, tmp_path, environment=BY_PERSON) as made:
        yield made


class Searched:
    """What was written, and every secret there was."""

    def __init__(self, world: World) -> None:
        self.world, self.out = world, io.StringIO()
        self.secrets = {WEB_CLIENT_SECRET, SALESFORCE_SECRET, HOOK, "typed-client-secret"}
        settings = world.settings.model_copy(update={"hourstream_log_level": "debug", "hourstream_log_format": "json"})
        configure_logging(settings, self.out)

    async def note(self) -> None:
        """Remember the secrets there are now."""
        stand, vault = self.world.stand, self.world.ctx.store.tokens
        for service in ("xero", "salesforce"):
            for token in (await vault.get(service), await vault.previous(service)):
                self.secrets |= {str((token or {}).get(name, "")) for name in ("access_token", "refresh_token")}
        self.secrets |= set(stand.xero.tokens._refresh) | set(stand.salesforce.sessions.consents._refresh)
        self.secrets |= set(stand.salesforce.sessions._live)
        self.secrets |= set(key_file(self.world.settings.hourstream_data).read_text().split())
        self.secrets.discard("")

    def found(self, texts: dict[str, str]) -> list[str]:
        """Where a secret shows, by name."""
        return [where for where, text in texts.items() if any(secret in text for secret in self.secrets)]


async def connect(world: World, kind: type[XeroConnecting] | type[SalesforceConnecting]) -> None:
    connecting = kind(world.ctx.store, world.settings, world.ctx.limits)
    code, state = await allow(world.stand, await connecting.authorize_url(ADA))
    await connecting.exchange(code=code, state=state, by=ADA)


async def trouble(world: World) -> str:
    """Every kind of refusal that comes near a secret; gives the tracebacks and representations of all of them."""
    texts: list[str] = []
    stand = world.stand
    await world.ctx.store.credentials.put("xero", {"XERO_CLIENT_SECRET": "typed-client-secret"})
    for path, service in (("/connect/token", "xero"), ("/services/oauth2/token", "salesforce")):
        for body in ('{"error":"invalid_grant"}', "<html>", '{"access_token":7}'):
            stand.xero.tokens.expire_access()
            stand.salesforce.sessions.revoke()
            world.ctx.xero.forget()
            world.ctx.salesforce.forget()
            world.fault("status", service=service, path=path, status=400, body=body, times=1)
            texts.append(await _raised(world.ctx.tenant() if service == "xero" else world.ctx.salesforce.limits()))
    world.stand.xero_faults.remove(None)
    world.stand.salesforce_faults.remove(None)
    await world.tell(world.log("Harrow"))
    world.write_fault("drop-after")
    world.write_fault("status", status=500, body="{", times=1)
    await world.work()
    world.act("disconnect")
    await world.tell(world.log("Harrow", "2.00"))
    await world.run("collect")
    await world.run("invoice")
    await look(world.ctx)
    texts += [repr(world.ctx.settings), repr(world.ctx), repr(vars(world.ctx.xero)), repr(vars(world.ctx.salesforce))]
    return "\n".join(texts)


async def _raised(work: Any) -> str:
    try:
        await work
    except HourstreamError as error:
        return "".join(traceback.format_exception(error)) + repr(error)
    return ""


async def metrics(world: World) -> str:
    runner = web.AppRunner(health_app(world.ctx.store), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/metrics"
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        text = await answer.text()
    await runner.cleanup()
    return text


async def everything(world: World, redis: Redis) -> dict[str, str]:
    """What lies in Redis and in HOURSTREAM_DATA, but for the key file."""
    data = world.settings.hourstream_data
    files = [path for path in data.rglob("*") if path.is_file() and path != key_file(data)]
    found = {str(path.relative_to(data)): path.read_bytes().decode(errors="replace") for path in files}
    async for key in redis.scan_iter(count=1000):
        found[key] = await _content(redis, key)
    return found


async def _content(redis: Redis, key: str) -> str:
    kind = await redis.type(key)
    read = {
        "string": lambda: redis.get(key),
        "hash": lambda: redis.hgetall(key),
        "list": lambda: redis.lrange(key, 0, -1),
        "set": lambda: redis.smembers(key),
        "zset": lambda: redis.zrange(key, 0, -1),
    }
    return repr(await read[kind]())


async def test_no_secret_shows_in_anything_a_run_full_of_trouble_leaves(world: World, redis: Redis) -> None:
    searched = Searched(world)
    await connect(world, XeroConnecting)
    await connect(world, SalesforceConnecting)
    await world.work()
    await searched.note()
    raised = await trouble(world)
    await searched.note()
    assert await world.ctx.store.reconnects.all()
    assert len(searched.secrets) > 10
    logged = searched.out.getvalue()
    assert "reconnect_needed" in logged
    assert "alert_not_delivered" in logged
    audit = repr([msgspec.to_builtins(entry) for entry in await world.ctx.store.audit.latest(1000)])
    assert "connection.made" in audit
    shown = {"log": logged, "errors and reprs": raised, "audit": audit, "metrics": await metrics(world)}
    assert searched.found(shown | await everything(world, redis)) == []


async def test_a_secret_that_came_up_while_running_is_taken_out_of_any_line(world: World) -> None:
    searched = Searched(world)
    await connect(world, XeroConnecting)
    stored = await world.ctx.store.tokens.get("xero")
    assert stored is not None
    structlog.get_logger().warning("careless", text=f"we sent {stored['refresh_token']}", error=str(stored))
    logging.getLogger("aiohttp").warning("token %s", stored["access_token"])
    assert "careless" in searched.out.getvalue()
    await searched.note()
    assert searched.found({"log": searched.out.getvalue()}) == []

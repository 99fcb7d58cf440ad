"""What Xero and the way to it do wrong."""

import asyncio
from functools import partial
from typing import Any

from redis.exceptions import RedisError

from sandbox.faults import Fault
from tests.faults.connecting import connect
from tests.faults.deployment import SCALE
from tests.faults.injectors.holding import READS, TOKENS, WRITES, armed, provoked
from tests.faults.registry import Scene, fault, register
from worker.errors import HourstreamError

ERRORS = "Xero does not answer, or answers with an error"
LIMITS = "Xero says: too many calls"
BATCH = "Xero refuses one document of a batch"
ACCESS = "The way into Xero is lost"
CONNECTS_WITHIN = 30.0  # seconds
TOLD_WITHIN = 1.0  # seconds
SHORT = 80.0  # seconds that a stop of the day lasts here

TRANSIENT: dict[str, tuple[str, str, dict[str, str], dict[str, Any]]] = {
    "xero: written, then dropped": (ERRORS, "drop-after", WRITES, {}),
    "xero: dropped before": (ERRORS, "drop-before", WRITES, {}),
    "xero: 500 after it was written, kept under the key": (ERRORS, "error-500-cached-after", WRITES, {}),
    "xero: 500 kept under the key": (ERRORS, "error-500-cached", WRITES, {}),
    "xero: idempotency store down": (ERRORS, "status", WRITES, {"status": 500, "body": "{}"}),
    "xero: 500 in the middle of a batch": (BATCH, "mid-batch-500", WRITES, {"body": "1"}),
    "xero: 503 with a page": (ERRORS, "503-html", WRITES, {}),
    "xero: garbage": (ERRORS, "garbage", WRITES, {}),
    "xero: 502 after it was written": (ERRORS, "status-after", WRITES, {"status": 502}),
    "xero: answer dripping past the deadline": (ERRORS, "drip", WRITES, {"delay": 100.0}),
    "xero: answer too late": (ERRORS, "delay-after", WRITES, {"delay": 60.0}),
    "xero: late packet": (ERRORS, "delay", WRITES, {"delay": 60.0}),
    "xero: late packet after the key expired": (ERRORS, "delay", WRITES, {"delay": 400.0}),
    "xero: reads dropped": (ERRORS, "drop-before", READS, {}),
    "xero: reads garbled": (ERRORS, "garbage", READS, {}),
    "xero: reads unavailable": (ERRORS, "503-html", READS, {}),
    "xero: 429 of the minute": (LIMITS, "429-minute", WRITES, {"delay": 60.0}),
    "xero: 429 of the minute to a read": (LIMITS, "429-minute", READS, {"delay": 60.0}),
    "xero: 429 of the day": (LIMITS, "429-day", WRITES, {"delay": SHORT}),
    "xero: 429 of all companies": (LIMITS, "429-appminute", WRITES, {"delay": 60.0}),
    "xero: 429 concurrent": (LIMITS, "429-concurrent", WRITES, {}),
    "xero: 429 with nothing else": (LIMITS, "status", WRITES, {"status": 429, "headers": {"Content-Type": ""}}),
}
STOPS = {"429-minute", "429-day", "429-appminute"}  # with them Xero says how long to stay away


async def _wrong(scene: Scene, *, kind: str, where: dict[str, str], how: dict[str, Any]) -> bool:
    times = 1 if "delay" in how else scene.chance.choice((1, 1, 2, 3))
    met = await armed(scene, "xero", kind, where, times, **how)
    if met and kind == "delay":  # until the late packet has arrived
        await scene.people.pause(how["delay"] / SCALE)
    return met


async def _stopped(scene: Scene, *, kind: str, where: dict[str, str], how: dict[str, Any]) -> bool:
    """Only Redis knows how long to stay away: it is not lost in that time. A process that was told and killed before
    it could tell Redis takes that with it."""
    office, traffic = scene.office, scene.office.stand.xero.requests
    early, ended = traffic.counts.calls_before_retry_after, len(office.ends)

    async def known() -> bool:
        return bool((await office.world.ctx.store.governor.state()).stopped_until)

    met = await armed(scene, "xero", kind, where, **how)
    if met and not await office.until(known, TOLD_WITHIN) and len(office.ends) > ended:
        traffic.forgive(early)
        scene.people.told.append("  who was told to stay away was killed")
    await scene.people.pause(how["delay"] / SCALE)
    return met


for _name, (_heading, _kind, _where, _how) in TRANSIENT.items():
    _play = _stopped if _kind in STOPS else _wrong
    register(_name, _heading, partial(_play, kind=_kind, where=_where, how=_how), turn="redis" * (_kind in STOPS))


@fault("xero: access tokens expired", ACCESS)
async def expired(scene: Scene) -> None:
    scene.office.world.act("expire-tokens")
    await scene.people.provoke(scene.chance)
    await scene.moment()


@fault("xero: signing key rotated", ACCESS, turn="access")
async def revoked(scene: Scene) -> None:
    """Every token given so far is one that Xero does not know."""
    scene.office.stand.xero.tokens.key = f"{scene.chance.getrandbits(256):064x}"
    await scene.people.provoke(scene.chance)
    await scene.moment()
    await _connected_again(scene)


@fault("xero: login unavailable", ACCESS, turn="access")
async def no_login(scene: Scene) -> None:
    faults = scene.office.stand.xero_faults
    id_ = faults.add(Fault("status", **TOKENS, times=-1, status=503))  # type: ignore[arg-type]  # texts
    scene.office.world.act("expire-tokens")
    await scene.people.provoke(scene.chance)
    await scene.moment(0.5, 1.5)
    faults.remove(id_)


@fault("xero: scope removed", ACCESS, turn="access")
async def scope_removed(scene: Scene) -> None:
    world = scene.office.world
    client_id = str(world.settings.xero_client_id)
    had = world.stand.xero.tokens.apps[client_id].scopes
    left = " ".join(sorted(scope for scope in had if not scope.startswith("accounting.invoices")))
    world.act("scopes", client_id=client_id, scopes=left)
    world.act("expire-tokens")
    await scene.people.provoke(scene.chance)
    await scene.moment(0.5, 1.5)
    world.act("scopes", client_id=client_id, scopes=" ".join(sorted(had)))
    world.act("expire-tokens")
    await _connected_again(scene)


@fault("xero: company disconnected", ACCESS, turn="access")
async def disconnected(scene: Scene) -> None:
    world = scene.office.world
    world.stand.xero.switches["disconnected"] = scene.chance.choice(("401", "403"))
    world.act("disconnect")
    await scene.people.provoke(scene.chance)
    await scene.moment(0.5, 1.5)
    world.act("connect", client_id=str(world.settings.xero_client_id))
    await _connected_again(scene)


async def _connected_again(scene: Scene) -> None:
    """A consent that was lost is given again by a person, who tries until it works; a custom connection needs none."""
    if scene.office.world.settings.xero_grant != "authorization_code":
        return None
    async with asyncio.timeout(CONNECTS_WITHIN):
        while True:
            try:
                return await connect(scene.office.world.ctx)
            except (HourstreamError, RedisError, OSError) as refused:
                scene.people.told.append(f"  connecting again: {refused}")
                await scene.people.pause(0.3)


@fault("xero: refresh token rotated and the answer lost", ACCESS, turn="access", consent=True)
async def rotation_lost(scene: Scene) -> bool:
    """Xero has replaced the refresh token, and nobody has the new one: the old one is good for half an hour more."""
    faults = scene.office.stand.xero_faults
    id_ = faults.add(Fault("drop-after", **TOKENS, times=2))  # type: ignore[arg-type]  # texts go to fields of text
    scene.office.world.act("expire-tokens")
    met = await provoked(scene, TOKENS, lambda: faults.left(id_) < 2)
    faults.remove(id_)
    return met


@fault("xero: consent taken back and given again", ACCESS, turn="access", consent=True)
async def consent_taken_back(scene: Scene) -> None:
    ctx, tokens = scene.office.world.ctx, scene.office.stand.xero.tokens
    stored = await ctx.store.tokens.get("xero") or {}
    tokens.revoke(tokens.apps[str(ctx.settings.xero_client_id)], str(stored.get("refresh_token", "")))
    await scene.people.provoke(scene.chance)
    await scene.moment(0.5, 1.5)
    await _connected_again(scene)

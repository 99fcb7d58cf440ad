"""Looks, beside the work, whether a person is needed, and says so at HOURSTREAM_ALERT_URL.

It runs in each worker, outside arq: a full Redis takes no doorbells. One process tells at a time; a delivery that fails
is tried again later and holds up nothing.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

import aiohttp
import structlog
from msgspec import Struct

from worker.alerts import Message, Patience, Situation, after, alerts_of, due, settle
from worker.billing.model import Waiting
from worker.connections import EVERY, look_after
from worker.context import Context
from worker.errors import HourstreamError
from worker.jobs.reconciling import PASS
from worker.logs import Redactor, known_secrets
from worker.proxies import Request
from worker.settings import Settings
from worker.setup import SetupError, parse
from worker.store.alerts import Told
from worker.store.connection import RedisError
from worker.store.inbox import POSITION_LOST
from worker.store.store import Store
from worker.tasks import raise_if_cancelled

log = structlog.get_logger()

LOOK = 15.0  # seconds between two looks
ANSWER = 10.0  # seconds one delivery may take
UNAPPROVED = "not-approved"
CONNECTIONS = "connections"  # the recurring task that looks after them


class Shown(Struct, frozen=True, kw_only=True):
    """An alert as people see it: `since` is ISO 8601 in UTC, "" where nobody looked before."""

    code: str
    text: str
    since: str
    subject: str = ""


async def watch(ctx: Context) -> None:
    """Until cancelled."""
    while True:
        try:
            await look(ctx)
        except (HourstreamError, RedisError, OSError, TimeoutError) as error:
            log.warning("not_watched", error=str(error) or type(error).__name__)
        except Exception:  # whatever it is, the worker beside it goes on
            log.exception("not_watched")
        raise_if_cancelled()
        await asyncio.sleep(LOOK / ctx.settings.hourstream_time_scale)


async def look(ctx: Context) -> None:
    """Once: the connections, when it is their time, and what to tell."""
    try:
        await tell(ctx)
    finally:
        if await ctx.store.schedule.due(CONNECTIONS, EVERY / ctx.settings.hourstream_time_scale):
            await look_after(ctx)


async def alerts(store: Store, scale: float = 1.0) -> tuple[Shown, ...]:
    """What needs a person now: for *Needs you*. `scale` is HOURSTREAM_TIME_SCALE."""
    patience = Patience().scaled(scale)
    told = await store.alerts.told()
    return tuple(
        Shown(code=each.code, text=each.text, since=_since(told.get(each.key)), subject=each.subject)
        for each in alerts_of(await situation(store, patience), patience)
    )


async def situation(store: Store, patience: Patience) -> Situation:
    """What the store knows."""
    now = datetime.fromisoformat(await store.clock())
    read_at, streaming = await _last_read(store)
    state, braked = await store.governor.state(), await store.brake.get()
    until = datetime.fromisoformat(state.stopped_until) if state.stopped_until and state.why == "day" else None
    return Situation(
        now=now,
        reconnects=tuple((await store.reconnects.all()).values()),
        read_at=read_at,
        streaming=streaming,
        brake=braked.sentences if braked else (),
        waiting=await _waiting(store, round((now - patience.waiting).timestamp() * 1000)),
        day_until=until if until and until > now else None,
        redis=await store.alerts.server(),
        lost=await _position_lost(store, now - patience.mended),
    )


async def _position_lost(store: Store, after: datetime) -> str | None:
    """Since when is read again what a stream that lost its position did not tell; also when that was done `after`."""
    asked, last = await store.inbox.resyncs(), await store.passes.finished(PASS)
    if last.state and datetime.fromisoformat(last.at) > after:
        asked |= last.state.requests
    return min((since for kind, since in asked.items() if kind.startswith(f"{POSITION_LOST}:")), default=None)


async def _waiting(store: Store, before: int) -> int:
    """What waits since before that moment for somebody who has to mend or decide it.

    Time that nobody approved yet is not counted: approving takes the days it takes, and the month end chases it.
    """
    ids, parked = await store.alerts.waiting(before)
    verdicts = [unit.verdict for unit in (await store.ledger.units(ids)).values()]
    return parked + sum(isinstance(each, Waiting) and each.reason != UNAPPROVED for each in verdicts)


async def tell(ctx: Context) -> int:
    """Tell what is due, if nobody else does; gives how much was delivered."""
    token = await ctx.store.alerts.take_turn()
    if not token:
        return 0
    try:
        return await _tell(ctx, token)
    finally:
        await ctx.store.alerts.end_turn(token)


async def _tell(ctx: Context, token: str) -> int:
    patience = Patience().scaled(ctx.settings.hourstream_time_scale)
    found = await situation(ctx.store, patience)
    now, told = round(found.now.timestamp() * 1000), await ctx.store.alerts.told()
    on = {alert.key: alert for alert in alerts_of(found, patience)}
    remembered = settle(on, told, now)
    gone: dict[str, Told | None] = {key: None for key in told if key not in remembered}
    if not await ctx.store.alerts.put(token, gone | remembered) or ctx.settings.hourstream_alert_url is None:
        return 0
    messages = due(remembered, now)
    arrived = await _deliver(ctx.settings, messages)
    kept = {each.key: after(each, now, each.key in arrived, patience) for each in messages}
    await ctx.store.alerts.put(token, kept)
    return len(arrived)


async def _deliver(settings: Settings, messages: list[Message]) -> set[str]:
    """The keys of those that arrived."""
    timeout = aiohttp.ClientTimeout(total=ANSWER)
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(timeout=timeout, cookie_jar=jar, request_class=Request) as http:
        arrived = await asyncio.gather(*(_post(http, settings, each) for each in messages))
    return {each.key for each, done in zip(messages, arrived, strict=True) if done}


async def _post(http: aiohttp.ClientSession, settings: Settings, message: Message) -> bool:
    body = body_of(settings, message)
    try:
        async with http.post(str(settings.hourstream_alert_url), json=body, allow_redirects=False) as answer:
            status = answer.status
    except (aiohttp.ClientError, TimeoutError, OSError) as error:  # the address, which may hold a token, is in its text
        log.warning("alert_not_delivered", code=message.told.code, error=type(error).__name__)
        return False
    if not 200 <= status < 300:
        log.warning("alert_not_delivered", code=message.told.code, status=status)
        return False
    log.info("alert_delivered", code=message.told.code, over=message.told.over)
    return True


def body_of(settings: Settings, message: Message) -> dict[str, str]:
    """What is posted. `state` is "needed" or "over"; `since` ISO 8601 in UTC."""
    told = message.told
    text = f"Over: {told.text}" if told.over else told.text
    return {
        "code": told.code,
        "text": Redactor(known_secrets(settings)).text(text),
        "url": f"{settings.hourstream_console_url}/",
        "state": "over" if told.over else "needed",
        "since": _since(told),
    }


def _since(told: Told | None) -> str:
    if told is None:
        return ""
    return datetime.fromtimestamp(told.since / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


async def _last_read(store: Store) -> tuple[datetime | None, bool]:
    """When anything was last read from Salesforce, and whether it came as a stream.

    Before the first response it is when the setup was saved; None before there is one.
    """
    saved = await store.setup.current()
    if saved is None:
        return None, False
    moments = {streaming: await _stored(store, channel) for channel, streaming in _channels(saved.text).items()}
    known = [(moment, streaming) for streaming, moment in moments.items() if moment is not None]
    return max(known, default=(datetime.fromisoformat(saved.saved_at), False))


def _channels(text: str) -> Mapping[str, bool]:
    """Under which names the listener keeps its positions: the stream's, and polling's."""
    try:
        setup = parse(text)
    except SetupError:
        return {}
    return {setup.channel: True, f"/poll/{setup.source.sobject}": False}


async def _stored(store: Store, channel: str) -> datetime | None:
    position = await store.inbox.position(channel)
    return datetime.fromtimestamp(int(position.stored_at) / 1000, UTC) if position and position.stored_at else None

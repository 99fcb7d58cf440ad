"""What Prometheus reads: the deployment as its store has it, so that every process answers the same.

Ages and lags are seconds. No name of a person, client or document, and nothing secret, is in a label.
"""

import time
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from worker.alerts import Patience
from worker.store.heartbeats import Beat
from worker.store.passes import NAMES
from worker.store.store import Store

LISTENER = {
    "lag_seconds": ("hourstream_listener_lag_seconds", "From an entry's change until it was stored, at the last one"),
    "position_age_seconds": ("hourstream_position_age_seconds", "Since the position in the stream was stored last"),
    "events": ("hourstream_listener_events", "Change events taken in since the listener started"),
    "parked": ("hourstream_listener_parked", "Events that could not be decoded since the listener started"),
}


async def metrics(store: Store) -> bytes:
    """Everything, in Prometheus' text format. Raises what the store raises when Redis does not answer."""
    registry = CollectorRegistry()
    await _stages(store, registry)
    await _xero(store, registry)
    await _processes(store, registry)
    await _tokens(store, registry)
    await _passes(store, registry)
    _single(registry, "hourstream_entries_waiting", "Time entries that wait", await store.ledger.count_waiting())
    _single(registry, "hourstream_ledger_complete", "1 when it is complete", bool(await store.epoch.current()))
    unknown = len(await store.intents.unresolved())
    _single(registry, "hourstream_unresolved_writes", "Writes to Xero under way or unknown", unknown)
    return generate_latest(registry)


async def _stages(store: Store, registry: CollectorRegistry) -> None:
    def gauge(name: str, text: str) -> Gauge:
        return Gauge(f"hourstream_{name}", text, ["stage"], registry=registry)

    due, leased = gauge("due", "Items due on a work list"), gauge("leased", "Items being worked on")
    later, waiting = gauge("later", "Items due later"), gauge("waiting", "Items parked until a person or their cause")
    retrying = gauge("retrying", "Items whose last try failed")
    attempts = gauge("attempts_most", "Tries of the item that was tried most")
    oldest, held = gauge("oldest_seconds", "Age of the oldest due item"), gauge("stopped", "1 when paused or held")
    for work in store.lists():
        counts, (until, _) = await work.counts(), await work.held()
        for one, value in (
            (due, counts.due), (leased, counts.leased), (later, counts.scheduled), (waiting, counts.waiting),
            (retrying, counts.retrying), (oldest, counts.oldest_seconds), (held, bool(counts.paused or until)),
            (attempts, await work.most_attempts()),
        ):  # fmt: skip
            one.labels(work.stage).set(value)


async def _xero(store: Store, registry: CollectorRegistry) -> None:
    state = await store.governor.state()
    _single(registry, "hourstream_xero_calls_today", "Xero calls made today", state.calls_today)
    _single(registry, "hourstream_xero_calls_in_flight", "Xero calls under way", state.in_flight)
    _single(registry, "hourstream_xero_calls_left_this_minute", "Xero calls left this minute", state.minute_left)
    _single(registry, "hourstream_xero_calls_left_today", "Xero calls left today, as Xero says", state.day_left)
    _single(registry, "hourstream_xero_stopped", "1 while Xero is not called", bool(state.stopped_until))


async def _processes(store: Store, registry: CollectorRegistry) -> None:
    listeners = await store.heartbeats.alive("listener")
    _single(registry, "hourstream_workers", "Workers that live", len(await store.heartbeats.alive("worker")))
    _single(registry, "hourstream_listeners", "Listeners that live", len(listeners))
    active = next((beat for beat in listeners if beat.detail.get("state") == "listening"), None)
    found = active or (listeners[0] if listeners else None)
    if found is None:
        return
    for name, (metric, text) in LISTENER.items():
        _single(registry, metric, text, found.detail.get(name) or None)
    _counts(found, "reconnects", "reason", "New streams since the listener started", registry)
    _counts(found, "resyncs", "kind", "Readings of Salesforce it asked for since it started", registry)
    await _heard(store, found, registry)


def _counts(listener: Beat, name: str, label: str, text: str, registry: CollectorRegistry) -> None:
    gauge = Gauge(f"hourstream_listener_{name}", text, [label], registry=registry)
    for each in listener.detail.get(name, "").split():
        what, _, count = each.rpartition("=")
        gauge.labels(what).set(float(count))


async def _heard(store: Store, listener: Beat, registry: CollectorRegistry) -> None:
    """How long ago it heard of anything, and how long Salesforce still knows the position it would go on from."""
    for name, text in (("event", "Since the last event was committed"), ("response", "Since Salesforce said anything")):
        heard = _since(listener.detail.get(f"last_{name}_at", ""))
        _single(registry, f"hourstream_listener_last_{name}_age_seconds", text, heard)
    position = await store.inbox.position(listener.detail.get("channel", ""))
    if position is None or not position.stored_at or listener.detail.get("transport") == "poll":
        return
    left = Patience().replay.total_seconds() - (time.time() - int(position.stored_at) / 1000)
    _single(registry, "hourstream_position_left_seconds", "Until Salesforce forgets the stored position", left)


async def _passes(store: Store, registry: CollectorRegistry) -> None:
    """When reconciliation came through last, and of how many entries no event had told by then."""
    age = Gauge("hourstream_reconciled_age_seconds", "Since it came through", ["reading"], registry=registry)
    missed = Gauge("hourstream_events_missed", "Entries that no event told of", ["reading"], registry=registry)
    for name in NAMES:
        found = await store.passes.finished(name)
        if (seconds := _since(found.at)) is not None:
            age.labels(name).set(seconds)
            missed.labels(name).set(found.missed_in_all)


def _since(text: str) -> float | None:
    return max(0.0, (datetime.now(UTC) - datetime.fromisoformat(text)).total_seconds()) if text else None


async def token_ages(store: Store) -> dict[str, float]:
    """Seconds since what we sign in with was renewed, by service, where there is anything.

    A refresh token of Xero's that nobody renews for 60 days is gone.
    """
    found = {}
    for service in ("salesforce", "xero"):
        renewed = float((await store.tokens.get(service) or {}).get("refreshed_at") or 0)
        if renewed:
            found[service] = max(0.0, time.time() - renewed)
    return found


async def _tokens(store: Store, registry: CollectorRegistry) -> None:
    gauge = Gauge("hourstream_token_age_seconds", "Since a service's token was renewed", ["service"], registry=registry)
    for service, age in (await token_ages(store)).items():
        gauge.labels(service).set(age)


def _single(registry: CollectorRegistry, name: str, text: str, value: float | str | None) -> None:
    """A gauge without labels; none where the value is not known."""
    if value is not None:
        Gauge(name, text, registry=registry).set(float(value))

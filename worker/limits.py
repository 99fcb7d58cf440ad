"""Every wait the product makes, in seconds, in one place.

`worker/main.py` makes one `Limits` per process and hands it on; `HOURSTREAM_TIME_SCALE` divides all of them, for suites
with many histories. Counts (calls a minute, elements a call) are not waits and are not scaled.
"""

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds, unless the name says otherwise."""

    lease: float = 20.0  # a claim; saves double effort only, nothing correct rests on it; a killed worker costs this
    gather: float = 1.0  # invoices: what falls due within this is claimed along
    backoff_base: float = 2.0  # first retry of a work list item
    backoff_cap: float = 300.0
    send_within: float = 10.0  # bytes leave this soon after `begin`, else the intent is dropped
    request: float = 45.0  # one Xero write in all, then its socket is closed
    read_request: float = 30.0  # one read of either service
    repeat_window: float = (
        300.0  # same bytes and key may be sent again this long after the first send (Xero keeps keys 6 min)
    )
    repeats: int = 2  # a count: how often the same bytes may be sent again
    fresh_read: float = 10.0  # a draft's state may be this old when an update of it begins
    minute: float = 60.0  # a Xero call's slot is free this long after its answer
    credit_wait: float = 360.0  # "not found" of a credit note counts only this long after its first send
    call_lease: float = 120.0  # a call slot whose owner died is given up after this
    rebuild_wait: float = 90.0  # before a rebuild reads Xero: what may still be on the wire has arrived
    step: float = 30.0  # the longest one job may work before it stores its cursor and rings again
    overlap: float = 300.0  # If-Modified-Since and first-sent look-ups reach back this much further
    watermark_margin: float = 900.0  # reconcile without latestDateCovered
    token_margin: float = 60.0  # a token with less left than this is renewed
    token_lock: float = 60.0  # longer than a token call takes
    listener_lease: float = 10.0
    poll: float = 60.0  # the poll transport
    event_grace: float = 60.0  # an event of a change may take this long: younger ones were not missed
    passes_apart: float = 30.0  # between two passes that only the stream asks for: its requests may come in storms
    related: float = 300.0  # how often is asked what changed in projects, contact links and people
    walk_by_night: float = 72_000.0  # the nightly walk: again after this long where it is night …
    walk_at_latest: float = 108_000.0  # … and after this long wherever it is day
    contacts_all: float = 604_800.0  # how often all contacts are read, for what moves no time of change
    stream_silence: float = 290.0  # a stream that says nothing this long is dead (keep-alives come within 270)
    described: float = 300.0  # how long the description of an object is used before it is read again
    doorbell: float = 1.0  # the cron that rings for every list with something due
    heartbeat: float = 5.0
    daily_retry: float = 86_400.0  # everything waiting is tried again this often
    flip_window: float = 600.0

    def scaled(self, scale: float) -> "Limits":
        """The same limits with every wait divided by `scale`; counts stay."""
        counts = {"repeats"}
        return replace(self, **{f.name: getattr(self, f.name) / scale for f in fields(self) if f.name not in counts})

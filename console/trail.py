"""The audit trail for people: who did what to which thing, filtered, newest first."""

import asyncio
import csv
import io
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice

import msgspec

from worker.store.audit import AuditEntry
from worker.store.store import Store


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for; "" and None let everything through. `what` is a beginning: "decision" finds decision.bill."""

    since: datetime | None = None
    who: str = ""
    what: str = ""
    subject: str = ""

    def takes(self, entry: AuditEntry) -> bool:
        """Whether this entry is one of those looked for."""
        return (
            (self.since is None or datetime.fromisoformat(entry.at) >= self.since)
            and self.who.casefold() in entry.who.casefold()
            and entry.what.startswith(self.what)
            and self.subject.casefold() in entry.subject.casefold()
        )


async def trail(store: Store, wanted: Filter, count: int, start: int = 0) -> list[AuditEntry]:
    """`count` of them from the `start`-th on, newest first; read from disk, where the trail is complete."""
    return await asyncio.to_thread(lambda: list(islice(_found(store, wanted), start, start + count)))


def _found(store: Store, wanted: Filter) -> Iterator[AuditEntry]:
    return (entry for entry in store.audit.newest_first() if wanted.takes(entry))


def as_csv(entries: Iterable[AuditEntry]) -> str:
    """The entries as a table for a spreadsheet; what could be taken for a formula there is text."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["at", "who", "what", "subject", "detail"])
    for each in entries:
        row = [each.at, each.who, each.what, each.subject, said(each)]
        writer.writerow([f"'{value}" if value[:1] in "=+-@\t\r" and value else value for value in row])
    return text.getvalue()


def said(entry: AuditEntry) -> str:
    """The detail in one line."""
    return ", ".join(f"{name} {_plain(value)}" for name, value in entry.detail.items() if value not in ("", None))


def _plain(value: object) -> str:
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

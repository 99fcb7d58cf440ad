"""Which Xero contact a Salesforce record's time is billed to, as people linked it: `xero_contact = "link(Project__c)"`.

A link is written to disk before it counts, so that a wiped Redis gets it back. Beside the links stands which units hang
on a record: whoever links it makes just these due in collect.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec import Struct
from redis.asyncio import Redis

from worker.billing.model import Entry
from worker.errors import ServiceError
from worker.store import disk, moments
from worker.store.keys import Keys
from worker.store.lua import Key, script, stub
from worker.store.worklist_scripts import PRELUDE


class ContactLink(Struct, frozen=True, kw_only=True):
    """A record's contact; `contact` is a ContactID in lower case, "" once the link was taken away."""

    record: str  # 18-character Salesforce id
    contact: str
    by: str = ""
    at: str = ""


@script(allow_oom=True, prelude=PRELUDE)
async def _put(redis: Redis, *, links: Key, base: str, rows: list[list[str]]) -> int:
    """
    local due = 0
    for _, row in ipairs(rows) do
      redis.call("HSET", links, row[1], row[2])
      for _, id in ipairs(redis.call("SMEMBERS", base .. "linked:" .. row[1])) do
        work_add(base, "collect", id, 0, 0, 0)
        due = due + 1
      end
    end
    return due
    """
    return stub()


@dataclass(frozen=True, slots=True)
class ContactLinks:
    """Links of records to Xero contacts."""

    redis: Redis
    keys: Keys
    data: Path

    async def put(self, links: Sequence[ContactLink]) -> int:
        """Record these, each instead of the one before; gives how many units are judged anew by it.

        Raises `ServiceError` where they cannot be put on disk: then nothing was linked.
        """
        at = moments.text(await moments.now(self.redis))
        made = [msgspec.structs.replace(link, at=link.at or at) for link in links]
        try:
            await asyncio.to_thread(self._append, made)
        except OSError as error:
            raise ServiceError(
                f"The link cannot be written to {self.file}: {error}.", "Make room, or mend its rights."
            ) from error
        return await self._store(made)

    async def of(self, records: Iterable[str]) -> dict[str, str]:
        """The ContactID of each of these records that is linked."""
        names = sorted(set(records))
        if not names:
            return {}
        found: list[str | None] = await self.redis.hmget(self._key, names)  # type: ignore[misc]  # sync and async typed as one
        links = {name: _link(text) for name, text in zip(names, found, strict=True) if text}
        return {name: link.contact for name, link in links.items() if link.contact}

    async def all(self) -> dict[str, ContactLink]:
        """Every record that is linked now."""
        found: dict[str, str] = await self.redis.hgetall(self._key)  # type: ignore[misc]  # as above
        links = {record: _link(text) for record, text in found.items()}
        return {record: link for record, link in links.items() if link.contact}

    async def hang(self, entries: Iterable[Entry]) -> None:
        """Remember on which records these entries hang, before they are judged by the records' links."""
        pipe = self.redis.pipeline(transaction=False)
        for entry in entries:
            if entry.linked:
                pipe.sadd(self.keys("linked", entry.linked), entry.id)
        if len(pipe):
            await pipe.execute()

    async def restore(self) -> None:
        """Take from disk what Redis lost, or knows only as it was."""
        last = {link.record: link for link in await asyncio.to_thread(self._read)}
        known: dict[str, str] = await self.redis.hgetall(self._key)  # type: ignore[misc]  # as above
        lost = [link for record, link in last.items() if record not in known or _link(known[record]).at < link.at]
        await self._store(lost)

    @property
    def file(self) -> Path:
        """The copy on disk, one JSON object a line; of several about one record the last counts."""
        return self.data / "state" / "contact-links.jsonl"

    async def _store(self, links: Sequence[ContactLink]) -> int:
        rows = [[link.record, _text(link)] for link in links]
        due = 0
        for start in range(0, len(rows), 100):
            due += await _put(self.redis, links=self._key, base=self.keys.base, rows=rows[start : start + 100])
        return due

    def _append(self, links: Sequence[ContactLink]) -> None:
        lines = "\n".join(_text(link) for link in links)
        if lines:
            disk.append_line(self.file, lines.encode())

    def _read(self) -> list[ContactLink]:
        lines = (disk.read_bytes(self.file) or b"").splitlines()
        return [link for line in lines if (link := _parsed(line)) is not None]

    @property
    def _key(self) -> Key:
        return self.keys("contact-links")


def resolved(entry: Entry, links: Mapping[str, str]) -> Entry:
    """The entry with the contact that its record is linked to; as it is where no link is to be looked for."""
    return msgspec.structs.replace(entry, xero_contact=links.get(entry.linked, "")) if entry.linked else entry


def _text(link: ContactLink) -> str:
    return msgspec.json.encode(link).decode()


def _link(text: str) -> ContactLink:
    return msgspec.json.decode(text, type=ContactLink)


def _parsed(line: bytes) -> ContactLink | None:
    try:
        return msgspec.json.decode(line, type=ContactLink)
    except msgspec.DecodeError:
        return None

"""What Xero said last about its contacts and the company: billing reads it from here, the jobs keep it fresh."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from msgspec import Struct
from redis.asyncio import Redis

from worker.billing.model import Company, Contact
from worker.store.keys import Keys
from worker.store.lua import Key, script, stub

AT_ONCE = 500  # contacts in one script call: some 200 kB


class ContactPage(Struct, frozen=True):
    """Some contacts in no order; `cursor` fetches the next ones, 0 means these were the last."""

    contacts: tuple[Contact, ...]
    cursor: int


@script()
async def _put(
    redis: Redis, *, contacts: Key, prints: Key, merged: Key, ids: list[str], records: list[str], marks: list[str],
    targets: list[str]
) -> list[str]:  # fmt: skip
    """
    local changed = {}
    for i, id in ipairs(ids) do
        if redis.call("HGET", prints, id) ~= marks[i] then
            changed[#changed + 1] = id
        end
        redis.call("HSET", contacts, id, records[i])
        if targets[i] == "" then
            redis.call("HDEL", merged, id)
        else
            redis.call("HSET", merged, id, targets[i])
        end
    end
    return changed
    """
    return stub()


def billing_mark(contact: Contact) -> str:
    """The fields of a contact that billing depends on, for comparing; a new name or e-mail address moves no invoice."""
    relevant = (
        contact.status, contact.merged_to, contact.tax_type, contact.account, contact.amounts, contact.currency,
        contact.terms, contact.tracking, contact.branding,
    )  # fmt: skip
    return msgspec.json.encode(relevant).decode()


def follow(contact: str, merged: Mapping[str, str]) -> str:
    """The contact that `contact` has become through merges; itself when it was not merged."""
    seen = {contact}
    while (target := merged.get(contact, "")) and target not in seen:
        seen.add(target)
        contact = target
    return contact


@dataclass(frozen=True, slots=True)
class Contacts:
    """The Xero contacts as last pulled, and how each fared on its way into Salesforce."""

    redis: Redis
    keys: Keys

    async def put_many(self, contacts: Sequence[Contact]) -> tuple[str, ...]:
        """Store contacts; returns the ids that are new or changed in a field that billing depends on.

        They are returned again until `looked_at` says that what hangs on them is on its list.
        """
        changed: list[str] = []
        for some in _batches(contacts, AT_ONCE):
            changed += await _put(
                self.redis,
                contacts=self._key,
                prints=self.keys("contacts", "marks"),
                merged=self.keys("contacts", "merged"),
                ids=[contact.id for contact in some],
                records=[msgspec.json.encode(contact).decode() for contact in some],
                marks=[billing_mark(contact) for contact in some],
                targets=[contact.merged_to for contact in some],
            )
        return tuple(changed)

    async def looked_at(self, contacts: Sequence[Contact]) -> None:
        """What depends on these contacts, as they are here, is looked at again."""
        marks = {contact.id: billing_mark(contact) for contact in contacts}
        if marks:
            await self.redis.hset(self.keys("contacts", "marks"), mapping=dict(marks))  # type: ignore[misc]  # sync and async typed as one

    async def get(self, contact: str) -> Contact | None:
        """One contact, or None when Xero never told of it."""
        return (await self.get_many([contact])).get(contact)

    async def get_many(self, contacts: Sequence[str]) -> dict[str, Contact]:
        """Those of the contacts that are known, by id."""
        if not contacts:
            return {}
        found: list[str | None] = await self.redis.hmget(self._key, list(contacts))  # type: ignore[misc]  # sync and async typed as one
        return {one.id: one for text in found if text is not None for one in [_contact(text)]}

    async def page(self, cursor: int = 0, count: int = 500) -> ContactPage:
        """About `count` contacts from `cursor` on (0: from the start). One that changes meanwhile may come twice."""
        following, found = await self.redis.hscan(self._key, cursor, count=count)
        return ContactPage(tuple(_contact(text) for text in found.values()), int(following))

    async def all(self) -> list[Contact]:
        """Every contact as last pulled, by name."""
        found: dict[str, Contact] = {}
        cursor = 0
        while True:
            page = await self.page(cursor)
            found |= {contact.id: contact for contact in page.contacts}
            cursor = page.cursor
            if not cursor:
                return sorted(found.values(), key=lambda each: (each.name.casefold(), each.id))

    async def count(self) -> int:
        """How many contacts are known."""
        number: int = await self.redis.hlen(self._key)  # type: ignore[misc]  # as above
        return number

    async def merged(self) -> dict[str, str]:
        """Which contacts were merged into which, for `follow`."""
        found: dict[str, str] = await self.redis.hgetall(self.keys("contacts", "merged"))  # type: ignore[misc]  # as above
        return found

    async def set_outcomes(self, outcomes: Mapping[str, str]) -> None:
        """Remember how each contact's upsert into Salesforce went: "" for well, else the service's message."""
        if outcomes:
            await self.redis.hset(self.keys("contacts", "outcomes"), mapping=dict(outcomes))  # type: ignore[misc]  # as above

    async def outcomes(self, contacts: Sequence[str]) -> dict[str, str]:
        """How those of the contacts fared that were ever sent to Salesforce."""
        if not contacts:
            return {}
        found: list[str | None] = await self.redis.hmget(self.keys("contacts", "outcomes"), list(contacts))  # type: ignore[misc]  # as above
        return {contact: text for contact, text in zip(contacts, found, strict=True) if text is not None}

    @property
    def _key(self) -> Key:
        return self.keys("contacts")


@dataclass(frozen=True, slots=True)
class CompanyStore:
    """The Xero company's record."""

    redis: Redis
    keys: Keys

    async def get(self) -> Company | None:
        """The company as last read, or None before the first read."""
        found: str | None = await self.redis.get(self.keys("company"))
        return msgspec.json.decode(found, type=Company) if found is not None else None

    async def put(self, company: Company) -> bool:
        """Store it; says whether anything but the time of reading changed."""
        before = await self.get()
        await self.redis.set(self.keys("company"), msgspec.json.encode(company))
        return before is None or msgspec.structs.replace(before, read_at=company.read_at) != company


def _contact(text: str) -> Contact:
    return msgspec.json.decode(text, type=Contact)


def _batches(contacts: Sequence[Contact], size: int) -> Iterator[Sequence[Contact]]:
    for start in range(0, len(contacts), size):
        yield contacts[start : start + size]

"""Who may use the console, and as what: the roles people were given.

Redis has them for every request; `HOURSTREAM_DATA/state/roles.json` is the copy. Both carry a revision, and the later
one wins: a Redis that was emptied or rolled back gives nobody a role back that was taken away since.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import msgspec
import structlog
from msgspec import Struct
from msgspec.structs import replace
from redis.asyncio import Redis

from worker.errors import ServiceError
from worker.store import disk, moments
from worker.store.keys import Keys
from worker.store.lua import Key, script, stub

log = structlog.get_logger()

Role = Literal["viewer", "operator", "administrator"]
Way = Literal["link", "salesforce", "xero"]

ROLES: tuple[Role, ...] = get_args(Role)  # each may do what those before it may
WAYS: tuple[Way, ...] = get_args(Way)
NAME = 200  # characters
_NAME = re.compile(r"[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?")
_REVISION = "#"  # the field with the revision; no person's id begins so
_TRIES = 20  # changes by others at the same moment


class Member(Struct, frozen=True, kw_only=True):
    """Somebody with a role.

    `name` is how they sign in: a Salesforce username, the e-mail address of a Xero login, or any name for a link.
    `subject` is the service's own id of the person, known from their first sign-in on: a name that is given to somebody
    else later opens nothing. `round` counts how often all their sessions were ended.
    """

    way: Way
    name: str
    role: Role
    by: str = ""
    since: str = ""
    subject: str = ""
    round: int = 0

    @property
    def id(self) -> str:
        """One id for one name of one way, in any case."""
        return id_of(self.way, self.name)


class _Copy(Struct, frozen=True):
    revision: int
    people: tuple[Member, ...] = ()


def id_of(way: Way, name: str) -> str:
    """The id under which somebody is kept and named in addresses."""
    return f"{way}:{name.strip().casefold()}"


def allowed(role: Role, needed: Role) -> bool:
    """Whether who has `role` may do what needs `needed`."""
    return ROLES.index(role) >= ROLES.index(needed)


@script()
async def _swap(redis: Redis, *, people: Key, expected: str, field: str, value: str) -> int:
    """
    if (redis.call("HGET", people, "#") or "0") ~= expected then return 0 end
    if value == "" then redis.call("HDEL", people, field) else redis.call("HSET", people, field, value) end
    return redis.call("HINCRBY", people, "#", 1)
    """
    return stub()


@script()
async def _restore(redis: Redis, *, people: Key, revision: str, rows: list[list[str]]) -> int:
    """
    if tonumber(redis.call("HGET", people, "#") or "0") >= tonumber(revision) then return 0 end
    redis.call("DEL", people)
    redis.call("HSET", people, "#", revision)
    for _, row in ipairs(rows) do redis.call("HSET", people, row[1], row[2]) end
    return 1
    """
    return stub()


@dataclass(frozen=True, slots=True)
class People:
    """Gives and takes roles. Every change is in Redis first, then on disk."""

    redis: Redis
    keys: Keys
    data: Path

    async def settle(self) -> None:
        """Make Redis and the disk agree: the later revision wins. To be called at start, and before a role is trusted
        that nobody's session stands for yet."""
        rows, copy = await self._rows(), await asyncio.to_thread(self._read)
        if copy is not None and copy.revision > int(rows.get(_REVISION, "0")):
            restored = [[member.id, _text(member)] for member in copy.people]
            await _restore(self.redis, people=self.key, revision=str(copy.revision), rows=restored)
        elif _REVISION in rows and (copy is None or copy.revision < int(rows[_REVISION])):
            await self._save()

    async def all(self) -> tuple[Member, ...]:
        """Everybody with a role, by name."""
        return _members(await self._rows())

    async def get(self, id_: str) -> Member | None:
        """One of them."""
        found: str | None = await self.redis.hget(self.key, id_)  # type: ignore[misc]  # sync and async typed as one
        return msgspec.json.decode(found, type=Member) if found and id_ != _REVISION else None

    async def grant(self, way: Way, name: str, role: Role, by: str) -> Member:
        """Give somebody a role, or another one. Raises `ServiceError` for a name that will not do, and where no
        administrator would be left."""
        name = _checked(name)
        at = moments.text(await moments.now(self.redis))

        def changed(people: Mapping[str, Member]) -> Member:
            known = people.get(id_of(way, name))
            new = known or Member(way=way, name=name, role=role, since=at)
            return replace(new, role=role, by=by, since=at if new.role != role else new.since)

        made = await self._change(id_of(way, name), changed)
        assert made is not None, "a grant always leaves somebody"
        return made

    async def revoke(self, id_: str) -> None:
        """Take somebody's role; their sessions end with it. Raises `ServiceError` where no administrator would be
        left."""
        await self._change(id_, lambda _: None)

    async def sign_out(self, id_: str) -> Member | None:
        """End all sessions of somebody; None where nobody is called so."""

        def changed(people: Mapping[str, Member]) -> Member | None:
            known = people.get(id_)
            return replace(known, round=known.round + 1) if known else None

        return await self._change(id_, changed)

    async def recognise(self, way: Way, name: str, subject: str) -> Member | None:
        """Who signs in by this name; None for who has no role, or is another person than the one it was given to.

        The first sign-in ties the name to the service's own id of the person.
        """
        await self.settle()
        known = await self.get(id_of(way, name))
        if known is None or known.subject == subject:
            return known
        if known.subject:
            log.warning("somebody_else_by_that_name", way=way, person=known.id)
            return None
        tied = replace(known, subject=subject)
        return await self._change(
            known.id, lambda people: tied if people.get(known.id) == known else people.get(known.id)
        )

    @property
    def key(self) -> Key:
        """Where sessions look up the role of their person."""
        return self.keys("people")

    @property
    def file(self) -> Path:
        """The copy on disk."""
        return self.data / "state" / "roles.json"

    async def _change(self, id_: str, change: Callable[[Mapping[str, Member]], Member | None]) -> Member | None:
        """Put what `change` makes of the people under `id_`; again, when others changed them meanwhile."""
        for _ in range(_TRIES):
            rows = await self._rows()
            people = {member.id: member for member in _members(rows)}
            new = change(people)
            if new == people.get(id_):
                return new
            _check_administrator(people, id_, new)
            text = _text(new) if new else ""
            if await _swap(self.redis, people=self.key, expected=rows.get(_REVISION, "0"), field=id_, value=text):
                await self._save()
                return new
        raise ServiceError("The roles are being changed by others all the time.", "Try it again.")

    async def _rows(self) -> dict[str, str]:
        return dict(await self.redis.hgetall(self.key))  # type: ignore[misc]  # as above

    async def _save(self) -> None:
        rows = await self._rows()
        copy = _Copy(int(rows.get(_REVISION, "0")), _members(rows))
        try:
            await asyncio.to_thread(self._write, copy)
        except OSError as error:
            raise ServiceError(
                f"The roles are changed, but their copy {self.file} cannot be written: {error}.",
                "Make room, or mend its rights.",
            ) from error

    def _write(self, copy: _Copy) -> None:
        with disk.locked(self.file.with_suffix(".lock")):
            before = self._read()
            if before is None or before.revision < copy.revision:
                disk.write_atomic(self.file, msgspec.json.format(msgspec.json.encode(copy)))

    def _read(self) -> _Copy | None:
        content = disk.read_bytes(self.file)
        try:
            return msgspec.json.decode(content, type=_Copy) if content else None
        except msgspec.DecodeError as error:
            raise ServiceError(
                f"The copy of the roles, {self.file}, cannot be read: {error}.",
                "Put back a good copy, or remove it: the roles in Redis then stand.",
            ) from error


def _members(rows: Mapping[str, str]) -> tuple[Member, ...]:
    found = [msgspec.json.decode(text, type=Member) for id_, text in rows.items() if id_ != _REVISION]
    return tuple(sorted(found, key=lambda member: (member.name.casefold(), member.way)))


def _text(member: Member) -> str:
    return msgspec.json.encode(member).decode()


def _checked(name: str) -> str:
    name = name.strip()
    if len(name) > NAME or not _NAME.fullmatch(name):
        raise ServiceError("That is no name to sign in by.", f"Write 1 to {NAME} characters on one line.")
    return name


def _check_administrator(people: Mapping[str, Member], id_: str, new: Member | None) -> None:
    """Somebody must be left who can give roles."""
    old = people.get(id_)
    if old is None or old.role != "administrator" or (new and new.role == "administrator"):
        return
    if not any(member.role == "administrator" for member in people.values() if member.id != id_):
        raise ServiceError(f"{old.name} is the only administrator.", "Make somebody else administrator first.")

"""The pinned pair: the Salesforce org and the Xero company this deployment serves, stored at the first connect.

Of each it is remembered whether it is for trying things out: a sandbox org, a demo company. A sandbox is never paired
with a real company: what somebody tries out there would be on drafts for real clients.
"""

import asyncio
from pathlib import Path
from typing import Literal

import msgspec
from redis.asyncio import Redis

from worker.errors import ConnectionPaused
from worker.store import disk
from worker.store.keys import Keys
from worker.store.lua import Key, script, stub

Part = Literal["org", "company"]
Kind = Literal["sandbox", "production", "demo", "real", ""]  # the first two of an org, then of a company; "" unknown

PARTS: tuple[Part, ...] = ("org", "company")
NAMES: dict[Part, str] = {"org": "Salesforce org", "company": "Xero company"}
UNLIKE = "The Salesforce org is a sandbox, but the Xero company is a real one: tests would be drafts for real clients."
REMEDIES: dict[Part, str] = {
    "org": "Connect the production org. A sandbox needs a deployment of its own, with a Xero demo company.",
    "company": "Connect a Xero demo company. The real one needs a deployment of its own, with the production org.",
}


class UnlikePairError(ConnectionPaused):
    """A sandbox org would be billed into a real Xero company."""

    def __init__(self, refused: Part) -> None:
        super().__init__(UNLIKE, REMEDIES[refused])


class Pair:
    """Pins ids at first sight and refuses others ever after; HOURSTREAM_DATA/state has a copy, should Redis be lost."""

    def __init__(self, redis: Redis, keys: Keys, data: Path) -> None:
        self._redis, self._key, self._copy = redis, keys("pair"), data / "state" / "pair.json"
        self._copied: dict[str, str] = {}

    async def kind(self, what: Part, id_: str) -> Kind:
        """What is remembered of this org or company; "" where nothing is. Raises as `pin` for another id."""
        held = await self.get()
        if what in held and held[what] != id_:
            raise _another(what, held[what], id_)
        return _kind(held.get(f"{what}:kind", "")) if what in held else ""

    async def pin(self, what: Part, id_: str, kind: Kind = "") -> None:
        """Serve this org or company from now on; `kind` where that is known by now.

        Raises:
            UnlikePairError: a sandbox org would meet a real company. Nothing is pinned.
            ConnectionPaused: another id is pinned already.
        """
        await self.get()
        refusal, pinned = await self._try(what, id_, kind)
        if refusal == "other":
            raise _another(what, pinned, id_)
        if refusal == "unlike":
            raise UnlikePairError(what)
        held = await self._stored()
        if held != self._copied:
            await asyncio.to_thread(self._save, held)
            self._copied = held

    async def get(self) -> dict[str, str]:
        """What is pinned: "org", "company", and of each its kind ("org:kind") and name ("org:name") once known."""
        held = await self._stored()
        missing = [what for what in PARTS if what not in held]
        saved = await asyncio.to_thread(self._saved) if missing else {}
        lost = [what for what in missing if saved.get(what)]
        for what in lost:
            await self._try(what, saved[what], _kind(saved.get(f"{what}:kind", "")))
        return await self._stored() if lost else held

    async def _try(self, what: Part, id_: str, kind: Kind) -> tuple[str, str]:
        other = "company" if what == "org" else "org"
        refusal, pinned = await _pin(self._redis, self._key, what, other, id_, kind)
        return refusal, pinned

    async def _stored(self) -> dict[str, str]:
        return dict(await self._redis.hgetall(self._key))  # type: ignore[misc]  # sync and async typed as one

    def _saved(self) -> dict[str, str]:
        text = disk.read_bytes(self._copy)
        return msgspec.json.decode(text, type=dict[str, str]) if text else {}

    def _save(self, pair: dict[str, str]) -> None:
        with disk.locked(self._copy.with_suffix(".lock")):
            saved = self._saved()
            if saved != saved | pair:  # Redis may have lost one of the two a moment ago
                disk.write_atomic(self._copy, msgspec.json.encode(saved | pair) + b"\n")

    async def call(self, what: Part, name: str) -> None:
        """Remember what this org or company is called; only people are told it."""
        if name and (await self.get()).get(f"{what}:name") != name:
            await self._redis.hset(self._key, f"{what}:name", name)  # type: ignore[misc]  # sync and async typed as one

    async def company(self) -> str:
        """The Xero company's id; "" before the first connect."""
        return (await self.get()).get("company", "")


def _another(what: Part, pinned: str, id_: str) -> ConnectionPaused:
    return ConnectionPaused(
        f"This deployment serves the {NAMES[what]} {pinned}, but {id_} answered.",
        "Check the credentials. Another org or company needs a deployment of its own.",
    )


def _kind(text: str) -> Kind:
    kinds: tuple[Kind, ...] = ("sandbox", "production", "demo", "real")
    return next((kind for kind in kinds if kind == text), "")


@script()
async def _pin(redis: Redis, pair: Key, what: str, other: str, id: str, kind: str) -> list[str]:
    """
    local held = redis.call("HGET", pair, what)
    if held and held ~= id then return {"other", held} end
    if kind == "" and held then kind = redis.call("HGET", pair, what .. ":kind") or "" end
    local kinds = {[what] = kind, [other] = redis.call("HGET", pair, other .. ":kind") or ""}
    if kinds.org == "sandbox" and kinds.company == "real" then return {"unlike", ""} end
    redis.call("HSET", pair, what, id)
    if kind ~= "" then redis.call("HSET", pair, what .. ":kind", kind) end
    return {"", id}
    """
    stub()

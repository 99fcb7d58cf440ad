"""The ledger: what Salesforce says of each unit, what our documents in Xero hold, and which unit is on which.

A unit's hash: `entry` (facts), `ticket` of the read they came from, `verdict` (placed, waiting, out), `belongs` (the
invoice key it should be on), its postings by document, `posted` (the key whose document holds it open) and `at` (that
key, or the one whose unresolved intent holds it). An invoice's hash: `record`, `version`, `slot` (its one unresolved
intent). Records are opaque JSON to the scripts; only ids, tickets, versions, generations and documents' statuses are
looked at there.
"""

import secrets
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from redis.asyncio import Redis

from worker.billing.model import Correction, Decision, DocumentType, Entry, Invoice, Out, Placed, Posting, Waiting
from worker.store import ledger_scripts as scripts
from worker.store.figures import waits_row
from worker.store.keys import Keys
from worker.store.lua import Key
from worker.store.worklist import EpochMovedError, Settle

Verdict = Placed | Waiting | Out


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the ledger knows of one unit; `postings` in the order in which it came onto their documents."""

    id: str
    entry: Entry | None = None
    ticket: int = 0
    verdict: Verdict | None = None
    belongs: str = ""
    at: str = ""
    posted: str = ""
    postings: tuple[Posting, ...] = ()
    decisions: tuple[Decision, ...] = ()  # a person's, oldest first
    wanted: str = ""  # "1" when the last read would have billed it, "0" when not; "" before the first
    flips: tuple[int, ...] = ()  # milliseconds since 1970 at which that changed lately


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """The ledger's record of an invoice key with its version and slot."""

    key: str
    invoice: Invoice | None = None
    version: str = "0"
    slot: str = ""
    written: int = 0  # when a document of it was last written to Xero, milliseconds since 1970; 0: at once again


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """Units held back from an invoice and corrections proposed for it: decisions that are a person's."""

    waiting: Mapping[str, Waiting] = {}
    corrections: tuple[Correction, ...] = ()
    texts: tuple[str, ...] = ()  # what else people should know of its draft
    since: Mapping[str, str] = {}  # "{unit} {document}" -> since when its correction is proposed just so, ISO in UTC


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What one read of Salesforce found for a unit, and what billing makes of it; `write_back`: tell the entry.

    `wanted`: the unit's own record asks for billing ("1") or not ("0"), whatever holds it back; "" says nothing.
    """

    id: str
    generation: str
    entry: Entry
    verdict: Verdict
    write_back: bool = False
    wanted: str = ""


class Ledger:
    """Units and invoices."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis, self._keys = redis, keys

    async def ticket(self) -> int:
        """A number drawn before a read: facts are stored only over older tickets."""
        return int(await scripts.ticket(self._redis, self._keys("ticket")))

    async def store_facts(
        self, epoch: str, ticket: int, facts: Sequence[Facts], settle: Settle, flips: float = 600.0
    ) -> list[str]:
        """Store what was read, make the invoices concerned due, be done with the ids: one script.

        `flips`: for how many seconds it is remembered that what a record asks for turned around. Gives the ids refused
        because a newer read is stored; they stay due. Raises `EpochMovedError`.
        """
        refused: list[str] = []
        for start in range(0, len(facts), 100):
            rows = [fact_row(fact) for fact in facts[start : start + 100]]
            quiet, most = int(settle.quiet * 1000), int(max(settle.most, settle.quiet) * 1000)
            answer = await scripts.store_facts(
                self._redis, self._keys.base, epoch, str(ticket), rows, quiet, most, settle.size, int(flips * 1000)
            )
            if answer is None:
                raise EpochMovedError("collect")
            refused += answer
        return refused

    async def note_written(self, id_: str, ticket: int, entry: Entry) -> None:
        """The entry's write-back fields now say this, unless a newer read has told already."""
        await scripts.note_written(self._redis, self._keys("unit", id_), str(ticket), _text(entry))

    async def unit(self, id_: str) -> Unit | None:
        """One unit; None when the ledger does not know it."""
        return (await self.units([id_])).get(id_)

    async def units(self, ids: Iterable[str]) -> dict[str, Unit]:
        """The units that the ledger knows among these."""
        names = list(ids)
        pipe = self._redis.pipeline(transaction=False)
        for id_ in names:
            pipe.hgetall(self._keys("unit", id_))
        rows: list[dict[str, str]] = await pipe.execute() if names else []
        return {id_: _unit(id_, row) for id_, row in zip(names, rows, strict=True) if row}

    async def members(self, key: str) -> set[str]:
        """Ids of the units that belong on this invoice, or were on it."""
        return set(await self._redis.smembers(self._keys("members", key)))  # type: ignore[misc]

    async def invoices(self, keys: Iterable[str]) -> dict[str, Held]:
        """The ledger's records of these keys; a key without a record has version 0 and an empty slot."""
        names = list(keys)
        pipe = self._redis.pipeline(transaction=False)
        for key in names:
            pipe.hgetall(self._keys("invoice", key))
        rows: list[dict[str, str]] = await pipe.execute() if names else []
        return {key: _held(key, row) for key, row in zip(names, rows, strict=True)}

    async def may_follow(self, keys: Iterable[str]) -> None:
        """A person asked for these: their drafts are brought up to date however lately they were written."""
        for key in keys:
            await self._redis.hdel(self._keys("invoice", key), "written")  # type: ignore[misc]

    async def key_of(self, number: str) -> str:
        """The invoice key with a document that has, or had, this number; "" when none has."""
        return await self._redis.hget(self._keys("invoices", "numbered"), number) or ""  # type: ignore[misc]

    async def all_keys(self) -> list[str]:
        """Every invoice key with a record, latest change last."""
        keys: list[str] = await self._redis.zrange(self._keys("invoices"), 0, -1)
        return keys

    async def page_invoices(self, start: int = 0, count: int = 50, status: str = "") -> list[Held]:
        """A page of the invoices, latest change first; with `status`, of those with a document in that status."""
        names = await self._redis.zrevrange(self._listed(status), start, start + count - 1)
        return list((await self.invoices(names)).values())

    async def count_invoices(self, status: str = "") -> int:
        """How many invoice keys there are; with `status`, how many have a document in that status."""
        return int(await self._redis.zcard(self._listed(status)))

    def _listed(self, status: str) -> Key:
        return self._keys("invoices", status) if status else self._keys("invoices")

    async def scan_units(self, count: int = 200) -> AsyncIterator[list[Unit]]:
        """Every unit once, in batches, in no order. While the server answers for one, others wait: a millisecond."""
        seen: set[str] = set()
        batch: list[str] = []
        async for id_ in self._redis.sscan_iter(self._keys("units"), count=count):
            if id_ in seen:  # a set that grows or shrinks meanwhile may show a member again
                continue
            seen.add(id_)
            batch.append(id_)
            if len(batch) >= count:
                yield list((await self.units(batch)).values())
                batch = []
        if batch:
            yield list((await self.units(batch)).values())

    async def ids_of(self, record: str) -> set[str]:
        """Ids of the units of this record: an entry, a person or a project."""
        return set(await self._redis.smembers(self._keys("of", record)))  # type: ignore[misc]

    async def recent(self, count: int = 20) -> list[Unit]:
        """The units whose postings changed last, latest first."""
        names = await self._redis.zrevrange(self._keys("recent"), 0, count - 1)
        return list((await self.units(names)).values())

    async def count_units(self) -> int:
        """How many units the ledger knows."""
        return int(await self._redis.scard(self._keys("units")))  # type: ignore[misc]

    async def waiting(self, start: int = 0, count: int = 100, reason: str = "") -> list[Unit]:
        """A page of the units that wait (for this reason), longest first."""
        listed = self._keys("waiting", "for", reason) if reason else self._keys("waiting")
        names = await self._redis.zrange(listed, start, start + count - 1)
        return list((await self.units(names)).values())

    async def waiting_since(self, ids: Sequence[str]) -> dict[str, int]:
        """Milliseconds since 1970 at which these units began to wait."""
        scores = await self._redis.zmscore(self._keys("waiting"), list(ids)) if ids else []
        return {id_: int(score) for id_, score in zip(ids, scores, strict=True) if score is not None}

    async def count_waiting(self) -> int:
        """How many units wait."""
        return int(await self._redis.zcard(self._keys("waiting")))

    async def flag(self, keys: Iterable[str], reason: str) -> None:
        """These invoices must be read from Xero when they are next looked at, even when nothing of ours changed."""
        mapping = {key: f"{secrets.token_hex(8)} {reason}" for key in keys}
        if mapping:
            await self._redis.hset(self._keys("verify"), mapping=mapping)  # type: ignore[misc]

    async def flagged(self, keys: Sequence[str]) -> dict[str, str]:
        """Which of these are flagged, with the mark that `unflag` and `merge` take back."""
        values = await self._redis.hmget(self._keys("verify"), list(keys)) if keys else []  # type: ignore[misc]
        return {key: value for key, value in zip(keys, values, strict=True) if value}

    async def unflag(self, key: str, mark: str) -> None:
        """The invoice was read from Xero after this mark was seen, and is as it should be; a newer flag stays."""
        if mark:
            await scripts.unflag(self._redis, self._keys("verify"), key, mark)

    async def doubts(self, ids: Iterable[str]) -> dict[str, str]:
        """Which of these units may be billed already, after a rebuild that could not prove it, and why."""
        names = list(ids)
        values = await self._redis.hmget(self._keys("doubts"), names) if names else []  # type: ignore[misc]
        return {id_: text for id_, text in zip(names, values, strict=True) if text}

    async def note(self, key: str, note: Note, now: str = "") -> None:
        """What composing this invoice found for people; an empty note removes the last one.

        A correction that was proposed just so before keeps its `since`; a new one gets `now`.
        """
        if note.waiting or note.corrections or note.texts:
            text = await self._redis.hget(self._keys("notes"), key) if note.corrections else None  # type: ignore[misc]
            before = msgspec.json.decode(text, type=Note) if text else Note()
            since = {_proposal(c): _since(c, before, now) for c in note.corrections}
            note = msgspec.structs.replace(note, since={name: at for name, at in since.items() if at})
            await self._redis.hset(self._keys("notes"), key, _text(note))  # type: ignore[misc]
        else:
            await self._redis.hdel(self._keys("notes"), key)  # type: ignore[misc]

    async def notes(self) -> dict[str, Note]:
        """All notes, by invoice key."""
        rows = await self._redis.hgetall(self._keys("notes"))  # type: ignore[misc]
        return {key: msgspec.json.decode(text, type=Note) for key, text in rows.items()}

    async def merge(
        self,
        epoch: str,
        held: Held,
        invoice: Invoice,
        document: str,
        units: Mapping[str, Sequence[Posting]],
        *,
        mark: str = "",
    ) -> bool:
        """Record what was found in Xero (a person's edits, a new status) when the invoice has not moved since `held`.

        `units` are the postings that their units have on `document` by it. Units no longer held open there are free
        again and the keys they belong on become due, this invoice too. `mark` is the flag that asked for the read.
        False when the record moved or a slot is taken. Raises `EpochMovedError`.
        """
        rows = [postings_row(id_, document, postings) for id_, postings in units.items()]
        answer = await scripts.merge(
            self._redis, self._keys.base, epoch, held.key, held.version, _text(invoice), rows, mark
        )
        if answer is None:
            raise EpochMovedError("invoices")
        return bool(answer)

    async def closed(self) -> set[str]:
        """Periods that take no more time."""
        return set(await self._redis.smembers(self._keys("closed")))  # type: ignore[misc]

    async def close(self, epoch: str, period: str, keys: Iterable[str], units: Iterable[str]) -> bool:
        """This period takes no more time: `keys` are composed anew, `units` judged anew, in the same script.

        False, and nothing happens, where one of the keys has an unresolved intent or is due, or one of the units came
        onto a document meanwhile. Raises `EpochMovedError`.
        """
        answer = await scripts.close(self._redis, self._keys.base, epoch, period, list(keys), list(units))
        if answer is None:
            raise EpochMovedError("invoices")
        return bool(answer)

    async def number(self, key: str, sequence: int) -> str:
        """The number bound to this document; "" when none is."""
        return await self._redis.hget(self._keys("numbers"), f"{key}/{sequence}") or ""  # type: ignore[misc]

    async def numbers(self) -> dict[str, str]:
        """Every number bound to a document, by "{key}/{sequence}"."""
        found: dict[str, str] = await self._redis.hgetall(self._keys("numbers"))  # type: ignore[misc]
        return found

    async def series(self, kind: DocumentType = "ACCREC") -> int:
        """The last number of the invoices' or the credit notes' series that was given out."""
        return int(await self._redis.get(self._keys(*series_of(kind))) or 0)

    async def raise_series(self, least: int, kind: DocumentType = "ACCREC") -> None:
        """After a rebuild or a burned number the series goes on from the highest seen."""
        await scripts.raise_series(self._redis, self._keys(*series_of(kind)), least)

    async def burn(self, key: str, sequence: int) -> None:
        """The number bound to this document is somebody else's: the next intent takes another."""
        await self._redis.hdel(self._keys("numbers"), f"{key}/{sequence}")  # type: ignore[misc]


def series_of(kind: DocumentType) -> tuple[str, ...]:
    """The parts of the key that counts the numbers of this type of document."""
    return ("series", "credit") if kind == "ACCRECCREDIT" else ("series",)


def postings_row(id_: str, document: str, postings: Sequence[Posting]) -> list[str]:
    """A unit's postings on one document as the scripts take them; others among `postings` are left out."""
    here = [posting for posting in postings if posting.document == document]
    held_open = any(posting.state == "open" for posting in here)
    return [id_, document, _text(here) if here else "", "1" if held_open else "0"]


def fact_row(fact: Facts) -> list[str]:
    """A unit's facts as the scripts take them."""
    verdict = fact.verdict
    belongs = verdict.key if isinstance(verdict, Placed) else ""
    waits, cause = ("1", verdict.cause) if isinstance(verdict, Waiting) else ("", "")
    told = "1" if fact.write_back else ""
    first = [fact.id, fact.generation, _text(fact.entry), _text(verdict), belongs]
    names = " ".join(filter(None, (fact.entry.record, fact.entry.person, fact.entry.project)))
    return [*first, waits, cause, told, fact.wanted, waits_row(verdict, fact.entry), names]


def _proposal(correction: Correction) -> str:
    return f"{correction.unit} {correction.document}"


def _since(correction: Correction, before: Note, now: str) -> str:
    same = any(
        (had.unit, had.document, had.seconds, had.amount)
        == (correction.unit, correction.document, correction.seconds, correction.amount)
        for had in before.corrections
    )
    return before.since.get(_proposal(correction), now) if same else now


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


_VERDICT = msgspec.json.Decoder(Verdict)
_ENTRY = msgspec.json.Decoder(Entry)
_POSTINGS = msgspec.json.Decoder(tuple[Posting, ...])
_INVOICE = msgspec.json.Decoder(Invoice)
_DECISIONS = msgspec.json.Decoder(Decision)


def _unit(id_: str, row: Mapping[str, str]) -> Unit:
    return Unit(
        id=id_,
        entry=_ENTRY.decode(row["entry"]) if row.get("entry") else None,
        ticket=int(row.get("ticket", 0)),
        verdict=_VERDICT.decode(row["verdict"]) if row.get("verdict") else None,
        belongs=row.get("belongs", ""),
        at=row.get("at", ""),
        posted=row.get("posted", ""),
        postings=_postings(row),
        decisions=tuple(_DECISIONS.decode(line) for line in row.get("decisions", "").splitlines()),
        wanted=row.get("wanted", ""),
        flips=tuple(int(moment) for moment in row.get("flips", "").split()),
    )


def _postings(row: Mapping[str, str]) -> tuple[Posting, ...]:
    """From the fields `on:{document}`: "order open postings"."""
    parts = sorted((value.split(" ", 2) for name, value in row.items() if name.startswith("on:")), key=_order)
    return tuple(posting for _, _, text in parts for posting in _POSTINGS.decode(text))


def _order(parts: list[str]) -> int:
    return int(parts[0])


def _held(key: str, row: Mapping[str, str]) -> Held:
    record = _INVOICE.decode(row["record"]) if row.get("record") else None
    written = int(row.get("written", 0))
    return Held(key=key, invoice=record, version=row.get("version", "0"), slot=row.get("slot", ""), written=written)

"""The epoch: a random id that says "this ledger is complete". Nothing but intake runs without it.

It is the last write of a completed rebuild, and the first installation takes the same path. A rebuild works under its
own token: whatever it writes is refused once another rebuild, or nobody, holds the lease.
"""

import re
import secrets
from collections.abc import Mapping, Sequence

import msgspec
from redis.asyncio import Redis

from worker.billing.model import Decision, DocumentType, Invoice, Posting
from worker.store import rebuild_scripts as scripts
from worker.store.decisions import as_lines
from worker.store.highwater import HighWater
from worker.store.intents import Intents
from worker.store.keys import Keys
from worker.store.ledger import Facts, fact_row, postings_row, series_of

ROLLED_BACK = "the store was rolled back: it has begun fewer writes than were seen before"


class RebuildLostError(Exception):
    """Another process took the rebuild over; this one writes nothing more."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """Where a rebuild stands, so that its next step (or another process) can go on."""

    step: str = "wait"
    cursor: str = ""
    since: str = ""  # ISO time before the first read: what changes later is found by the reconciler
    waited: bool = False


class Epoch:
    """Reading the epoch, and the writes of a rebuild."""

    def __init__(self, redis: Redis, keys: Keys, highwater: HighWater | None = None) -> None:
        self._redis, self._keys, self._highwater = redis, keys, highwater

    async def current(self) -> str:
        """The epoch; "" when the ledger is not complete.

        A store that has begun fewer writes than were seen before was rolled back: what it says of our documents is old,
        and ours of today would be taken for a person's. Its epoch is discarded.
        """
        seen = self._highwater.highest() if self._highwater is not None else 0  # before the counter, which may grow
        epoch, counter = await self._redis.mget(self._keys("epoch"), self._keys("intents", "counter"))
        if epoch and int(counter or 0) < seen:
            await self.discard(epoch, ROLLED_BACK)
            return ""
        return epoch or ""

    async def discard(self, epoch: str, why: str) -> bool:
        """This epoch's ledger is not complete after all (a rollback, a document it lacks): all but intake stops.

        False, and nothing happens, when another epoch has come since, or a rebuild is under way already.
        """
        return bool(await scripts.discard(self._redis, self._keys("epoch"), self._keys("rebuild"), epoch, why))

    async def take(self, seconds: float) -> str:
        """Take (or keep) the rebuild's lease; gives its token, or "" while another process works on it."""
        return await scripts.take(
            self._redis, self._keys("rebuild", "lease"), secrets.token_hex(12), int(seconds * 1000)
        )

    async def keep(self, token: str, seconds: float) -> None:
        """Keep the lease. Raises `RebuildLostError`."""
        if not await scripts.keep(self._redis, self._keys("rebuild", "lease"), token, int(seconds * 1000)):
            raise RebuildLostError

    async def let_go(self, token: str) -> None:
        """Give the lease back between two steps."""
        await scripts.let_go(self._redis, self._keys("rebuild", "lease"), token)

    async def progress(self) -> Progress:
        """Where the rebuild stands."""
        text = await self._redis.hget(self._keys("rebuild"), "progress")  # type: ignore[misc]
        return msgspec.json.decode(text, type=Progress) if text else Progress()

    async def why(self) -> str:
        """Why the epoch was discarded; "" on a first installation or after a wipe."""
        return await self._redis.hget(self._keys("rebuild"), "why") or ""  # type: ignore[misc]

    async def advance(self, token: str, progress: Progress) -> None:
        """Store the cursor. Raises `RebuildLostError`."""
        text = msgspec.json.encode(progress).decode()
        if not await scripts.advance(self._redis, self._keys("rebuild", "lease"), self._keys("rebuild"), token, text):
            raise RebuildLostError

    async def restore_invoice(self, token: str, invoice: Invoice) -> None:
        """Write an invoice's record as it was found in Xero. Raises `RebuildLostError`."""
        text = msgspec.json.encode(invoice).decode()
        lease = self._keys("rebuild", "lease")
        if not await scripts.restore_invoice(self._redis, lease, self._keys.base, token, invoice.key, text):
            raise RebuildLostError

    async def restore_units(
        self, token: str, ticket: int, facts: Sequence[Facts], postings: Mapping[str, Sequence[Posting]]
    ) -> None:
        """Write facts and postings of units as they were found; where they belong becomes due once all is complete.

        Raises `RebuildLostError`.
        """
        lease = self._keys("rebuild", "lease")
        for start in range(0, len(facts), 100):
            chunk = facts[start : start + 100]
            rows: list[list[object]] = [[fact_row(f), _by_document(f.id, postings.get(f.id, ()))] for f in chunk]
            if not await scripts.restore_units(self._redis, lease, self._keys.base, token, str(ticket), rows):
                raise RebuildLostError

    async def restore_postings(self, token: str, postings: Mapping[str, Sequence[Posting]]) -> None:
        """Write the postings that were found for these units, in place of all they had. Raises `RebuildLostError`."""
        rows: list[list[object]] = [[id_, _by_document(id_, rows)] for id_, rows in postings.items()]
        if not await scripts.restore_postings(
            self._redis, self._keys("rebuild", "lease"), self._keys.base, token, rows
        ):
            raise RebuildLostError

    async def restore_decisions(self, token: str, decisions: Mapping[str, Sequence[Decision]]) -> None:
        """Write what people decided about these units, in place of what was held. Raises `RebuildLostError`."""
        rows = [[id_, as_lines(found)] for id_, found in decisions.items() if found]
        lease = self._keys("rebuild", "lease")
        if rows and not await scripts.restore_decisions(self._redis, lease, self._keys.base, token, rows):
            raise RebuildLostError

    async def restore_closed(self, token: str, periods: Sequence[str]) -> None:
        """These periods take no more time. Raises `RebuildLostError`."""
        lease, closed = self._keys("rebuild", "lease"), self._keys("closed")
        if periods and not await scripts.restore_closed(self._redis, lease, closed, token, list(periods)):
            raise RebuildLostError

    async def restore_number(
        self, token: str, key: str, sequence: int, number: str, kind: DocumentType = "ACCREC", *, prefix: str
    ) -> None:
        """Bind a number to its document; the series goes on from the highest seen with our `prefix`.

        What a person renumbered says nothing about the series. Raises `RebuildLostError`.
        """
        own = f"{prefix}CN-" if kind == "ACCRECCREDIT" else prefix
        digits = re.fullmatch(re.escape(own) + r"(\d{5,})", number)
        lease, name = self._keys("rebuild", "lease"), f"{key}/{sequence}"
        if not await scripts.restore_number(
            self._redis,
            lease,
            self._keys(*series_of(kind)),
            self._keys.base,
            token,
            name,
            number,
            int(digits[1]) if digits else 0,
        ):
            raise RebuildLostError

    async def doubt(self, token: str, units: Sequence[str], text: str) -> None:
        """These units may be billed already: they wait until a person decides. Raises `RebuildLostError`."""
        doubts = self._keys("doubts")
        if not await scripts.doubt(self._redis, self._keys("rebuild", "lease"), doubts, token, list(units), text):
            raise RebuildLostError

    async def raise_counter(self, token: str, least: int) -> None:
        """The intent counter never falls behind the highest one that was seen. Raises `RebuildLostError`."""
        counter = self._keys("intents", "counter")
        if not await scripts.raise_counter(self._redis, self._keys("rebuild", "lease"), counter, token, least):
            raise RebuildLostError

    async def complete(self, token: str) -> str:
        """The last write: the ledger is complete from here on. Gives the epoch. Raises `RebuildLostError`.

        Intents begun before the rebuild are forgotten first: whatever they wrote has been read from Xero since, and
        nothing of them is on the wire any more. Their keys are due, and computed anew.
        """
        await self._forget_intents(token)
        epoch = secrets.token_hex(16)
        if not await scripts.complete(self._redis, self._keys("rebuild", "lease"), self._keys.base, token, epoch):
            raise RebuildLostError
        return epoch

    async def _forget_intents(self, token: str) -> None:
        intents = Intents(self._redis, self._keys)
        for id_ in await intents.unresolved():
            intent = await intents.get(id_)
            rows: list[list[object]] = [[e.key, e.units] for e in intent.elements] if intent else []
            lease = self._keys("rebuild", "lease")
            if not await scripts.forget_intent(self._redis, lease, self._keys.base, token, id_, rows):
                raise RebuildLostError


def _by_document(id_: str, postings: Sequence[Posting]) -> list[list[str]]:
    """A unit's postings as the scripts take them, in the order of its documents."""
    return [postings_row(id_, name, postings) for name in dict.fromkeys(posting.document for posting in postings)]

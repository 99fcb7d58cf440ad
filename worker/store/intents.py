"""Slots: an invoice key has at most one unresolved intent, and nothing is sent to Xero that is not one.

An intent is written by `begin` before its bytes leave and removed only when its outcome is known (`settle`) or it is
certain that nothing was written (`drop`). Its id is the Idempotency-Key. Everything a commit writes comes from the
intent and Xero's answer to it, never from what the ledger says by then.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
from redis.asyncio import Redis

from worker.billing.keys import document_id
from worker.billing.model import Document, Invoice, Posting
from worker.store import intent_scripts as scripts
from worker.store.keys import Keys
from worker.store.ledger import postings_row, series_of
from worker.store.worklist import EpochMovedError

Operation = Literal["create", "update", "delete", "file"]


class Element(msgspec.Struct, frozen=True, kw_only=True):
    """One document of an intent: what its content will be, and what it was computed from."""

    key: str
    operation: Operation
    document: Document  # as it will be held once Xero has taken it
    version: str  # of the ledger's record it was computed at
    generation: str  # of the work list item it was computed at
    placed: tuple[tuple[str, str], ...] = ()  # (unit, facts ticket) of every unit its lines stand for
    departed: tuple[str, ...] = ()  # units it takes off the document

    @property
    def units(self) -> list[str]:
        """Every unit it places or takes off."""
        return [unit for unit, _ in self.placed] + list(self.departed)


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """One write call to Xero. `body` is sent byte for byte the same every time; times are Redis milliseconds."""

    id: str
    method: Literal["PUT", "POST"]
    kind: Literal["ACCREC", "ACCRECCREDIT"] = "ACCREC"
    body: str
    elements: tuple[Element, ...]
    file: str = ""  # what is added to a locked document ("csv", "html", "note"); `body` is its content then
    first_sent: int = 0
    sends: int = 0
    age: float = 0.0  # seconds since first sent, by Redis' clock at the moment it was read


class Refusal(msgspec.Struct, frozen=True):
    """Why `begin` took no slot: per key the reason, or "" as key for the whole intent.

    Of the whole: `behind` (the store was rolled back), `paused`, `preview`, `setup`, `series` (the number is taken).
    Of a key: `slot`, `version` (its record moved), `facts` (a unit was read anew), `moving` (a unit is on another).
    """

    key: str
    reason: str


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one element. `invoice` None: nothing was written, the record stays as it is.

    `postings` are, of each unit that the outcome changes, those on the element's document (others are left out, theirs
    stay as they are); `free` are units that the intent held or took off and that are not on the document now;
    `finished` takes the key off the work list if nobody added it again.
    """

    key: str
    generation: str
    invoice: Invoice | None = None
    postings: Mapping[str, Sequence[Posting]] = {}
    free: Sequence[str] = ()
    finished: bool = True


class Intents:
    """The slots."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis, self._keys = redis, keys

    async def counter(self) -> int:
        """How many intents were ever begun, as Redis has it."""
        return int(await self._redis.get(self._keys("intents", "counter")) or 0)

    async def begin(
        self,
        epoch: str,
        intent: Intent,
        *,
        least: int,
        setup_version: int,
        numbers: Mapping[str, str],
        series: int,
        asked: bool = False,
    ) -> int | list[Refusal]:
        """Take the slots of all elements, or none. Said again (the answer was lost on its way) it is begun once.

        `least` is the highest intent counter this process has seen: a store that has fewer was rolled back. `numbers`
        binds "{key}/{sequence}" to the new numbers the body uses; `series` is where the series stood when they were
        read (-1: none is taken from it), the one of the intent's type of document. Gives the new counter, or what
        stands in the way; `asked`: a person asked for this write, it goes in preview too. Raises `EpochMovedError`.
        """
        rows: list[list[object]] = [[e.key, e.version, [list(pair) for pair in e.placed]] for e in intent.elements]
        text = msgspec.json.encode(intent).decode()
        bindings = [[name, number] for name, number in numbers.items()]
        answer = await scripts.begin(
            self._redis,
            self._keys.base,
            epoch,
            least,
            str(setup_version),
            intent.id,
            text,
            rows,
            bindings,
            series,
            ":".join(series_of(intent.kind)),
            "1" if asked else "",
        )
        if answer is None:
            raise EpochMovedError("invoices")
        if answer[0] == "begun":
            return int(answer[1])
        return [Refusal(key, reason) for key, reason in zip(answer[1::2], answer[2::2], strict=True)]

    async def get(self, id_: str) -> Intent | None:
        """An unresolved intent with its age."""
        answer = await scripts.read(self._redis, self._keys.base, id_)
        if not answer:
            return None
        text, first_sent, sends, age = answer
        intent = msgspec.json.decode(text, type=Intent)
        return msgspec.structs.replace(intent, first_sent=int(first_sent), sends=int(sends), age=int(age) / 1000)

    async def send_again(self, epoch: str, id_: str, keys: Sequence[str], most: int, within: float) -> bool:
        """May these bytes go out once more? Counted: at most `most` times, within `within` seconds of the first send.

        Only while the slot of each of `keys` still names the intent. As after `begin`, they leave at once or not at
        all: a rebuild that starts now must find nothing on the wire. Raises `EpochMovedError`.
        """
        answer = await scripts.send_again(
            self._redis, self._keys.base, epoch, id_, list(keys), most, int(within * 1000)
        )
        if answer is None:
            raise EpochMovedError("invoices")
        return bool(answer)

    async def exhaust(self, id_: str) -> None:
        """These bytes may not go out again: Xero keeps its error under their key. Look up what became of them."""
        await scripts.exhaust(self._redis, self._keys("intent", id_))

    async def unresolved(self) -> list[str]:
        """Ids of the intents whose outcome is not known."""
        ids: list[str] = await self._redis.zrange(self._keys("intents"), 0, -1)
        return ids

    async def settle(self, epoch: str, intent: Intent, outcomes: Sequence[Settled]) -> list[str]:
        """Write the outcomes of these elements and free their slots; the intent goes when its last slot is free.

        Gives the keys whose slot no longer named the intent: nothing was changed there, they are to be verified.
        Raises `EpochMovedError`.
        """
        return await self._settle(epoch, intent, outcomes, sends=0)

    async def _settle(self, epoch: str, intent: Intent, outcomes: Sequence[Settled], sends: int) -> list[str]:
        """`sends`, unless 0: only while the intent was sent no more often."""
        documents = {e.key: document_id(e.key, e.document.sequence) for e in intent.elements}
        rows = [_settled_row(outcome, documents[outcome.key]) for outcome in outcomes]
        answer = await scripts.settle(
            self._redis, self._keys.base, epoch, intent.id, rows, [e.key for e in intent.elements], sends
        )
        if answer is None:
            raise EpochMovedError("invoices")
        return answer

    async def drop(self, epoch: str, intent: Intent) -> None:
        """Nothing of this intent was written, for certain: free its slots. Keys stay on the work list.

        Certain for the sends that `intent` knows of. Where another process, while this one was slow, has sent the same
        bytes since, nothing happens: the slots stay full until somebody finds out what became of those.
        """
        outcomes = [
            Settled(
                key=element.key,
                generation=element.generation,
                free=element.units,
                finished=False,
            )
            for element in intent.elements
        ]
        await self._settle(epoch, intent, outcomes, sends=max(1, intent.sends))


def _settled_row(outcome: Settled, document: str) -> list[object]:
    record = msgspec.json.encode(outcome.invoice).decode() if outcome.invoice else ""
    postings = [postings_row(unit, document, rows) for unit, rows in outcome.postings.items()]
    return [outcome.key, outcome.generation, record, postings, list(outcome.free), "1" if outcome.finished else ""]

"""What we are about to create in Xero, on disk: numbers of credit notes, and the setup each draft has its shape from.

After a wipe nothing else tells our credit notes from others' (Xero keeps no Url on them), nor by which setup an open
draft was grouped and rounded.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from worker.billing.keys import document_id
from worker.billing.model import Document
from worker.errors import ServiceError
from worker.store import disk

T = TypeVar("T", bound=Struct)


class Bound(Struct, frozen=True):
    """A credit note's number, and the document ("{key}/{sequence}") it was meant for."""

    number: str
    document: str


class Shape(Struct, frozen=True):
    """A document, and the version of the setup that it has its shape from."""

    document: str
    version: int


@dataclass(frozen=True, slots=True)
class Creates:
    """The files state/numbers.jsonl (of credit notes) and state/shapes.jsonl; of several lines about one number, or one
    document, the last one counts."""

    data: Path

    async def keep(self, documents: Sequence[Document]) -> None:
        """These are about to be sent. Raises `ServiceError` where that cannot be kept."""
        named = [(each, document_id(each.key, each.sequence)) for each in documents]
        bound = [Bound(each.number, name) for each, name in named if each.type == "ACCRECCREDIT"]
        shapes = [Shape(name, each.rules_version) for each, name in named if each.rules_version]
        await self._append(self.numbers, bound)
        await self._append(self.shaped, shapes)

    async def credit_notes(self) -> dict[str, str]:
        """Documents by number, of credit notes."""
        return {each.number: each.document for each in await _read(self.numbers, Bound)}

    async def shapes(self) -> dict[str, int]:
        """Versions of the setup by document."""
        return {each.document: each.version for each in await _read(self.shaped, Shape)}

    async def _append(self, file: Path, rows: Sequence[Struct]) -> None:
        if not rows:
            return
        try:
            await asyncio.to_thread(disk.append_line, file, b"\n".join(msgspec.json.encode(row) for row in rows))
        except OSError as error:
            raise ServiceError(f"{file} cannot be written: {error}.", "Make room, or mend its rights.") from error

    @property
    def numbers(self) -> Path:
        """The file of the credit notes' numbers."""
        return self.data / "state" / "numbers.jsonl"

    @property
    def shaped(self) -> Path:
        """The file of the shapes."""
        return self.data / "state" / "shapes.jsonl"


async def _read(file: Path, row: type[T]) -> list[T]:
    """A line torn by a crash is passed over."""
    content = await asyncio.to_thread(disk.read_bytes, file)
    return [found for line in (content or b"").splitlines() if (found := _parsed(line, row)) is not None]


def _parsed(line: bytes, row: type[T]) -> T | None:
    try:
        return msgspec.json.decode(line, type=row)
    except msgspec.DecodeError:
        return None

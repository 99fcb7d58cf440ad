"""What we are about to create in Xero, on disk: numbers of credit notes, and the setup each draft has its shape from.

After a wipe nothing else tells our credit notes from others' (Xero keeps no Url on them), nor by which setup an open
draft was grouped and rounded.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec import Struct

from worker.billing.model import DocumentType
from worker.errors import ServiceError
from worker.store import disk


class Create(Struct, frozen=True, omit_defaults=True):
    """A number, the document ("{key}/{sequence}") it was meant for, its type, and the setup it has its shape from."""

    number: str
    document: str
    type: DocumentType = "ACCRECCREDIT"  # lines of the first release were about credit notes alone
    version: int = 0


@dataclass(frozen=True, slots=True)
class Creates:
    """The file state/numbers.jsonl; of several lines about one number, or one document, the last one counts."""

    data: Path

    async def keep(self, creates: Sequence[Create]) -> None:
        """These are about to be sent. Raises `ServiceError` where that cannot be kept."""
        lines = b"\n".join(msgspec.json.encode(each) for each in creates)
        try:
            await asyncio.to_thread(disk.append_line, self.file, lines)
        except OSError as error:
            raise ServiceError(f"{self.file} cannot be written: {error}.", "Make room, or mend its rights.") from error

    async def credit_notes(self) -> dict[str, str]:
        """Documents by number, of credit notes."""
        return {each.number: each.document for each in await self._all() if each.type == "ACCRECCREDIT"}

    async def shapes(self) -> dict[str, int]:
        """Versions of the setup by document."""
        return {each.document: each.version for each in await self._all() if each.version}

    async def _all(self) -> list[Create]:
        """A line torn by a crash is passed over."""
        content = await asyncio.to_thread(disk.read_bytes, self.file)
        return [found for line in (content or b"").splitlines() if (found := _parsed(line))]

    @property
    def file(self) -> Path:
        """The file."""
        return self.data / "state" / "numbers.jsonl"


def _parsed(line: bytes) -> Create | None:
    try:
        return msgspec.json.decode(line, type=Create)
    except msgspec.DecodeError:
        return None

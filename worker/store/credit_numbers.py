"""Which credit note has which number, on disk: after a wipe nothing else tells ours from others' (no Url on them)."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec import Struct

from worker.errors import ServiceError
from worker.store import disk


class Bound(Struct, frozen=True):
    """A number, and the document ("{key}/{sequence}") it was meant for."""

    number: str
    document: str


@dataclass(frozen=True, slots=True)
class CreditNumbers:
    """The file state/numbers.jsonl; of several lines about one number the last one counts."""

    data: Path

    async def keep(self, documents: Mapping[str, str]) -> None:
        """These numbers are about to be sent for these documents. Raises `ServiceError` where that cannot be kept."""
        lines = b"\n".join(msgspec.json.encode(Bound(number, document)) for number, document in documents.items())
        try:
            await asyncio.to_thread(disk.append_line, self.file, lines)
        except OSError as error:
            raise ServiceError(f"{self.file} cannot be written: {error}.", "Make room, or mend its rights.") from error

    async def all(self) -> dict[str, str]:
        """Documents by number; a line torn by a crash is passed over."""
        content = await asyncio.to_thread(disk.read_bytes, self.file)
        return {found.number: found.document for line in (content or b"").splitlines() if (found := _parsed(line))}

    @property
    def file(self) -> Path:
        """The file."""
        return self.data / "state" / "numbers.jsonl"


def _parsed(line: bytes) -> Bound | None:
    try:
        return msgspec.json.decode(line, type=Bound)
    except msgspec.DecodeError:
        return None

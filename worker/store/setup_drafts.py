"""The setup being worked on in the console: saved step by step, in force only once somebody saves it as a whole.

It is a file in HOURSTREAM_DATA (`setup/draft.json`), so that a wiped Redis does not take back what somebody typed.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec import Struct

from worker.errors import ServiceError
from worker.store import disk


class SetupDraft(Struct, frozen=True, kw_only=True):
    """A setup file that may be incomplete. `base` is the version in force that it was begun from (0: none)."""

    text: str
    base: int
    by: str
    at: str


@dataclass(frozen=True, slots=True)
class SetupDrafts:
    """The one draft of a deployment; everybody who may change the setup works on the same."""

    data: Path

    async def get(self) -> SetupDraft | None:
        """The draft; None when nothing was changed since the setup in force was saved.

        Raises `ServiceError` for a file that cannot be read.
        """
        return await asyncio.to_thread(self._get)

    async def change(self, made: Callable[[SetupDraft | None], SetupDraft]) -> SetupDraft:
        """Replace the draft by what `made` makes of it; nobody else changes it meanwhile."""
        return await asyncio.to_thread(self._change, made)

    async def drop(self) -> None:
        """Forget it."""
        await asyncio.to_thread(self._drop)

    def _get(self) -> SetupDraft | None:
        content = disk.read_bytes(self._file)
        if content is None:
            return None
        try:
            return msgspec.json.decode(content, type=SetupDraft)
        except msgspec.DecodeError as error:
            raise ServiceError(
                f"{self._file} cannot be read: {error}.", "Remove the file: the setup in force is not touched by it."
            ) from None

    def _change(self, made: Callable[[SetupDraft | None], SetupDraft]) -> SetupDraft:
        with disk.locked(self._lock):
            draft = made(self._get())
            disk.write_atomic(self._file, msgspec.json.encode(draft))
        return draft

    def _drop(self) -> None:
        with disk.locked(self._lock):
            self._file.unlink(missing_ok=True)

    @property
    def _file(self) -> Path:
        return self.data / "setup" / "draft.json"

    @property
    def _lock(self) -> Path:
        return self.data / "setup" / ".draft.lock"

"""The highest intent counter ever seen, in this process and on disk.

A store that says less was rolled back or is an old copy: `begin` refuses it, and the ledger is rebuilt.
"""

import asyncio
from pathlib import Path

from worker.store import disk


class HighWater:
    """Remembers the highest counter in HOURSTREAM_DATA/state/intents."""

    def __init__(self, data: Path) -> None:
        self._file = data / "state" / "intents"
        self._highest = self._on_disk()

    def highest(self) -> int:
        """The highest counter that this process has seen, or another that shares the folder."""
        self._highest = max(self._highest, self._on_disk())
        return self._highest

    async def raise_to(self, counter: int) -> None:
        """A higher counter was seen."""
        if counter <= self._highest:
            return
        self._highest = counter
        await asyncio.to_thread(self._write)

    def _on_disk(self) -> int:
        try:
            return int(disk.read_bytes(self._file) or 0)
        except ValueError:  # what a person left there says nothing
            return 0

    def _write(self) -> None:
        with disk.locked(self._file.with_suffix(".lock")):
            if self._highest > self._on_disk():
                disk.write_atomic(self._file, f"{self._highest}\n".encode())

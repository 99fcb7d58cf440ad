"""The names of everything in Redis. `docs/store.md` has the table with types, sizes and expiries.

All keys read `{prefix}:{connection}:…`; one deployment serves one connection, called `main`.
"""

from dataclasses import dataclass

from worker.store.lua import Key


@dataclass(frozen=True, slots=True)
class Keys:
    """Makes keys: `Keys()("work", "invoices")` is `hourstream:main:work:invoices`."""

    prefix: str = "hourstream"
    connection: str = "main"

    def __call__(self, *parts: str) -> Key:
        return Key(":".join((self.prefix, self.connection, *parts)))

    @property
    def base(self) -> str:
        """What scripts put before names they make themselves, ending in a colon."""
        return f"{self.prefix}:{self.connection}:"

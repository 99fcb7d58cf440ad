"""Tokens of one command only: a check that must find a wrong secret may not sign in with what is stored."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from worker.store.vault import Held


class FreshTokens:
    """A token store that begins empty and ends with its process; both services' clients take it."""

    def __init__(self) -> None:
        self._tokens: dict[str, dict[str, Any]] = {}

    async def get(self, service: str) -> dict[str, Any] | None:
        """What this command was given."""
        return self._tokens.get(service)

    async def previous(self, service: str) -> dict[str, Any] | None:
        """There is none before the first."""
        return None

    async def put(self, service: str, token: Mapping[str, Any], held: Held | None = None) -> bool:
        """Keep it as long as the command runs."""
        self._tokens[service] = dict(token)
        return True

    @asynccontextmanager
    async def lock(self, service: str) -> AsyncIterator[Held]:
        """Nobody else knows of these tokens."""
        yield Held(service, 0)

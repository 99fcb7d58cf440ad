"""Client ids and secrets that somebody typed into the console: kept like tokens, encrypted, with a copy on disk.

The environment wins: what it names is never taken from here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import SecretStr

from worker import addresses
from worker.errors import ConfigurationError
from worker.settings import Settings
from worker.store.vault import TokenVault

App = Literal["salesforce", "xero"]

NAMES: dict[App, tuple[str, ...]] = {
    "salesforce": ("SALESFORCE_LOGIN_URL", "SALESFORCE_CLIENT_ID", "SALESFORCE_CLIENT_SECRET"),
    "xero": ("XERO_CLIENT_ID", "XERO_CLIENT_SECRET"),
}
_SECRET = frozenset({"SALESFORCE_CLIENT_SECRET", "XERO_CLIENT_SECRET"})


@dataclass(frozen=True, slots=True)
class Credentials:
    """What was typed, by app."""

    vault: TokenVault

    async def get(self, app: App) -> dict[str, str]:
        """Names as in the environment, and values; {} before anything was typed.

        Raises `ConfigurationError` when it was encrypted with a key we do not have.
        """
        return dict(await self.vault.get(_name(app)) or {})

    async def put(self, app: App, values: Mapping[str, str]) -> None:
        """Store what was typed. An empty value leaves the one that is there.

        Raises `ConfigurationError` for a name that does not belong to the app, or an address that will not do.
        """
        given = {name: value.strip() for name, value in values.items() if value.strip()}
        checked = {name: _checked(app, name, value) for name, value in given.items()}
        await self.vault.put(_name(app), await self.get(app) | checked)

    async def forget(self, app: App) -> None:
        """Remove what was typed."""
        await self.vault.forget(_name(app))

    async def filled(self, settings: Settings) -> Settings:
        """The settings with what was typed wherever the environment says nothing."""
        stored = await self.get("salesforce") | await self.get("xero")
        given = settings.model_fields_set
        missing = {name.lower(): _typed(name, value) for name, value in stored.items() if name.lower() not in given}
        return settings.with_typed(missing) if missing else settings


def _name(app: App) -> str:
    return f"app:{app}"


def _typed(name: str, value: str) -> Any:
    return SecretStr(value) if name in _SECRET else value


def _checked(app: App, name: str, value: str) -> str:
    if name not in NAMES[app]:
        raise ConfigurationError(f"{name} does not belong to the {app} app.", f"It has {', '.join(NAMES[app])}.")
    if name != "SALESFORCE_LOGIN_URL":
        return value
    try:
        return addresses.web_url(value)
    except ValueError as error:
        raise ConfigurationError(f"{name} {error}") from None

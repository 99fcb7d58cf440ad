"""Settings from the environment and from `.env` in the current folder; the environment wins.

What the console stores (client ids and secrets typed there) is not read here.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, PrivateAttr, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from worker import addresses
from worker.errors import ConfigurationError

Transport = Literal["auto", "pubsub", "cometd", "poll"]
Grant = Literal["authorization_code", "client_credentials"]

_URLS = (
    "salesforce_login_url",
    "xero_login_url",
    "xero_identity_url",
    "xero_api_url",
    "hourstream_console_url",
    "hourstream_alert_url",
)


def user_data_folder() -> Path:
    """Where this platform keeps a program's data for the current user."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "hourstream"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "hourstream"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "hourstream"


class Settings(BaseSettings):
    """Every variable the product reads, under its lower-case name. Secrets show in no representation."""

    model_config = SettingsConfigDict(
        frozen=True,
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        hide_input_in_errors=True,
        validate_default=False,
    )

    redis_url: str | None = Field(default=None, repr=False)  # None: the embedded server, else localhost

    salesforce_login_url: str = "https://login.salesforce.com"
    salesforce_client_id: str | None = None
    salesforce_client_secret: SecretStr | None = None
    salesforce_username: str | None = None
    salesforce_private_key_file: Path | None = None
    salesforce_api_version: str = "67.0"
    salesforce_transport: Transport = "auto"
    salesforce_pubsub_target: str = "api.pubsub.salesforce.com:7443"
    salesforce_pubsub_tls: bool = True

    xero_client_id: str | None = None
    xero_client_secret: SecretStr | None = None
    xero_grant: Grant = "authorization_code"
    xero_login_url: str = "https://login.xero.com"
    xero_identity_url: str = "https://identity.xero.com"
    xero_api_url: str = "https://api.xero.com"
    xero_day_limit: int | None = None  # calls a day of the app's tier; None: learnt from Xero's answers

    hourstream_setup: Path | None = None
    hourstream_data: Path = Field(default_factory=user_data_folder)
    hourstream_time_scale: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    hourstream_secret_key: SecretStr | None = None  # Fernet keys, comma-separated, newest first
    hourstream_console_url: str = "http://localhost:8400"
    hourstream_alert_url: str | None = Field(default=None, repr=False)  # such addresses often hold a token
    hourstream_health_port: int | None = Field(default=None, ge=1, le=65_535)
    hourstream_log_format: Literal["json", "console"] | None = None  # None: console on a terminal, else json
    hourstream_log_level: Literal["debug", "info", "warning", "error"] = "info"

    _typed: frozenset[str] = PrivateAttr(default=frozenset())

    @property
    def typed(self) -> frozenset[str]:
        """The names, in lower case, that somebody typed into the console; the others are the environment's."""
        return self._typed

    def with_typed(self, values: dict[str, Any]) -> Self:
        """These settings with values from the console, by name in lower case; those of the environment are to stay."""
        filled = self.model_copy(update=values)
        filled._typed = frozenset(values)
        return filled

    @field_validator("*", mode="before")
    @classmethod
    def _without_blanks_around(cls, value: Any) -> Any:
        return value.strip() if isinstance(value, str) else value

    @field_validator(
        "hourstream_log_level", "hourstream_log_format", "salesforce_transport", "xero_grant", mode="before"
    )
    @classmethod
    def _any_case(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: str | None) -> str | None:
        return value if value is None else addresses.redis_url(value)

    @field_validator(*_URLS)
    @classmethod
    def _web(cls, value: str | None) -> str | None:
        return value if value is None else addresses.web_url(value)

    @field_validator("xero_day_limit", mode="before")
    @classmethod
    def _calls_a_day(cls, value: Any) -> Any:
        if isinstance(value, str) and not (value.isdecimal() and int(value)):
            raise ValueError("is no number of calls. Write 1000 (Starter) or 5000, or leave it out.")
        return value

    @field_validator("salesforce_pubsub_target")
    @classmethod
    def _target(cls, value: str) -> str:
        return addresses.host_and_port(value)

    @field_validator("salesforce_api_version")
    @classmethod
    def _api_version(cls, value: str) -> str:
        major, _, minor = value.removeprefix("v").partition(".")
        if not major.isdecimal() or minor not in {"", "0"} or int(major) < 46:
            raise ValueError('is no API version that will do. Write one from "46.0" on, for example "67.0".')
        return f"{int(major)}.0"

    @field_validator("salesforce_private_key_file", "hourstream_setup", "hourstream_data", mode="after")
    @classmethod
    def _home(cls, value: Path | None) -> Path | None:
        return value if value is None else value.expanduser()

    @field_validator("salesforce_private_key_file", "hourstream_setup", mode="after")
    @classmethod
    def _is_there(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError(f"names {value}, which is not a file. Correct the path or leave the variable out.")
        return value

    @field_validator("hourstream_secret_key")
    @classmethod
    def _fernet_keys(cls, value: SecretStr | None) -> SecretStr | None:
        return value if value is None else addresses.fernet_keys(value)

    @field_validator("hourstream_health_port", mode="before")
    @classmethod
    def _off(cls, value: Any) -> Any:
        return None if isinstance(value, str) and value.lower() == "off" else value

    @model_validator(mode="after")
    def _together(self) -> Self:
        problems = [*self._jwt_problems(), *self._plaintext_problems(), *self._scale_problems()]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _jwt_problems(self) -> list[str]:
        given = {
            "SALESFORCE_USERNAME": self.salesforce_username,
            "SALESFORCE_PRIVATE_KEY_FILE": self.salesforce_private_key_file,
        }
        missing = [name for name, value in given.items() if value is None]
        if len(missing) == 1:
            there = next(name for name, value in given.items() if value is not None)
            return [f"{missing[0]} is missing. {there} is given: the JWT bearer flow needs both, or neither."]
        if not missing and self.salesforce_client_id is None:
            return [
                "SALESFORCE_CLIENT_ID is missing. The JWT bearer flow needs it; copy it from the External Client App."
            ]
        return []

    def _plaintext_problems(self) -> list[str]:
        if self.salesforce_pubsub_tls or addresses.is_loopback(self.salesforce_pubsub_target):
            return []
        problem = "SALESFORCE_PUBSUB_TLS is false, but SALESFORCE_PUBSUB_TARGET is not on this machine."
        return [f"{problem} Plaintext is accepted for loopback only: leave the variable out."]

    def _scale_problems(self) -> list[str]:
        if self.hourstream_time_scale == 1:
            return []
        names = (*_URLS, "redis_url", "salesforce_pubsub_target")
        given = {name.upper(): getattr(self, name) for name in names}
        far = [name for name, value in given.items() if value is not None and not addresses.is_loopback(value)]
        if not far:
            return []
        verb = "is" if len(far) == 1 else "are"
        problem = f"HOURSTREAM_TIME_SCALE is not 1, but {', '.join(far)} {verb} not on this machine."
        return [f"{problem} It is for test suites only: leave it out."]


_REMEDIES = {
    "float_parsing": "is not a number. Leave it out: 1 is right outside test suites.",
    "greater_than": "is not above 0. Leave it out: 1 is right outside test suites.",
    "finite_number": "is not a finite number. Leave it out: 1 is right outside test suites.",
    "int_parsing": 'is not a port. Write a number from 1 to 65535, or "off".',
    "greater_than_equal": 'is not a port. Write a number from 1 to 65535, or "off".',
    "less_than_equal": 'is not a port. Write a number from 1 to 65535, or "off".',
    "bool_parsing": 'is neither true nor false. Write "true" or "false".',
}


def _text(error: Any) -> str:
    """One problem as `NAME problem. remedy.`; never the value, which may be a secret."""
    name = ".".join(str(part) for part in error["loc"]).upper()
    if error["type"] == "literal_error":
        return f"{name} has an unknown value. Write {error['ctx']['expected']}."
    if error["type"] == "value_error":
        said = str(error["ctx"]["error"])
        return f"{name} {said}" if name else said
    return f"{name} {_REMEDIES.get(error['type'], error['msg'])}"


def load_settings() -> Settings:
    """Read the environment and `.env`.

    Raises:
        ConfigurationError: naming every wrong variable, what is wrong with it and what to write instead.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise ConfigurationError("\n".join(_text(item) for item in error.errors())) from None
    except UnicodeDecodeError:
        raise ConfigurationError("The file .env is not UTF-8 text.", "Save it as UTF-8.") from None

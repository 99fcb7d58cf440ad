"""One log for everything in a process: ours (structlog) and the libraries' (logging), with secrets taken out.

Logs go to the error stream: the standard stream belongs to what commands print.
"""

from __future__ import annotations

import logging
import re
import sys
from collections import deque
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Any, TextIO
from urllib.parse import unquote

import structlog

from worker.settings import Settings

HIDDEN = "***"
_SHORTEST_SECRET = 4  # a shorter one would take words apart

_SECRET_NAME = re.compile(
    r"(?i)(authorization|password|passwd|secret|private_key|assertion|cookie|fernet|(access|refresh|id|session)_?token|^token$)"
)
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?i)\b(bearer|oauth|basic)\s+(?!realm)[A-Za-z0-9._~+/=!-]{8,}"), rf"\1 {HIDDEN}"),
    (
        re.compile(
            r"(?i)([\"']?\b(?:access_token|refresh_token|id_token|client_secret|code_verifier|assertion|password|"
            r"accesstoken|authorization)\b[\"']?\s*[:=]\s*[\"']?)(?!bearer|oauth|basic)[^\s\"'&,;}\])]+"
        ),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"\b([a-z][a-z0-9+.-]*://[^\s:/@\"']*):[^\s/\"']+@"), rf"\1:{HIDDEN}@"),  # redis://user:password@host
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?"), HIDDEN),  # a JWT
    (re.compile(r"\b00D[A-Za-z0-9]{12,15}![A-Za-z0-9._-]+"), HIDDEN),  # a Salesforce session id
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), HIDDEN),
)


# Secrets that came up while the process runs: tokens, what was typed into the console. Old ones make room.
_met: deque[str] = deque(maxlen=500)


def hide(secrets: Iterable[str]) -> None:
    """From now on these texts show in no log line of this process."""
    _met.extend(text for text in secrets if len(text) >= _SHORTEST_SECRET and text not in _met)


def secrets_in(values: Mapping[str, Any]) -> list[str]:
    """The texts among these values that are kept under a name that says it is secret."""
    return [value for name, value in values.items() if isinstance(value, str) and _SECRET_NAME.search(name)]


class Redactor:
    """Takes secrets out of texts and of whatever holds texts: by what they look like, and the known ones by value."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._known = sorted({item for item in known if len(item) >= _SHORTEST_SECRET}, key=len, reverse=True)

    def text(self, text: str) -> str:
        """The text with every secret replaced by `***`."""
        for secret in (*self._known, *_met):
            text = text.replace(secret, HIDDEN)
        for pattern, hidden in _PATTERNS:
            text = pattern.sub(hidden, text)
        return text

    def value(self, value: Any, name: str = "") -> Any:
        """The value, redacted; anything but plain data becomes the text that would be printed."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if _SECRET_NAME.search(name):
            return HIDDEN
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(item, str(key)) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(item) for item in value]
        return self.text(repr(value) if isinstance(value, bytes | BaseException) else str(value))

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """A structlog processor; keys that structlog itself put in (with `_`) are left for it to remove."""
        return {key: item if key.startswith("_") else self.value(item, key) for key, item in event.items()}


def known_secrets(settings: Settings) -> list[str]:
    """Every secret value that the settings hold, each part of it on its own."""
    kept = (settings.salesforce_client_secret, settings.xero_client_secret, settings.hourstream_secret_key)
    whole = [item.get_secret_value() for item in kept if item is not None]
    secrets = [part.strip() for item in whole for part in (item, *item.split(","))]
    credentials = (settings.redis_url or "").partition("://")[2].partition("/")[0].rpartition("@")[0]
    password = credentials.partition(":")[2]
    return [*secrets, password, unquote(password), settings.hourstream_alert_url or ""]


def _pre_chain(redactor: Redactor) -> list[Callable[..., Any]]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        redactor,
    ]


def _renderer(as_json: bool, stream: TextIO) -> Callable[..., Any]:
    if as_json:
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(colors=stream.isatty())


class _OurHandler(logging.StreamHandler[TextIO]):
    """The handler that `configure_logging` replaces when it is called again."""


def configure_logging(settings: Settings, stream: TextIO | None = None) -> None:
    """Send structlog's and logging's events to one place, as JSON lines or for a terminal, without secrets."""
    out = stream or sys.stderr
    chosen = settings.hourstream_log_format or ("console" if out.isatty() else "json")
    pre_chain = _pre_chain(Redactor(known_secrets(settings)))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *pre_chain,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = _OurHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=pre_chain,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer(chosen == "json", out)],
        )
    )
    root = logging.getLogger()
    root.handlers = [*(item for item in root.handlers if not isinstance(item, _OurHandler)), handler]
    root.setLevel(settings.hourstream_log_level.upper())

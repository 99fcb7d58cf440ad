"""JSON as the REST API speaks it: numbers with a point become `Decimal`, large bodies are parsed off the event loop."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, Generic, NamedTuple, TypeVar, cast

import msgspec

from worker.salesforce.errors import UnexpectedAnswer

LARGE = 256 * 1024  # bytes; parsing more than this would hold up everything else for milliseconds

Shape = TypeVar("Shape")

_ENCODER = msgspec.json.Encoder(decimal_format="number")


def decode(body: bytes, shape: type[Shape]) -> Shape:
    """The JSON value of a body. Raises `ValueError` when it is none, or has another shape."""
    decoder: msgspec.json.Decoder[Shape] = _decoder(cast("Any", shape))
    return decoder.decode(body)


@cache
def _decoder(shape: Any) -> Any:
    return msgspec.json.Decoder(shape, float_hook=Decimal)


async def read(status: int, body: bytes, shape: type[Shape]) -> Shape:
    """As `decode`, without holding up the event loop.

    Raises:
        UnexpectedAnswer: when the body is no such JSON, for example a login or maintenance page.
    """
    try:
        return await asyncio.to_thread(decode, body, shape) if len(body) > LARGE else decode(body, shape)
    except ValueError as error:
        problem = str(error) if isinstance(error, msgspec.ValidationError) else "it is not JSON"
        raise UnexpectedAnswer(
            f"Salesforce answered HTTP {status} with something unexpected: {problem}.", status=status
        ) from None


def encode(value: Any) -> bytes:
    """JSON for Salesforce: `Decimal` as exact numbers, days and times as ISO 8601."""
    return _ENCODER.encode(value)


class ApiUsage(NamedTuple):
    """API calls of the org in the last 24 hours, and its allowance."""

    used: int
    allowed: int


def api_usage(header: str | None) -> ApiUsage | None:
    """`Sforce-Limit-Info: api-usage=18/5000; per-app-api-usage=17/250(appName=…)`."""
    for part in (header or "").split(";"):
        label, _, numbers = part.strip().partition("=")
        used, _, allowed = numbers.partition("/")
        if label == "api-usage" and used.isdecimal() and allowed.isdecimal():
            return ApiUsage(int(used), int(allowed))
    return None


def http_date(header: str | None) -> datetime | None:
    """A `Date` header in UTC; None when there is none."""
    try:
        return parsedate_to_datetime(header or "").astimezone(UTC)
    except ValueError:
        return None


class Answer(NamedTuple, Generic[Shape]):
    """What Salesforce answered, and its clock."""

    value: Shape
    date: datetime | None

    @property
    def server_date(self) -> datetime:
        """Salesforce's time when it answered; watermarks are made from it, never from a clock of ours."""
        if self.date is None:
            raise UnexpectedAnswer(
                "An answer of Salesforce has no Date header.", "A proxy on the way removes it; let it pass."
            )
        return self.date

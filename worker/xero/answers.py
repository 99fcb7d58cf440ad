"""What an answer of Xero means: one table from HTTP status to action, for reads and for writes alike.

| answer | action | a write was |
|---|---|---|
| 2xx | done | written, if the body can be read; else unknown |
| 429 | limited | not written (the limit is checked before anything else) |
| 401 | renew; scope or reconnect where it says so | not written |
| 403 | reconnect | not written |
| 400, 404 and other 4xx | refused | not written |
| 500 | error: kept under the idempotency key, so only a new key can succeed | unknown |
| 3xx, other 5xx | down | unknown |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from msgspec import Struct, structs

from worker.billing.model import DocumentType, Found
from worker.limits import Limits
from worker.store.governor import Problem
from worker.xero import parse
from worker.xero.errors import MissingScope, NoAnswer, ReconnectNeeded, Refused, XeroError
from worker.xero.pages import Odd, records
from worker.xero.values import Json, decode, header_date, items, text

Action = Literal["done", "limited", "renew", "scope", "reconnect", "refused", "error", "down"]
Outcome = Literal["answered", "refused", "unknown", "cached-error", "limited", "auth", "not-sent"]

_ACTIONS: dict[int, Action] = {401: "renew", 403: "reconnect", 429: "limited", 500: "error"}
_CLASSES: dict[int, Action] = {2: "done", 4: "refused"}
_OUTCOMES: dict[Action, Outcome] = {
    "done": "answered",
    "limited": "limited",
    "renew": "auth",
    "scope": "auth",
    "reconnect": "auth",
    "refused": "refused",
    "error": "cached-error",
    "down": "unknown",
}
_LIMITS: dict[str, Problem] = {"day": "day", "concurrent": "concurrent", "appminute": "appminute"}
_SCOPE = ("insufficent_scope", "insufficient_scope")  # the first is Xero's own spelling
_TEXT = 500  # how much of Xero's text is passed on


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, read to its end."""

    status: int
    headers: Mapping[str, str]  # case-insensitive
    body: bytes

    @property
    def date(self) -> str:
        """Xero's own time of this answer, ISO 8601 in UTC; "" when it gave none."""
        return header_date(self.headers)


class WriteAnswer(Struct, frozen=True, kw_only=True):
    """What came of a write. Whether it was written, by `outcome`:

    `answered`: element by element, in the order sent; `refused`, `limited`, `auth`: nothing was written; `not-sent`:
    nothing left this machine; `unknown`: perhaps, the same bytes and key may be sent again; `cached-error`: perhaps,
    look it up, and only a new key can succeed.
    `problem` says why in Xero's words; for `limited` it is the limit: `minute`, `day`, `concurrent`, `appminute`.
    `retry_after` is in seconds, None where Xero named none. `missing_scope`: of `auth`, that the consent does not cover
    this; another token would not either, and other calls are not affected.
    """

    outcome: Outcome
    elements: tuple[Found, ...] = ()
    status: int = 0
    problem: str = ""
    retry_after: float | None = None
    date: str = ""
    missing_scope: bool = False


def action(answer: Answer) -> Action:
    """What to do about an answer."""
    found = _ACTIONS.get(answer.status) or _CLASSES.get(answer.status // 100, "down")
    if found == "renew" and any(word in answer.headers.get("WWW-Authenticate", "").lower() for word in _SCOPE):
        return "scope"
    if found == "renew" and "AuthenticationUnsuccessful" in problem(answer):
        return "reconnect"
    return found


def disconnected(answer: WriteAnswer) -> bool:
    """Whether a write was refused because the company was disconnected from the app (403, also seen as 401)."""
    return answer.outcome == "auth" and (answer.status == 403 or "AuthenticationUnsuccessful" in answer.problem)


def limit(answer: Answer) -> Problem:
    """Which limit a 429 is about; Xero's spelling of the app-wide one is not documented."""
    return _LIMITS.get(answer.headers.get("X-Rate-Limit-Problem", "").lower().replace("-", "").strip(), "minute")


def left(answer: Answer, what: Literal["Min", "Day", "AppMin"]) -> int | None:
    """Calls left in this minute or day, or to the app in this minute, as the answer says; None when it does not."""
    value = answer.headers.get(f"X-{what}Limit-Remaining", "").strip()
    return int(value) if value.isdecimal() else None


def retry_after(answer: Answer) -> float | None:
    """Seconds to wait as the answer says, None when it does not."""
    value = answer.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        until = parsedate_to_datetime(value)
        now = parsedate_to_datetime(answer.headers.get("Date", ""))
        return max(0.0, (until - now).total_seconds())
    except (ValueError, TypeError):
        return None


def scaled(seconds: float | None, limits: Limits) -> float | None:
    """Seconds that Xero named, on this process' time scale."""
    return None if seconds is None else seconds * limits.minute / Limits().minute


def wait_after(answer: Answer, limits: Limits) -> float:
    """Seconds to wait after a 429. Xero names them for the minute and the day only."""
    named = scaled(retry_after(answer), limits)
    if named is not None:
        return named
    return {"concurrent": limits.minute / 60, "day": limits.minute * 60}.get(limit(answer), limits.minute)


def problem(answer: Answer) -> str:
    """What an answer says went wrong, on one line; "" when it says nothing."""
    body = _json(answer)
    said = [message for element in items(body, "Elements") for message in parse.messages(element)]
    said = said or [value for name in ("Detail", "Message", "Title", "error") if (value := text(body, name))][:1]
    return " ".join("; ".join(dict.fromkeys(said)).split())[:_TEXT]


def read_error(answer: Answer, found: Action) -> XeroError:
    """The error for a read that did not succeed; limits are dealt with before."""
    said = problem(answer) or f"HTTP status {answer.status}"
    if found == "scope":
        return MissingScope(
            f"Xero's consent does not cover this ({said}).",
            "Grant the missing scope, then connect to Xero again.",
            status=answer.status,
        )
    if found in {"reconnect", "renew"}:
        return ReconnectNeeded(
            f"Xero does not let us into the company any more ({said}).", "Connect to Xero again.", status=answer.status
        )
    if found == "refused":
        return Refused(f"Xero refused to answer ({said}).", status=answer.status)
    return NoAnswer(f"Xero has a problem of its own ({said}).", "It is tried again by itself.", status=answer.status)


def write_answer(answer: Answer, kind: DocumentType) -> WriteAnswer:
    """What came of a write of documents that got an answer."""
    meant = bare_answer(answer)
    elements = _elements(answer, kind, meant.outcome)
    if elements is None:
        return structs.replace(meant, outcome="unknown", problem=_write_problem(answer, "unknown"))
    return structs.replace(meant, elements=elements)


def bare_answer(answer: Answer) -> WriteAnswer:
    """What the answer to any write says by its status, before its elements are looked at."""
    found = action(answer)
    outcome = _OUTCOMES[found]
    return WriteAnswer(
        outcome=outcome,
        status=answer.status,
        problem=limit(answer) if outcome == "limited" else _write_problem(answer, outcome),
        retry_after=retry_after(answer),
        date=answer.date,
        missing_scope=found == "scope",
    )


def _write_problem(answer: Answer, outcome: Outcome) -> str:
    if outcome == "answered":
        return ""
    said = "the answer could not be read" if answer.status // 100 == 2 else problem(answer)
    return said or f"HTTP status {answer.status}"


def _elements(answer: Answer, kind: DocumentType, outcome: Outcome) -> tuple[Found, ...] | None:
    if outcome == "refused":
        return tuple(parse.refused(element, kind) for element in items(_json(answer), "Elements"))
    if outcome != "answered":
        return ()
    try:
        found = [parse.written(record, kind) for record in records(decode(answer.body), parse.RESOURCE[kind])]
    except (ValueError, XeroError):
        return None
    # One unreadable element leaves open what was written, so the whole answer is: the key makes Xero answer it again.
    if not found or any(isinstance(element, Odd) for element in found):
        return None
    return tuple(element for element in found if isinstance(element, Found))


def _json(answer: Answer) -> Json:
    try:
        body: Any = decode(answer.body)
    except ValueError:
        return {}
    return body if isinstance(body, Mapping) else {}

"""From an HTTP answer that is no success to a typed error. Bodies are JSON arrays of errors, or HTML in a breakdown."""

import re
from collections.abc import Mapping
from typing import Any

from worker.salesforce.errors import Action, RequestRefused, Rule, SalesforceError, Unavailable, error_of, rule
from worker.salesforce.wire import decode

_STATUS: dict[int, Rule] = {
    404: Rule(
        Action.SETUP,
        "Restore the object or field, give the integration user access to it, or change the setup.",
    ),
    410: Rule(Action.PERMANENT, "Set SALESFORCE_API_VERSION to a version the org has."),
    414: Rule(Action.PERMANENT, "Map fewer fields."),
    420: Rule(Action.RETRY),
    431: Rule(Action.PERMANENT, "Map fewer fields."),
}
_COLUMN = re.compile(r"No such column '([^']+)' on (?:entity|sobject of type) '?(\w+)'?")
_RELATION = re.compile(r"Didn't understand relationship '([^']+)'")
_LONGEST = 300  # characters of Salesforce's message that are repeated


def refusal(status: int, body: bytes, asked: str) -> SalesforceError:
    """The error that an answer means; `asked` says what was asked, for people: "query TimeEntry__c"."""
    first = _first(body)
    code, message = str(first.get("errorCode") or first.get("error") or ""), str(first.get("message") or "")
    if not code:
        return _without_code(status, asked)
    found = _rule(status, code, message)
    fields = tuple(str(field) for field in first.get("fields") or ())
    what = f"Salesforce refused to {asked}: {_readable(code, message)}"
    return error_of(found.action)(what, found.remedy, code=code, status=status, fields=fields or _named(message))


def _rule(status: int, code: str, message: str) -> Rule:
    if status >= 500:
        return Rule(Action.RETRY)
    # In a whole answer NOT_FOUND is about the address: the object or the external id field, never one record.
    return _STATUS[404] if status == 404 else rule(code, message)


def _without_code(status: int, asked: str) -> SalesforceError:
    what = f"Salesforce could not {asked}: it answered HTTP {status}."
    found = _STATUS.get(status)
    if found is not None:
        return error_of(found.action)(what, found.remedy, status=status)
    if status >= 500 or status < 400:  # overload and maintenance pages, and redirects to them, come as HTML
        return Unavailable(what, "See https://status.salesforce.com if this goes on.", status=status)
    return RequestRefused(what, status=status)


def _first(body: bytes) -> Mapping[str, Any]:
    try:
        found = decode(body, object)
    except ValueError:
        return {}
    if isinstance(found, list):
        found = found[0] if found else {}
    return found if isinstance(found, dict) else {}


def _named(message: str) -> tuple[str, ...]:
    found = _COLUMN.search(message) or _RELATION.search(message)
    return (found[1],) if found else ()


def _readable(code: str, message: str) -> str:
    """Salesforce's message on one line. Of a refused query the last lines say it, after a picture of the query."""
    column, relation = _COLUMN.search(message), _RELATION.search(message)
    if column:
        return f"{column[2]} has no field {column[1]}, or hides it ({code})."
    if relation:
        return f"there is no relationship {relation[1]}, or it is hidden ({code})."
    text = " ".join(message.split())
    return f"{text if len(text) <= _LONGEST else '…' + text[-_LONGEST:]} ({code})"

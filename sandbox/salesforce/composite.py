"""Several calls in one, the later ones using results of the earlier (Salesforce: Composite)."""

import re
from typing import Any
from urllib.parse import parse_qsl

from sandbox.salesforce.api import Answer, Call, Routes
from sandbox.salesforce.errors import ApiError, FieldError, not_found

MAX_SUBREQUESTS = 25
MAX_QUERIES = 5
_REFERENCE = re.compile(r"@\{([^}]+)\}")
_PATH = re.compile(r"/services/data/v(?P<version>[\d.]+)(?P<path>/[^?]*)(?:\?(?P<query>.*))?")
_HALTED = FieldError(
    "PROCESSING_HALTED", "The transaction was rolled back since another operation in the same transaction failed."
)


def add_composite(routes: Routes) -> None:
    """Give a route table its /composite resource, which runs calls over that same table."""

    @routes.on("POST", "/composite")
    def composite(call: Call) -> Answer:
        """Run the subrequests in order; each is its own transaction (allOrNone is refused)."""
        body = call.object_body()
        requests = body.get("compositeRequest")
        if not isinstance(requests, list) or not requests:
            raise ApiError(400, "MISSING_ARGUMENT", "compositeRequest must hold subrequests")
        if len(requests) > MAX_SUBREQUESTS:
            raise ApiError(400, "LIMIT_EXCEEDED", f"at most {MAX_SUBREQUESTS} subrequests are allowed")
        heavy = sum(1 for item in requests if "/query" in str(item.get("url")) or "/composite/" in str(item.get("url")))
        if heavy > MAX_QUERIES:
            raise ApiError(400, "LIMIT_EXCEEDED", f"at most {MAX_QUERIES} queries and collections are allowed")
        if body.get("allOrNone"):
            raise ApiError(400, "INVALID_INPUT", "this stand-in runs composite subrequests with allOrNone false only")
        results: dict[str, object] = {}
        return Answer(200, {"compositeResponse": [_one(routes, call, item, results) for item in requests]})


def _one(routes: Routes, call: Call, item: dict[str, Any], results: dict[str, object]) -> dict[str, object]:
    name = str(item.get("referenceId", ""))
    answer = _answer(routes, call, item, results)
    if answer.status < 400:
        results[name] = answer.body
    return {
        "body": answer.body,
        "httpHeaders": dict(answer.headers),
        "httpStatusCode": answer.status,
        "referenceId": name,
    }


def _answer(routes: Routes, call: Call, item: dict[str, Any], results: dict[str, object]) -> Answer:
    try:
        url = str(_filled(str(item.get("url", "")), results))
        body = _filled(item.get("body"), results)
    except KeyError:
        return Answer(400, [{"errorCode": _HALTED.code, "message": _HALTED.message}])
    match = _PATH.fullmatch(url)
    if match is None or match["path"].rstrip("/") == "/composite":
        return Answer(404, not_found().body())
    inner = Call(
        call.state,
        call.user_id,
        match["version"],
        str(item.get("method", "GET")).upper(),
        match["path"],
        dict(parse_qsl(match["query"] or "", keep_blank_values=True)),
        body,
        call.client,
        call.headers,
    )
    return routes.answer(inner)


def _filled(value: object, results: dict[str, object]) -> object:
    """References such as @{refAccount.id} replaced. Raises KeyError where the earlier call failed."""
    if isinstance(value, dict):
        return {name: _filled(item, results) for name, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, results) for item in value]
    if isinstance(value, str):
        return _REFERENCE.sub(lambda match: str(_looked_up(match[1], results)), value)
    return value


def _looked_up(reference: str, results: dict[str, object]) -> object:
    at: object = results
    for part in re.findall(r"[^.\[\]]+", reference):
        if isinstance(at, list) and part.isdigit() and int(part) < len(at):
            at = at[int(part)]
        elif isinstance(at, dict):
            at = at[part]
        else:
            raise KeyError(reference)
    return at

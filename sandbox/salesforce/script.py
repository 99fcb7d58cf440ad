"""What a test suite can make the org do by itself: scripted streams, and records changed from nowhere."""

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.salesforce.cometd_clients import Scripted
from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.ids import to18
from sandbox.salesforce.org import ADMIN_ID
from sandbox.salesforce.schema import SObject
from sandbox.salesforce.state import UI_ORIGIN, State

Body = dict[str, Any]


def actions(state: State) -> dict[str, Callable[[Body], object]]:
    """The control port's further resources: stream, records, sessions, query-cursors."""
    return {
        "stream": lambda body: stream(state, body),
        "records": lambda body: records(state, body),
        "sessions": lambda body: {"ended": state.sessions.revoke(body.get("token"))},
        "query-cursors": lambda _: {"closed": _forget_cursors(state)},
    }


def stream(state: State, body: Body) -> object:
    """Script the event stream: {"action": name, …}. Raises ValueError.

    For CometD alone: `forget-clients`, and `refuse` {"channel": "/meta/…", "error", "reason", "reconnect", "times"}.
    """
    bus = state.bus
    match body.get("action"):
        case "break":
            return {"streams": bus.cut()}
        case "gap":
            change = "GAP_" + str(body.get("change", "UPDATE")).upper()
            bus.announce(_sobject(state, body), change, [to18(item) for item in body["ids"]])
        case "overflow":
            bus.announce(_sobject(state, body), "GAP_OVERFLOW", ["000000000000000AAA"])
        case "wildcard":
            sobject = _sobject(state, body)
            bus.announce(sobject, "UPDATE", [f"{sobject.prefix}*"])
        case "duplicate-last":
            bus.repeat_last()
        case "expire-before" | "reset":
            bus.forget()
        case "undecodable":
            bus.undecodable = int(body.get("times", 1))
        case "silence" | "speak":
            state.org.switches["silent"] = body["action"] == "silence"
            bus.wake()
        case "forget-clients":
            return {"clients": state.cometd.forget()}
        case "refuse":
            state.cometd.scripted.append(_refusal(body))
        case other:
            known = (
                "break, gap, overflow, wildcard, duplicate-last, expire-before, reset, undecodable, silence, speak, "
                "forget-clients, refuse"
            )
            raise ValueError(f"unknown action {other!r}; known: {known}")
    return {"events": bus.published}


def records(state: State, body: Body) -> object:
    """Change records as the platform or a person would: {"action", "sobject", "records" or "ids", "quiet"}.

    Insert, update, delete, undelete; `quiet` tells no event of it. `purge` removes rows for good, without an event and,
    unless `logged`, without a delete record. Raises ValueError.
    """
    sobject = _sobject(state, body)
    if body.get("action") == "purge":
        return {"ids": [_purge(state, sobject, to18(item), bool(body.get("logged"))) for item in body["ids"]]}
    transaction = state.begin(str(body.get("user_id", ADMIN_ID)), system=True)
    start = transaction.savepoint()
    try:
        ids = [_act(transaction, sobject, str(body.get("action")), item) for item in body.get("records") or body["ids"]]
    except ApiError as error:
        transaction.rollback(start)
        raise ValueError(str(error)) from error
    if not body.get("quiet"):
        state.commit(transaction, str(body.get("origin", UI_ORIGIN)))
    return {"ids": ids}


def _act(transaction: Any, sobject: SObject, action: str, item: Mapping[str, object] | str) -> str:
    if isinstance(item, str):
        if action == "delete":
            transaction.delete(sobject, item)
        elif action == "undelete":
            transaction.undelete(sobject, item)
        else:
            raise ValueError(f"action {action!r} needs records, not ids")
        return to18(item)
    if action == "insert":
        return str(transaction.create(sobject, item))
    if action == "update":
        transaction.update(sobject, str(item["Id"]), {name: value for name, value in item.items() if name != "Id"})
        return to18(str(item["Id"]))
    raise ValueError(f"unknown action {action!r}; known: insert, update, delete, undelete, purge")


def _purge(state: State, sobject: SObject, record_id: str, logged: bool) -> str:
    if state.org.tables[sobject.name].pop(record_id, None) is None:
        raise ValueError(f"no record {record_id}")
    if logged:
        state.org.purged.setdefault(sobject.name, []).append((record_id, state.org.time()))
    return record_id


def _refusal(body: Body) -> Scripted:
    told = {name: str(body[name]) for name in ("channel", "error", "reason", "reconnect") if name in body}
    if not {"channel", "error"} <= told.keys():
        raise ValueError("a refusal needs channel and error")
    return Scripted(times=int(body.get("times", 1)), **told)


def _sobject(state: State, body: Body) -> SObject:
    name = str(body.get("sobject", "TimeEntry__c"))
    found = state.org.schema(name)
    if found is None:
        raise ValueError(f"no object {name!r}")
    return found


def _forget_cursors(state: State) -> int:
    count = len(state.locators)
    state.locators.clear()
    return count

"""Twin of the ledger's and the slots' scripts, line by line: `ledger_scripts.py` and `intent_scripts.py` in the store.

A unit's field `on:{document}` is a text there and a tuple (order, open, postings) here. What only people's lists need
(`recent`, what an entry asked for lately) is left out.
"""

from collections.abc import Sequence

from tests.model.rules import REAL, Rules
from tests.model.twin_store import Drawn, Memory, Value
from tests.model.twin_worklist import work_add, work_done, work_end

Posted = tuple[str, str, Value, str]  # unit, document, its postings there ("" for none), "1" where it is held open
Settled = tuple[str, Value, Value, Sequence[Posted], Sequence[str], str]
Begun = tuple[str, Value, Sequence[tuple[str, Value]]]  # key, version, (unit, ticket) of what it places


def key_in(document: str) -> str:
    return document.partition("/")[0]


def unit_on(r: Memory, id_: str) -> tuple[str, set[str]]:
    posted, last, keys = "", 0, set()
    for field, value in r.fields(f"unit:{id_}").items():
        if field.startswith("on:"):
            key = key_in(field[3:])
            keys.add(key)
            order, held_open, _ = value
            if held_open == "1" and order > last:
                posted, last = key, order
    return posted, keys


def unit_put(r: Memory, row: Posted) -> None:
    id_, document, postings, held_open = row
    unit, field = f"unit:{id_}", f"on:{document}"
    had = r.get(unit, field)
    if postings == "":
        r.drop(unit, field)
    else:
        order = had[0] if had else r.count(unit, "order")
        r.put(unit, field, (order, held_open, postings))
        r.put(f"members:{key_in(document)}", id_, "")
    r.put("units", id_, "")


def unit_leave(r: Memory, id_: str, key: str) -> None:
    unit = f"unit:{id_}"
    _, keys = unit_on(r, id_)
    if r.get(unit, "at") != key and r.get(unit, "belongs") != key and key not in keys:
        r.drop(f"members:{key}", id_)


def unit_let_go(r: Memory, id_: str, key: str) -> None:
    unit = f"unit:{id_}"
    at, belongs, (posted, _) = r.get(unit, "at") or "", r.get(unit, "belongs") or "", unit_on(r, id_)
    if at in ("", key):
        at = posted
    r.put(unit, "posted", posted)
    r.put(unit, "at", at)
    if posted == key:
        return
    if belongs not in ("", key):
        work_add(r, "invoices", belongs)
    unit_leave(r, id_, key)


def store_facts(r: Memory, ticket: Drawn, id_: str, generation: Value, verdict: Value, belongs: str) -> list[str]:
    """One row of the script, of a unit that neither waits nor is told."""
    unit = f"unit:{id_}"
    had_ticket, had_at, had_belongs = (r.get(unit, name) for name in ("ticket", "at", "belongs"))
    if had_ticket is not None and had_ticket >= ticket:
        work_end(r, "collect", id_)
        return [id_]
    _, keys = unit_on(r, id_)
    unit_facts(r, ticket, id_, verdict, belongs)
    for key in sorted((keys | {belongs, had_at or "", had_belongs or ""}) - {""}):
        work_add(r, "invoices", key)
    work_done(r, "collect", id_, generation)
    return []


def unit_facts(r: Memory, ticket: Drawn, id_: str, verdict: Value, belongs: str) -> None:
    unit = f"unit:{id_}"
    had = r.get(unit, "belongs")
    r.put(unit, "ticket", ticket)
    r.put(unit, "verdict", verdict)
    r.put(unit, "belongs", belongs)
    r.put("units", id_, "")
    if belongs != "":
        r.put(f"members:{belongs}", id_, "")
    if had:
        unit_leave(r, id_, had)


def invoice_put(r: Memory, key: str, record: Value) -> None:
    r.put(f"invoice:{key}", "record", record)
    r.put(f"invoice:{key}", "version", r.drawn("generation"))
    r.put("invoices", key, "")


def merge(r: Memory, key: str, version: Value, record: Value, rows: Sequence[Posted], mark: Value) -> int:
    had = r.get(f"invoice:{key}", "version") or 0
    if had != version or r.get(f"invoice:{key}", "slot"):
        return 0
    invoice_put(r, key, record)
    for row in rows:
        unit_put(r, row)
        unit_let_go(r, row[0], key)
        work_add(r, "write_back", row[0])
    if r.get("verify", key) == mark:
        r.drop("verify", key)
    work_add(r, "invoices", key)
    return 1


def unflag(r: Memory, key: str, mark: Value) -> None:
    if r.get("verify", key) == mark:
        r.drop("verify", key)


# ---- slots ---------------------------------------------------------------------------------------------------------


def begin(
    r: Memory,
    intent: str,
    text: Value,
    rows: Sequence[Begun],
    bindings: Sequence[tuple[str, str]] = (),
    series: int = -1,
    rules: Rules = REAL,
) -> list[str]:
    """`epoch`, `least`, the stage's pause and the setup's version are as they should be here."""
    if f"intent:{intent}" in r.data:
        return ["begun"]
    stands = int(r.get("series") or 0)
    if series >= 0 and stands != series:
        return ["refused", "", "series"]
    refused: list[str] = ["refused"]
    keys: set[str] = set()
    placed: set[str] = set()
    for key, version, pairs in rows:
        reason = ""
        for id_, ticket in pairs:
            at = r.get(f"unit:{id_}", "at") or ""
            if rules.at and (at not in ("", key) or id_ in placed):
                reason = "moving"
            if (r.get(f"unit:{id_}", "ticket") or 0) != ticket:
                reason = "facts"
            placed.add(id_)
        if rules.versions and (r.get(f"invoice:{key}", "version") or 0) != version:
            reason = "version"
        if rules.slots and (r.get(f"invoice:{key}", "slot") or key in keys):
            reason = "slot"
        keys.add(key)
        if reason:
            refused += [key, reason]
    if len(refused) > 1:
        return refused

    for key, _, pairs in rows:
        r.put(f"invoice:{key}", "slot", intent)
        for id_, _ in pairs:
            r.put(f"unit:{id_}", "at", key)
        if r.get("work:invoices", key) is None:
            work_add(r, "invoices", key)
    for name, number in bindings:
        r.put("numbers", name, number)
    if series >= 0:
        r.put("series", "", series + len(bindings))
    r.put(f"intent:{intent}", "text", text)
    r.put(f"intent:{intent}", "first_sent", r.now)
    r.put(f"intent:{intent}", "sends", 1)
    r.put("intents", intent, r.now)
    r.count("intents:counter")
    return ["begun"]


def send_again(r: Memory, intent: str, keys: Sequence[str], most: int, within: int, rules: Rules = REAL) -> int:
    first_sent, sends = r.get(f"intent:{intent}", "first_sent"), r.get(f"intent:{intent}", "sends")
    if first_sent is None:
        return 0
    if rules.looked_up and (r.now - first_sent >= within or sends > most):
        return 0
    if any(r.get(f"invoice:{key}", "slot") != intent for key in keys):
        return 0
    r.count(f"intent:{intent}", "sends")
    return 1


def exhaust(r: Memory, intent: str) -> None:
    if f"intent:{intent}" in r.data:
        r.put(f"intent:{intent}", "sends", 1000)


def settle(
    r: Memory, intent: str, rows: Sequence[Settled], keys: Sequence[str], sends: int = 0, rules: Rules = REAL
) -> list[str]:
    if rules.drops_alone and sends > 0 and (r.get(f"intent:{intent}", "sends") or 0) > sends:
        return []
    gone: list[str] = []
    for key, generation, record, postings, free, finished in rows:
        invoice = f"invoice:{key}"
        if rules.slots and r.get(invoice, "slot") != intent:
            gone.append(key)
            r.put("verify", key, (r.drawn("generation"), "an answer arrived after its slot was gone"))
            work_add(r, "invoices", key)
        else:
            r.drop(invoice, "slot")
            if record != "":
                invoice_put(r, key, record)
                r.put(invoice, "written", r.now)
            for row in postings:
                unit_put(r, row)
                unit_let_go(r, row[0], key)
                work_add(r, "write_back", row[0])
            for id_ in free:
                unit_let_go(r, id_, key)
            if finished == "1":
                work_done(r, "invoices", key, generation, rules)
    if any(r.get(f"invoice:{key}", "slot") == intent for key in keys):
        return gone
    r.delete(f"intent:{intent}")
    r.drop("intents", intent)
    return gone

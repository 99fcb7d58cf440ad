"""Twin of the work lists' scripts, line by line: `worker/store/worklist_scripts.py` says the same in Lua.

Names of keys are those of the scripts without the base. `test_twin` holds the two equal on a real server.
"""

from collections.abc import Sequence

from tests.model.rules import REAL, Rules
from tests.model.twin_store import Drawn, Memory, Value

PARTS = ("gen", "due", "lease", "first", "size", "attempts", "error")
Row = tuple[str, Drawn, int, int]  # id, generation, attempts, lease end


def work_end(r: Memory, stage: str, id_: str) -> None:
    r.drop(f"work:{stage}:lease", id_)
    due = r.get(f"work:{stage}:due", id_)
    if due is not None:
        r.put(f"work:{stage}", id_, due)


def work_forget(r: Memory, stage: str, id_: str) -> None:
    r.drop(f"work:{stage}", id_)
    for part in PARTS:
        r.drop(f"work:{stage}:{part}", id_)


def work_unpark(r: Memory, stage: str, id_: str) -> None:
    parked = r.get(f"work:{stage}:cause", id_)
    if parked is None:
        return
    r.drop(f"work:{stage}:waiting", id_)
    r.drop(f"work:{stage}:cause", id_)
    r.drop(f"work:{stage}:parked", id_)
    if parked != "":
        r.drop(f"cause:{parked}", f"{stage}|{id_}")


def work_add(r: Memory, stage: str, id_: str, quiet: int = 0, most: int = 0, size: int = 0) -> None:
    work, now = f"work:{stage}", r.now
    r.put(f"{work}:gen", id_, r.drawn("generation"))
    r.add(f"{work}:first", id_, now)
    due = max(now, min(now + quiet, r.get(f"{work}:first", id_) + most))
    if size > 0 and r.count(f"{work}:size", id_) >= size:
        due = now
    had = r.get(f"{work}:due", id_)
    lease = r.get(f"{work}:lease", id_) or 0
    if had is not None and had <= now and lease <= now:
        due = had
    r.put(f"{work}:due", id_, due)
    work_unpark(r, stage, id_)
    r.put(work, id_, max(due, lease))


def work_moved(r: Memory, stage: str, id_: str, generation: Value) -> bool:
    if r.get(f"work:{stage}:gen", id_) == generation:
        return False
    work_end(r, stage, id_)
    return True


def work_unresolved(r: Memory, stage: str, id_: str) -> bool:
    return stage == "invoices" and bool(r.get(f"invoice:{id_}", "slot"))


def work_done(r: Memory, stage: str, id_: str, generation: Value, rules: Rules = REAL) -> None:
    same = r.get(f"work:{stage}:gen", id_) == generation or not rules.generations
    if same and not work_unresolved(r, stage, id_):
        work_forget(r, stage, id_)
        return
    r.drop(f"work:{stage}:attempts", id_)
    r.drop(f"work:{stage}:error", id_)
    work_end(r, stage, id_)


def add(r: Memory, stage: str, ids: Sequence[str], quiet: int = 0, most: int = 0, size: int = 0) -> None:
    for id_ in ids:
        work_add(r, stage, id_, quiet, most, size)


def claim(r: Memory, stage: str, count: int, lease: int, gather: int = 0, *, whole: bool = False) -> list[Row]:
    work, now = f"work:{stage}", r.now
    if r.get(f"stage:{stage}", "paused") or (r.get(f"stage:{stage}", "not_before") or 0) > now:
        return []
    order = sorted(r.fields(work).items(), key=lambda item: (item[1], item[0]))
    if not order or order[0][1] > now:
        return []
    due = [item for item in order if item[1] <= now]
    if whole and len(due) < count and any(held_until > now for held_until in r.fields(f"{work}:lease").values()):
        return []
    claimed: list[Row] = []
    for id_, _ in [item for item in order if item[1] <= now + gather][: count * 3 + 50]:
        leased = r.get(f"{work}:lease", id_)
        if len(claimed) < count and not (leased is not None and leased > now):
            r.put(f"{work}:lease", id_, now + lease)
            r.drop(f"{work}:first", id_)
            r.drop(f"{work}:size", id_)
            r.put(work, id_, now + lease)
            attempts = r.count(f"{work}:attempts", id_)
            claimed.append((id_, r.get(f"{work}:gen", id_), attempts, now + lease))
    return claimed


def done(r: Memory, stage: str, pairs: Sequence[tuple[str, Value]], rules: Rules = REAL) -> int:
    for id_, generation in pairs:
        work_done(r, stage, id_, generation, rules)
    return len(pairs)


def retry(r: Memory, stage: str, id_: str, generation: Value, lease: int, delay: int, error: str) -> int:
    if r.get(f"work:{stage}:lease", id_) != lease:
        return 0
    if work_moved(r, stage, id_, generation):
        return 0
    r.put(f"work:{stage}:error", id_, error)
    r.put(f"work:{stage}:due", id_, r.now + delay)
    work_end(r, stage, id_)
    return 1


def wait(r: Memory, stage: str, id_: str, generation: Value, lease: int, parked: str, cause: str) -> int:
    if r.get(f"work:{stage}:lease", id_) != lease:
        return 0
    if work_moved(r, stage, id_, generation):
        return 0
    if work_unresolved(r, stage, id_):
        work_end(r, stage, id_)
        return 0
    work_forget(r, stage, id_)
    r.put(f"work:{stage}:waiting", id_, parked)
    r.put(f"work:{stage}:cause", id_, cause)
    r.put(f"work:{stage}:parked", id_, r.now)
    if cause != "":
        r.put(f"cause:{cause}", f"{stage}|{id_}", "")
    return 1


def hand_back(r: Memory, stage: str, pairs: Sequence[tuple[str, int]]) -> None:
    for id_, lease in pairs:
        if r.get(f"work:{stage}:lease", id_) == lease:
            r.count(f"work:{stage}:attempts", id_, -1)
            work_end(r, stage, id_)


def release_cause(r: Memory, cause: str) -> int:
    members = sorted(r.fields(f"cause:{cause}"))
    for member in members:
        stage, _, id_ = member.partition("|")
        work_add(r, stage, id_)
    r.delete(f"cause:{cause}")
    return len(members)

"""Starts our processes by forking one that has everything imported: a worker is there in a moment, not in seconds.

Run as `python -m tests.faults.nursery`: reads one JSON object a line, answers one. `{"part", "environment", "log",
"clock"}` starts `python -m part` and answers its pid; `{"reap": pid}` waits for it and answers its exit code. Each
child is a process of its own in every respect that matters to a signal.
"""

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from tests.faults import skew

PR_SET_PDEATHSIG = 1  # linux/prctl.h
PARTS = ("worker", "listeners")


def main() -> None:
    """Serve until standard input ends; then whatever was started is killed."""
    tie()
    skew.install()
    for part in PARTS:
        __import__(f"{part}.__main__")
    children: set[int] = set()
    _answer({"ready": True})
    for line in sys.stdin:
        asked = json.loads(line)
        if "reap" in asked:
            children.discard(asked["reap"])
            answer = {"code": os.waitstatus_to_exitcode(os.waitpid(asked["reap"], 0)[1])}
        else:
            answer = {"pid": _born(asked)}
            children.add(answer["pid"])
        _answer(answer)
    for pid in children:
        os.kill(pid, signal.SIGKILL)


def tie() -> None:
    """Linux kills this process when the one that started it ends, however that ends."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _answer(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _born(asked: dict[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    tie()
    code = 70  # what ends before our own code has its say
    try:
        os.setsid()
        _dress(asked)
        code = sys.modules[f"{asked['part']}.__main__"].main()
    except SystemExit as ended:
        code = int(ended.code or 0)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(code)


def _dress(asked: dict[str, Any]) -> None:
    """The child's own environment, log and clock."""
    os.environ.clear()
    os.environ.update(asked["environment"])
    log = os.open(asked["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(number, target)
    skew.attach(Path(asked["clock"]))
    signal.signal(signal.SIGUSR2, _tell)


def _tell(_number: int, _frame: object) -> None:
    """Write into the log what every task of this process waits for: asked of one that does not end or go on."""
    for task in asyncio.all_tasks():
        sys.stderr.write(f"{task!r}\n")
        with contextlib.suppress(Exception):  # it reads sources, which may be in the midst of being read
            task.print_stack(file=sys.stderr)
    sys.stderr.flush()


if __name__ == "__main__":
    main()

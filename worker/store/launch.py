"""Starts a server that ends with the process that wanted it. Run as a script, with nothing but the standard library:

python launch.py tie PARENT_PID COMMAND…     Linux: becomes COMMAND, which the kernel ends with its parent
python launch.py watch PARENT_PID COMMAND…   elsewhere: stays, and ends COMMAND when the parent is gone
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from types import FrameType

PR_SET_PDEATHSIG = 1  # linux/prctl.h
LOOK_EVERY = 0.2  # seconds


def tie(parent: int, command: list[str]) -> int:
    """Become `command`, to be sent SIGTERM when the thread that started us ends (prctl survives exec)."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() == parent:  # else it ended before we were tied to it
        os.execv(command[0], command)  # noqa: S606  # a shell between us and the server would break the tie
    return 1


def watch(parent: int, command: list[str]) -> int:
    """Run `command`, pass SIGTERM on to it, and end it when our parent is another than `parent`."""
    # The lock on the data folder goes on to the server.
    child = subprocess.Popen(command, close_fds=False)  # noqa: S603  # the command we were started with

    def end(_signal: int, _frame: FrameType | None) -> None:
        child.terminate()

    signal.signal(signal.SIGTERM, end)
    while child.poll() is None:
        if os.getppid() != parent:
            child.terminate()
            return child.wait()
        time.sleep(LOOK_EVERY)
    return child.returncode


if __name__ == "__main__":
    how, parent_pid, *command_line = sys.argv[1:]
    sys.exit({"tie": tie, "watch": watch}[how](int(parent_pid), command_line))

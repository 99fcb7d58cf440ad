"""The environment of a demo: for its own processes, and as a file for the command line beside it."""

import os
import shlex
import socket
from collections.abc import Mapping
from pathlib import Path

from worker.errors import ServiceError
from worker.store import disk

FILE = "demo.env"  # in the demo's data folder
OURS = ("SALESFORCE_", "XERO_", "HOURSTREAM_")
KEPT = "HOURSTREAM_TIME_SCALE"


def enter(stand_ins: Mapping[str, str], data: Path, setup: str) -> Path:
    """Set this process's environment so that `up` and its children see the stand-ins, and nothing of the user's own.

    Gives the file that does the same for another shell. Raises `ServiceError` where no port is free.
    """
    file = data / "demo-setup.toml"
    file.write_text(setup, "utf-8")
    for name in [name for name in os.environ if name.startswith(OURS) and name != KEPT]:
        del os.environ[name]
    made = {
        **stand_ins,
        "REDIS_URL": "",  # the embedded server in HOURSTREAM_DATA, whatever the shell says
        "HOURSTREAM_DATA": str(data),
        "HOURSTREAM_SETUP": str(file),
        "HOURSTREAM_CONSOLE_URL": f"http://localhost:{free_port(8400)}",
    }
    os.environ.update(made)
    os.environ["HOURSTREAM_LOG_FORMAT"] = "json"
    kept = {KEPT: os.environ[KEPT]} if KEPT in os.environ else {}
    lines = [f"{name}={shlex.quote(value)}" for name, value in sorted((made | kept).items())]
    disk.write_atomic(data / FILE, "\n".join([*lines, ""]).encode())
    return data / FILE


def free_port(wanted: int) -> int:
    """The wanted port where it is free, else any free one."""
    for port in (wanted, 0):
        with socket.socket() as listening:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listening.bind(("127.0.0.1", port))
            except OSError:
                continue
            number: int = listening.getsockname()[1]
            return number
    raise ServiceError("No port is free on this machine.")

"""The whole system as processes: the two stand-ins, and `hourstream up` pointed at their addresses."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
SCALE = {"HOURSTREAM_TIME_SCALE": "10"}  # Xero's minute passes in 6 seconds
STARTS_WITHIN = 90.0  # seconds
STOPS_WITHIN = 90.0
LINK = "Sign in once, within 15 minutes: "
APPS = ("SALESFORCE_CLIENT_ID", "SALESFORCE_CLIENT_SECRET", "XERO_GRANT", "XERO_CLIENT_ID", "XERO_CLIENT_SECRET")


@dataclass(frozen=True)
class StandIns:
    """What the stand-ins printed: their environment."""

    environment: Mapping[str, str]

    @property
    def salesforce(self) -> str:
        """The org's address."""
        return self.environment["SALESFORCE_LOGIN_URL"]

    @property
    def xero(self) -> str:
        """The company's address."""
        return self.environment["XERO_API_URL"]

    @property
    def addresses(self) -> dict[str, str]:
        """Where both are, without anything that lets one in: the rest is typed into the console."""
        return {name: value for name, value in self.environment.items() if name not in APPS}

    @property
    def typed(self) -> dict[str, str]:
        """What a person copies from the two apps' own pages. Xero's is the app that people connect in a browser."""
        salesforce = {name: self.environment[name] for name in APPS[:2]}
        xero = {f"XERO_CLIENT_{part}": self.environment[f"SANDBOX_XERO_WEB_CLIENT_{part}"] for part in ("ID", "SECRET")}
        return salesforce | xero


@dataclass
class Up:
    """`hourstream up`: the one-time link that it printed, and the file its output goes to."""

    link: str
    log: Path

    @property
    def address(self) -> str:
        """The console's."""
        return self.link.partition("/link/")[0]


@contextmanager
def stand_ins(folder: Path) -> Iterator[StandIns]:
    """Both stand-ins with seeded records, until the block ends."""
    environment = dict(os.environ) | SCALE
    with _running("sandbox", "--seed", environment=environment, log=folder / "stand-ins.log", until="ready") as said:
        yield StandIns(dict(line.split("=", 1) for line in said[:-1]))


@contextmanager
def up(folder: Path, environment: Mapping[str, str]) -> Iterator[Up]:
    """A deployment of its own data folder, which knows this environment and nothing of the machine's own."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("SALESFORCE_", "XERO_", "HOUR"))}
    own.pop("REDIS_URL", None)
    given = own | SCALE | dict(environment) | {
        "HOURSTREAM_DATA": str(folder / "data"),
        "HOURSTREAM_CONSOLE_URL": f"http://localhost:{free_port()}",
        "HOURSTREAM_LOG_FORMAT": "json",
    }  # fmt: skip
    log = folder / "hourstream.log"
    with _running("up", environment=given, log=log, until=f"{LINK}http") as said:
        yield Up(said[-1].removeprefix(LINK), log)


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        number: int = listening.getsockname()[1]
        return number


@contextmanager
def _running(*command: str, environment: Mapping[str, str], log: Path, until: str) -> Iterator[list[str]]:
    """A command of ours, and what it printed up to the line that begins with `until`; the rest is kept in `log`."""
    with log.open("a", encoding="utf-8") as kept:
        process = subprocess.Popen(
            [sys.executable, "-m", "console", *command],
            env=dict(environment), cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=kept, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        rest = threading.Thread(target=kept.writelines, args=(process.stdout,))
        try:
            said = _said(process, until)
            rest.start()
            assert said[-1].startswith(until), f"{command[0]} printed {said}, then ended: see {log}"
            yield said
        finally:
            process.terminate()
            code = process.wait(STOPS_WITHIN)
            rest.join()
            process.stdout.close()
    assert code == 0, f"{command[0]} ended with {code}: see {log}"


def _said(process: subprocess.Popen[str], until: str) -> list[str]:
    """The lines up to that one; fewer where the process ends before, or takes too long."""
    assert process.stdout is not None
    late = threading.Timer(STARTS_WITHIN, process.kill)
    late.start()
    said = [""]
    for line in process.stdout:
        said.append(line.strip())
        if said[-1].startswith(until):
            break
    late.cancel()
    return said[1:] or said

"""Work that looks at the whole ledger, done in a process of its own: `python -m console.web.apart WORK`.

Computing holds Python's lock: done in the console's own process it would slow down every page meanwhile. The process
reads the work's argument from its standard input and the store by itself, tells on its standard output how far it is,
then what it came to, and ends. It ends with the console, and gives way to whatever else the machine has to do.
"""

import asyncio
import os
import sys
import time
from asyncio.subprocess import Process
from typing import BinaryIO, Final

import msgspec
from msgspec import Struct
from pydantic import SecretStr

from console.supervisor import Child, python, start, stop
from console.web import whole
from console.web.whole import Tell
from worker.errors import ConfigurationError, HourstreamError, ServiceError
from worker.logs import configure_logging
from worker.main import wire
from worker.settings import Settings, load_settings

STEP: Final = 0.25  # seconds between two words of how far it is
NICE: Final = 10  # how far it steps back behind other processes
END: Final = 5.0  # seconds it may take to end once it is told to
DEADLINE: Final = 600.0  # seconds for all of it
UNEXPECTED: Final = "Look again in a moment; the console's log has the reason."


class Said(Struct, frozen=True, tag_field="said", tag=str.lower):
    """A line of its output."""


class Progress(Said, frozen=True):
    """So many of so many were looked at."""

    done: int
    of: int


class Failed(Said, frozen=True):
    """It came to nothing."""

    what: str
    remedy: str
    configuration: bool


class Made(Said, frozen=True):
    """What follows this line is what it came to."""


_LINE: Final = msgspec.json.Decoder(Progress | Failed | Made)


# ---- in the console --------------------------------------------------------------------------------------------------


async def apart(settings: Settings, work: str, argument: str, tell: Tell) -> bytes:
    """What the work comes to, as JSON. Raises `HourstreamError`: what it raised there, or that it ended early."""
    quiet = environment_of(settings) | {"HOURSTREAM_LOG_LEVEL": "error"}  # the console has warned at its start
    process = await start(Child(work, python("-m", __name__, work), quiet), pipe=True, told=True)
    assert process.stdin is not None, "it is told by us"
    try:
        async with asyncio.timeout(DEADLINE):
            process.stdin.write(argument.encode())
            process.stdin.close()
            found = await _listen(process, tell)
    except TimeoutError:
        raise ServiceError(f"It was not made within {DEADLINE / 60:.0f} minutes.", UNEXPECTED) from None
    finally:
        await stop(process, END)
    return found


def environment_of(settings: Settings) -> dict[str, str]:
    """The environment in which a process of ours has the same settings, secrets included."""
    found = {}
    for name, value in settings:
        if value is not None:
            text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            found[name.upper()] = text.lower() if isinstance(value, bool) else text
    return found


async def _listen(process: Process, tell: Tell) -> bytes:
    assert process.stdout is not None, "its output is ours"
    while line := await process.stdout.readline():
        match _LINE.decode(line):
            case Progress(done, of):
                tell(done, of)
            case Failed(what, remedy, configuration):
                raise (ConfigurationError if configuration else ServiceError)(what, remedy)
            case _:
                found = await process.stdout.read()
                if await process.wait() == 0:  # else it ended before all of it was written
                    return found
    raise ServiceError("It could not be made: the process that does it ended.", UNEXPECTED)


# ---- in the process --------------------------------------------------------------------------------------------------


class Telling:
    """Writes how far the work is, now and then."""

    def __init__(self, out: BinaryIO) -> None:
        self._out, self._next = out, 0.0

    def __call__(self, done: int, of: int) -> None:
        """So many of so many are done."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + STEP
            write(self._out, Progress(done, of))


def write(out: BinaryIO, said: Said) -> None:
    """One line."""
    out.write(msgspec.json.encode(said) + b"\n")
    out.flush()


async def _work(name: str, argument: str, out: BinaryIO) -> None:
    settings = load_settings()
    configure_logging(settings)
    async with wire(settings, "console", bells=False) as ctx:
        found = await whole.WORKS[name](ctx, argument, Telling(out))
    write(out, Made())
    out.write(msgspec.json.encode(found))
    out.flush()


def main() -> None:
    """The process."""
    (name,), argument = sys.argv[1:], sys.stdin.buffer.read().decode()
    if hasattr(os, "nice"):
        os.nice(NICE)
    try:
        asyncio.run(_work(name, argument, sys.stdout.buffer))
    except HourstreamError as error:
        failed = Failed(error.what, error.remedy, isinstance(error, ConfigurationError))
        write(sys.stdout.buffer, failed)


if __name__ == "__main__":
    main()

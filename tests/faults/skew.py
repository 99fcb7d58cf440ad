"""A wall clock that is wrong: `time.time` and `datetime.now` of one process run ahead or behind by what a file says.

`install` comes before anything else is imported, for modules keep what they imported. Monotonic clocks stay right, as
they do where somebody sets a machine's clock.
"""

import datetime as module
import mmap
import struct
import time
from pathlib import Path
from typing import Any

_real_time = time.time
_RealDatetime = module.datetime
_offset: mmap.mmap | None = None


def write(file: Path, seconds: float) -> None:
    """Set the offset of the processes that look at this file; it exists before they do."""
    with file.open("r+b" if file.exists() else "w+b") as opened:
        opened.write(struct.pack("d", seconds))


def attach(file: Path) -> None:
    """From now on this process follows the offset in the file."""
    global _offset  # noqa: PLW0603 - a process has one clock
    with file.open("r+b") as opened:
        _offset = mmap.mmap(opened.fileno(), 8)


def _now() -> float:
    return _real_time() + (struct.unpack("d", _offset[:8])[0] if _offset is not None else 0.0)


class _Likeness(type):
    """Whatever is a date and time counts as an instance, as values made in C do."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, _RealDatetime)

    def __subclasscheck__(cls, other: type) -> bool:
        return issubclass(other, _RealDatetime)


class _SkewedDatetime(_RealDatetime, metaclass=_Likeness):
    """Makes plain dates and times; only what `now` is differs."""

    def __new__(cls, *args: Any, **named: Any) -> Any:
        return _RealDatetime(*args, **named)

    @classmethod
    def now(cls, tz: module.tzinfo | None = None) -> Any:
        return _RealDatetime.fromtimestamp(_now(), tz)


def install() -> None:
    """Put the clock in. Until `attach` it is right."""
    time.time = _now
    module.datetime = _SkewedDatetime  # type: ignore[misc]

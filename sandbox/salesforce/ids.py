"""Salesforce record ids: 15 case-sensitive characters, or 18 with a checksum that survives case-folding systems."""

import itertools
import re

_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SHAPE = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?")


class MalformedIdError(ValueError):
    """Not a Salesforce id: wrong length, characters or checksum."""


def checksum(id15: str) -> str:
    """The three characters that make a 15-character id an 18-character one (Salesforce: record id formats).

    Each stands for five characters of the id: bit i is set where character i is an upper-case letter.
    """
    groups = (id15[start : start + 5] for start in range(0, 15, 5))
    return "".join(_CHECK[sum(1 << i for i, char in enumerate(group) if "A" <= char <= "Z")] for group in groups)


def to18(value: str) -> str:
    """The 18-character form of either form. Raises MalformedIdError."""
    if not _SHAPE.fullmatch(value):
        raise MalformedIdError(value)
    id15 = value[:15]
    full = id15 + checksum(id15)
    if len(value) == 18 and value[15:].upper() != full[15:]:
        raise MalformedIdError(value)
    return full


def base62(number: int, width: int) -> str:
    """A number in base 62, padded with zeros."""
    digits = ""
    while number:
        number, rest = divmod(number, 62)
        digits = _BASE62[rest] + digits
    return digits.rjust(width, "0")


class IdFactory:
    """New ids in ascending order per key prefix, such as a00 for the first custom object."""

    def __init__(self, instance: str = "Hs") -> None:
        self._instance = instance
        self._counters: dict[str, itertools.count[int]] = {}

    def next(self, prefix: str) -> str:
        """A new 18-character id beginning with that key prefix."""
        number = next(self._counters.setdefault(prefix, itertools.count(1)))
        return to18(prefix + self._instance + base62(number, 15 - len(prefix) - len(self._instance)))

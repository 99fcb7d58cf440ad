"""On which line of a TOML text each key stands.

`tomllib` gives values without positions. This walks over a text that `tomllib` has already accepted, so it may trust
the syntax: it knows comments, the four kinds of strings, arrays, inline tables, dotted and quoted keys, tables and
arrays of tables (TOML 1.0).
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Mapping

Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACES = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r"\"\"\"(?:[^\\]|\\.)*?\"{3,5}|'''.*?'{3,5}|\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}#\n]+")


def dotted(path: Path) -> str:
    """A path as people write it; places in arrays count from 1."""
    text = ""
    for part in path:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text


class Lines:
    """Line numbers by path, counted from 1."""

    def __init__(self, found: Mapping[Path, int] | None = None) -> None:
        self._found = dict(found or {})

    @classmethod
    def of(cls, text: str) -> Lines:
        """Find every key of a text that is valid TOML."""
        return cls(_Walk(text).found())

    def of_path(self, path: Path) -> int:
        """The line of a key, or of the nearest table around it; 1 when none of them is in the text."""
        while path and path not in self._found:
            path = path[:-1]
        return self._found.get(path, 1)

    def has(self, path: Path) -> bool:
        """Whether the text itself names this key."""
        return path in self._found


class _Walk:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._lines: dict[Path, int] = {}
        self._counts: dict[Path, int] = {}  # arrays of tables: how many there are so far

    def found(self) -> dict[Path, int]:
        table: Path = ()
        while not self._at_end():
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
        return self._lines

    def _at_end(self) -> bool:
        self._skip(_BLANK)
        return self._at >= len(self._text)

    def _skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            return ""
        self._at = match.end()
        return match.group()

    def _note(self, path: Path) -> None:
        """Remember this line for a path and for the tables around it that have none yet."""
        line = bisect_right(self._starts, self._at)
        for size in range(1, len(path) + 1):
            self._lines.setdefault(path[:size], line)

    def _keys(self) -> list[str]:
        keys = []
        while True:
            self._skip(_SPACES)
            if self._text[self._at] in "\"'":
                keys.append(str(tomllib.loads(f"key = {self._skip(_STRING)}")["key"]))
            else:
                keys.append(self._skip(_BARE_KEY))
            self._skip(_SPACES)
            if self._text[self._at] != ".":
                return keys
            self._at += 1

    def _header(self) -> Path:
        width = 2 if self._text.startswith("[[", self._at) else 1
        self._at += width
        *tables, last = self._keys()
        path: Path = ()
        for name in tables:
            path = self._element((*path, name))
        path = (*path, last)
        if width == 2:
            self._note(path)
            self._counts[path] = self._counts.get(path, 0) + 1
        path = self._element(path)
        self._note(path)
        self._at += width
        return path

    def _element(self, path: Path) -> Path:
        """The path, or its latest element where it is an array of tables."""
        return (*path, self._counts[path] - 1) if path in self._counts else path

    def _pair(self, table: Path) -> None:
        start = self._at
        keys = self._keys()
        end, self._at = self._at, start
        path = (*table, *keys)
        self._note(path)
        self._at = end + 1  # the equals sign
        self._value(path)

    def _value(self, path: Path) -> None:
        self._skip(_SPACES)
        first = self._text[self._at]
        if first in "\"'":
            self._skip(_STRING)
        elif first == "[":
            self._array(path)
        elif first == "{":
            self._inline_table(path)
        else:
            self._skip(_SCALAR)

    def _array(self, path: Path) -> None:
        self._at += 1
        index = 0
        while not self._ends("]"):
            self._note((*path, index))
            self._value((*path, index))
            index += 1

    def _inline_table(self, path: Path) -> None:
        self._at += 1
        while not self._ends("}"):
            self._pair(path)

    def _ends(self, closing: str) -> bool:
        """Step over blanks and a comma; whether the closing bracket came, and past it if so."""
        self._skip(_BLANK)
        if self._text[self._at] == ",":
            self._at += 1
            self._skip(_BLANK)
        if self._text[self._at] != closing:
            return False
        self._at += 1
        return True

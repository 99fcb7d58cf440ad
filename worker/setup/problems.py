"""What is wrong with a setup file: each problem names the line, the key and the remedy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from worker.errors import ConfigurationError

Severity = Literal["error", "warning"]
FILE_NAME = "setup.toml"


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem. `line` counts from 1 (0: not in the file); `key` is dotted, `people.person[2].rate` being the second
    person's."""

    line: int
    key: str
    what: str
    remedy: str
    severity: Severity = "error"

    def text(self, name: str = FILE_NAME) -> str:
        """The problem on one line, as editors and terminals link it."""
        place = f"{name}:{self.line}: " if self.line else ""
        place += f"{self.key}: " if self.key else ""
        return place + ("warning: " if self.severity == "warning" else "") + f"{self.what}. {self.remedy}".rstrip()


class SetupError(ConfigurationError):
    """The setup file cannot be used; `problems` are all of them, in the order of their lines."""

    def __init__(self, problems: Sequence[Problem], name: str = FILE_NAME) -> None:
        self.problems = tuple(sorted(problems, key=lambda item: item.line))
        self.name = name
        super().__init__("\n".join(item.text(name) for item in self.problems))

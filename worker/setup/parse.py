"""From the text of a setup file to a `Setup`, or to every problem in it at once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from copy import deepcopy
from datetime import date
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from worker.setup.crosscheck import findings
from worker.setup.explain import key_path, problem_of
from worker.setup.lines import Lines, Path, dotted
from worker.setup.model import Setup
from worker.setup.problems import FILE_NAME, Problem, SetupError

_POSITION = re.compile(r" \(at line (\d+), column \d+\)$")
_STAND_INS: Mapping[Path, Any] = {  # let the rest of the file be checked where a required key is missing or wrong
    ("source", "sobject"): "Missing__c",
    ("source", "fields", "worked_on"): "CreatedDate",
    ("source", "fields", "person"): "OwnerId",
    ("source", "fields", "xero_contact"): "Id",
    ("billing", "start"): date(2000, 1, 1),
    ("contacts", "sobject"): "Missing__c",
    ("contacts", "external_id"): "Missing__c",
}
_REQUIRED: tuple[Path, ...] = (("source", "fields"), ("billing",))


def parse(text: str, *, name: str = FILE_NAME) -> Setup:
    """Parse and check a setup file; `name` is what problems call it.

    Raises:
        SetupError: with every problem, each with its line, key and remedy.
    """
    text = text.removeprefix("\ufeff")  # editors on Windows leave a byte order mark
    values = _toml(text, name)
    lines = Lines.of(text)
    try:
        setup = Setup.model_validate(values).at(lines)
    except ValidationError as error:
        raise SetupError(_all_problems(error, values, lines), name) from None
    problems = list(_between(setup, lines, set()))
    if problems:
        raise SetupError(problems, name)
    return setup


def usable(text: str) -> Setup | None:
    """As much of a file as is right, with stand-ins for what is required and missing or wrong: for looking at a setup
    that is half done, never for billing. None for a text that is no TOML, or in which too little is right.
    """
    try:
        values = _toml(text.removeprefix("\ufeff"), FILE_NAME)
    except SetupError:
        return None
    return _rest(values, set(), Lines())


def _with_table(values: dict[str, Any], path: Path) -> None:
    for part in path:
        inner = values.setdefault(str(part), {})
        if not isinstance(inner, dict):
            return
        values = inner


def _all_problems(error: ValidationError, values: dict[str, Any], lines: Lines) -> list[Problem]:
    """The problems of keys by themselves, and those between the keys that are right."""
    details = error.errors(include_url=False)
    wrong = {_up_to_list(key_path(item)) for item in details}
    rest = _rest(values, wrong, lines)
    return [*(problem_of(item, lines) for item in details), *(_between(rest, lines, wrong) if rest else ())]


def _up_to_list(path: Path) -> Path:
    """The key itself, or the list it stands in: taken out whole, so that no place in it shifts."""
    place = next((place for place, part in enumerate(path) if isinstance(part, int)), len(path))
    return path[:place]


def _toml(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        message = str(error)
        position = _POSITION.search(message)
        line = int(position[1]) if position else text.count("\n") + 1
        what = f"this is not TOML: {_POSITION.sub('', message).removesuffix(' (at end of document)')}"
        remedy = "Write tables as [name] and values as key = value, texts in quotes."
        raise SetupError([Problem(line, "", what, remedy)], name) from None


def _between(setup: Setup, lines: Lines, wrong: set[Path]) -> Iterator[Problem]:
    """Problems between keys, but not about keys that are already known to be wrong."""
    for path, what, remedy in findings(setup):
        if not any(path[: len(item)] == item for item in wrong):
            yield Problem(lines.of_path(path), dotted(path), what, remedy)


def _rest(values: dict[str, Any], wrong: set[Path], lines: Lines) -> Setup | None:
    """The setup without what is wrong in it; `None` where too little is left."""
    rest = deepcopy(values)
    for path in wrong:
        _take_out(rest, path)
    for table in _REQUIRED:
        _with_table(rest, table)
    try:
        return Setup.model_validate(rest).at(lines)
    except ValidationError as error:
        for path in {_up_to_list(key_path(item)) for item in error.errors(include_url=False)}:
            _take_out(rest, path)
    try:
        return Setup.model_validate(rest).at(lines)
    except ValidationError:
        return None


def _take_out(values: Any, path: Path) -> None:
    *tables, last = path
    for part in tables:
        values = values.get(part) if isinstance(values, dict) else None
    if not isinstance(values, dict):
        return
    if path in _STAND_INS:
        values[last] = _STAND_INS[path]
    elif path[:2] == ("source", "fields") and last in values and last != "rates":
        values[last] = "Id"  # still mapped, so that what uses the name is not wrong too
    else:
        values.pop(last, None)

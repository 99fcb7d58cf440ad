"""From pydantic's errors to problems that a person can act on."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from worker.setup.lines import Lines, Path, dotted
from worker.setup.model import Setup
from worker.setup.problems import Problem
from worker.setup.values import REFUSED, shown

_KINDS: Mapping[str, tuple[str, str]] = {
    "bool_type": ("is neither true nor false", "Write true or false, without quotes."),
    "string_type": ("is not text", "Write it in quotes."),
    "int_type": ("is not a whole number", "Write it without quotes."),
    "dict_type": ("is not a table", "Write its keys under a header of its own: [{key}]."),
    "model_type": ("is not a table", "Write its keys under a header of its own: [{key}]."),
    "model_attributes_type": ("is not a table", "Write its keys under a header of its own: [{key}]."),
    "tuple_type": ("is not a list of tables", "Begin each with a header of its own: [[{key}]]."),
}


def key_path(error: Mapping[str, Any]) -> Path:
    """Which key of the file an error is about."""
    return tuple(part for part in error["loc"] if part != "[key]")


def problem_of(error: Mapping[str, Any], lines: Lines) -> Problem:
    """One of pydantic's errors, placed and put into words."""
    path = key_path(error)
    what, remedy = _words(error, path)
    return Problem(lines.of_path(path), dotted(path), what, remedy)


def _words(error: Mapping[str, Any], path: Path) -> tuple[str, str]:
    kind, context = error["type"], error.get("ctx", {})
    if kind == REFUSED:
        return context["what"], context["remedy"]
    if kind == "missing":
        return "is missing", _how_to_add(path)
    if kind == "extra_forbidden":
        return _unknown(path)
    if kind == "literal_error":
        return _not_one_of(error["input"], context["expected"])
    if kind in _KINDS:
        what, remedy = _KINDS[kind]
        return f"{shown(error['input'])} {what}", remedy.format(key=dotted(path))
    return f"{shown(error['input'])} is not accepted ({error['msg']})", "See docs/setup-file.md for what is."


def _how_to_add(path: Path) -> str:
    *_, last = path
    field = _keys_of(path[:-1]).get(str(last))
    described = f": {field.description}" if field and field.description else ""
    if field is not None and _section(field.annotation) is not None:
        return f"Add a table [{dotted(path)}]{described}."
    return f"Add {last} = …{described}."


def _unknown(path: Path) -> tuple[str, str]:
    keys = sorted(_keys_of(path[:-1]))
    close = get_close_matches(str(path[-1]), keys, n=1, cutoff=0.6)
    return "unknown key", f'Did you mean "{close[0]}"?' if close else f"Known here: {', '.join(keys)}."


def _not_one_of(value: object, expected: str) -> tuple[str, str]:
    choices = expected.replace("'", '"')
    names = [item for item in choices.split('"')[1::2] if item]
    close = get_close_matches(str(value), names, n=1)
    remedy = f'Did you mean "{close[0]}"? ' if close else ""
    return f"{shown(value)} is not allowed", f"{remedy}Write {choices}."


def _keys_of(path: Path) -> dict[str, FieldInfo]:
    """The keys a table may have, by the name they have in the file."""
    section: type[BaseModel] = Setup
    for part in path:
        if isinstance(part, int):
            continue
        field = _by_file_name(section).get(part)
        inner = _section(field.annotation) if field else None
        if inner is None:
            return {}
        section = inner
    return _by_file_name(section)


def _by_file_name(section: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in section.model_fields.items()}


def _section(annotation: Any) -> type[BaseModel] | None:
    """The section a field holds, alone, in a tuple, or where it may be absent."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = _section(inner)
        if found is not None:
            return found
    return None

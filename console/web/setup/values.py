"""Between a form and the setup file: what was typed for each key, and what a key says now, as text.

What a value must be, the setup file's own rules say (`frame.keep` puts their words beside the field); here texts only
get the type that TOML has for them.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

from console.drafting import Draft
from console.editing import Path, Value
from console.web.forms import Form
from worker.setup.schedule import Schedule
from worker.setup.sections import Section

EARLIEST = 1970  # year

Kind = Literal["text", "whole", "day", "percent", "yes"]


@dataclass(frozen=True, slots=True)
class Setting:
    """A key of the setup file and the field of a form that has its name. `default` is what it is when left out."""

    path: Path
    kind: Kind
    default: Value | None

    @property
    def name(self) -> str:
        """The field's name."""
        return self.path[-1]

    def shown(self, draft: Draft) -> str:
        """What the draft says, or the default, as a form has it."""
        said = draft.value(*self.path, default=self.default)
        if isinstance(said, bool):
            return "yes" if said else ""
        return "" if said is None else str(said).removesuffix("%" if self.kind == "percent" else "")

    def typed(self, form: Form) -> Value | None:
        """What was typed, in its type; None for nothing. Notes a problem where it has another type."""
        text = form[self.name]
        if self.kind == "yes":
            return text == "yes"
        if not text:
            return None
        if self.kind == "whole" and not re.fullmatch(r"\d{1,9}", text):
            form.problem(self.name, "Write a whole number.")
        elif self.kind == "whole":
            return int(text)
        elif self.kind == "day":
            return _day(form, self.name)
        return f"{text.removesuffix('%').strip()}%" if self.kind == "percent" else text


def settings(table: str, section: type[Section], names: Iterable[str], **kinds: Kind) -> dict[str, Setting]:
    """The keys of a section that a form edits; they are text unless `kinds` says otherwise."""
    return {name: Setting((table, name), kinds.get(name, "text"), _default(section, name)) for name in names}


def typed(form: Form, draft: Draft, which: Mapping[str, Setting]) -> dict[Path, Value | None]:
    """The changes a form asks for. A key that the file leaves out stays out while its value is the default."""
    found: dict[Path, Value | None] = {}
    for setting in which.values():
        value = setting.typed(form)
        if value is None and setting.default not in ("", None):
            value = setting.default  # emptied: the default, said openly where the file has the key
        found |= told(draft, setting.path, value, setting.default)
    return found


def told(draft: Draft, path: Path, value: Value | None, default: Value | None) -> dict[Path, Value | None]:
    """One change; none where the file says nothing (or "") there, and the value is nothing or the default."""
    if value in ("", None, default) and draft.value(*path, default=None) in ("", None):
        return {}
    return {path: value if value != "" else None}


def shown(draft: Draft, which: Mapping[str, Setting]) -> dict[str, str]:
    """What the draft says of each, for a form."""
    return {name: setting.shown(draft) for name, setting in which.items()}


def _default(section: type[Section], name: str) -> Value | None:
    """The default of a key as the file would have it; None where it is required."""
    field = section.model_fields[name]
    value = None if field.is_required() else field.get_default()
    if isinstance(value, timedelta):
        return str(Schedule("every", every=value)) if value else "0s"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, tuple):
        return [str(each) for each in value]
    if value is None or isinstance(value, str | bool | int | date):
        return value
    return str(value)


def _day(form: Form, name: str) -> date | None:
    """A day of our time: earlier ones are slips of the pen, which calendars cannot count back from."""
    try:
        day = date.fromisoformat(form[name])
    except ValueError:
        day = date.min
    if day.year < EARLIEST:
        form.problem(name, "Write a day such as 2026-11-01.")
        return None
    return day

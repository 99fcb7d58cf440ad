"""Surcharges in step 5: a row of fields for each, and an empty one for a further one."""

from collections.abc import Mapping
from typing import Any, Final

from console.drafting import Draft
from console.editing import Path, Value
from console.web.forms import Form

PATH: Final[Path] = ("billing", "surcharge")
KEYS: Final = ("name", "percent", "revenue_account", "tax_type")


def field(place: int, key: str) -> str:
    """The name of a field; places count from 1."""
    return f"surcharge-{place}-{key}"


def rows(form: Form, draft: Draft) -> list[dict[str, str]]:
    """What is shown of each, the empty one last: what was typed, else what the draft says."""
    if field(1, KEYS[0]) in form.values:
        return [{key: form[field(place, key)] for key in KEYS} for place in _places(form)]
    said = [{key: _shown(key, each) for key in KEYS} for each in _said(draft)]
    return [*said, dict.fromkeys(KEYS, "")]


def typed(form: Form, draft: Draft) -> dict[Path, Value | None]:
    """The change a form asks for; a row that was emptied is gone."""
    if field(1, KEYS[0]) not in form.values:
        return {}
    before = dict(enumerate(_said(draft), start=1))
    found = [_row(form, place, before.get(place, {})) for place in _kept(form)]
    return {PATH: found or None} if found != list(before.values()) else {}


def fields(form: Form) -> dict[str, str]:
    """The field of each key of the rows that were typed, for what is wrong with it."""
    return {
        f"{'.'.join(PATH)}[{number}].{key}": field(place, key)
        for number, place in enumerate(_kept(form), start=1)
        for key in KEYS
    }


def _said(draft: Draft) -> list[Mapping[str, Any]]:
    return [each for each in draft.value(*PATH, default=[]) if each]


def _shown(key: str, row: Mapping[str, Any]) -> str:
    text = str(row.get(key, ""))
    return text.removesuffix("%") if key == "percent" else text


def _places(form: Form) -> list[int]:
    """Those that the form has."""
    found = 1
    while field(found + 1, KEYS[0]) in form.values:
        found += 1
    return list(range(1, found + 1))


def _kept(form: Form) -> list[int]:
    return [place for place in _places(form) if any(form[field(place, key)] for key in KEYS)]


def _row(form: Form, place: int, before: Mapping[str, Any]) -> dict[str, Any]:
    """A row as the file has it, with what else it says there."""
    given = {key: form[field(place, key)] for key in KEYS}
    if given["percent"]:
        given["percent"] = f"{given['percent'].removesuffix('%').strip()}%"
    return {**{key: value for key, value in before.items() if key not in KEYS}, **{k: v for k, v in given.items() if v}}

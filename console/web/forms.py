"""Forms: what was typed, what is wrong with it, and the page that asks before something moves money.

A form that will not do is shown again with what was typed and the reason beside the field; `_forms.html` draws it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from aiohttp import web
from aiohttp.http import HttpProcessingError

from console.web.rendering import render

UNPROCESSABLE = 422
LONGEST = 200_000  # characters of one value: a CSV file in a text box
_GONE = {code: None for code in range(32) if code not in (9, 10, 13)}

T = TypeVar("T", bound=str)


@dataclass
class Form:
    """The values of a form, each a text without blanks around; what is not there is ""."""

    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)  # by field; "" is the form as a whole

    def __getitem__(self, name: str) -> str:
        """The value of a field."""
        found = self.values.get(name)
        return found[-1] if found else ""

    def all(self, name: str) -> list[str]:
        """Every value of a field that may be there several times: ticked boxes of a list."""
        return list(self.values.get(name, ()))

    def problem(self, name: str, text: str) -> None:
        """Something is wrong with a field; the first thing said about it stays."""
        self.problems.setdefault(name, text)

    def one_of(self, name: str, choices: Sequence[T], text: str = "Choose one of these.") -> T | None:
        """The value when it is one of the choices; else None, and a problem beside the field."""
        found = next((choice for choice in choices if choice == self[name]), None)
        if found is None:
            self.problem(name, text)
        return found

    def needed(self, name: str, text: str = "Fill this in.", longest: int = 200) -> str:
        """The value, which must not be empty or longer than so many characters."""
        if not self[name]:
            self.problem(name, text)
        elif len(self[name]) > longest:
            self.problem(name, f"Write at most {longest} characters.")
        return self[name]

    @property
    def good(self) -> bool:
        """Whether nothing is wrong so far."""
        return not self.problems


async def read(request: web.Request) -> Form:
    """What was sent. Raises `HTTPBadRequest` for what no form of ours sends."""
    try:
        posted = await request.post()
    except (ValueError, LookupError, HttpProcessingError) as error:
        # A charset that is none, bytes that are no text, parts without an end.
        raise web.HTTPBadRequest(text="The form could not be read.") from error
    values: dict[str, list[str]] = {}
    for name, value in posted.items():
        text = _text(value) if isinstance(value, web.FileField) else value
        values.setdefault(name, []).append(clean(text if isinstance(text, str) else ""))
    return Form(values)


def clean(text: str) -> str:
    """Text without control characters, halves of characters, and blanks around."""
    whole = text.encode("utf-8", "ignore").decode()
    return whole.translate(_GONE).strip()[:LONGEST]


def _text(file: web.FileField) -> str:
    """A file of text; `HTTPBadRequest` for one that is no UTF-8."""
    try:
        return file.file.read(4 * LONGEST).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise web.HTTPBadRequest(text="The file is not UTF-8 text. Save it as CSV UTF-8.") from error


def confirm(
    request: web.Request,
    title: str,
    *,
    effects: Sequence[str],
    button: str,
    back: str,
    form: Form,
    danger: bool = False,
) -> web.Response:
    """A page that says what would happen and asks; yes sends the same form again to the same address, with `sure`.

    `danger` where it cannot be undone.
    """
    kept = [(name, value) for name, values in form.values.items() if name != "sure" for value in values]
    return render(
        request,
        "confirm.html",
        title=title,
        effects=effects,
        button=button,
        back=back,
        kept=kept,
        danger=danger,
    )

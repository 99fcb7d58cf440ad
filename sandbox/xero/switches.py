"""Behaviours only a real company can confirm: each can be switched, so that clients are tried against both."""

from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Switch:
    """One open question: the answers it may take (the first is the default) and what it is about."""

    choices: tuple[str, ...]
    about: str


SWITCHES: dict[str, Switch] = {
    "deleted_number": Switch(("free", "taken"), "the number of a deleted draft may be used again"),
    "voided_number": Switch(("taken", "free"), "the number of a voided invoice may be used again"),
    "credit_note_number": Switch(("unique", "repeatable"), "a second PUT with a credit note's number is refused"),
    "url_writable": Switch(("create", "always"), "when an invoice's Url is taken from the body"),
    "negative_quantity": Switch(("accepted", "refused"), "lines with a quantity below zero"),
    "modified_since": Switch(("inclusive", "exclusive"), "whether If-Modified-Since includes its own second"),
    "status_only": Switch(("keeps-lines", "recreates-lines"), "what an update without LineItems does to the lines"),
    "empty_lines": Switch(("refused", "ignored", "deleted"), "what an update with no line in LineItems does"),
    "unknown_line": Switch(("refused", "new"), "a LineItemID that is not on the document"),
    "partial_line": Switch(("replaces", "keeps"), "what becomes of fields a line with its LineItemID was sent without"),
    "due_date": Switch(("date", "absent"), "the due date of a draft that was sent without one"),
    "disconnected": Switch(("403", "401"), "the answer when the company was disconnected from the app"),
    "unchanged_update": Switch(("moves", "stays"), "UpdatedDateUTC after an update that changes nothing"),
    "app_minute_name": Switch(("appminute", "app-minute"), "X-Rate-Limit-Problem of the limit over all companies"),
    "delivery_address": Switch(("no", "yes"), "contacts carry an address of the type DELIVERY as well"),
    "default_currency_null": Switch(
        ("no", "yes"), "contacts without a currency answer DefaultCurrency as an empty text"
    ),
    "refused_calls": Switch(("free", "counted"), "whether a call answered 429 counts towards the limits"),
    "added_to": Switch(("stays", "moves"), "UpdatedDateUTC of a document after an attachment or a note"),
    "attachment_megabytes": Switch(("10", "25", "3"), "how large a file may be"),
    "attachment_types": Switch(("any", "listed"), "files of types that Xero does not list as supported, such as HTML"),
    "negative_total": Switch(("refused", "accepted"), "documents whose total is below zero"),
}


class Switches(MutableMapping[str, str]):
    """The answers in force. Setting an unknown switch raises KeyError, an unknown answer ValueError."""

    def __init__(self) -> None:
        self._set = {name: switch.choices[0] for name, switch in SWITCHES.items()}

    def __getitem__(self, name: str) -> str:
        return self._set[name]

    def __setitem__(self, name: str, value: str) -> None:
        if name not in SWITCHES:
            raise KeyError(f"no switch {name!r}; known: {', '.join(sorted(SWITCHES))}")
        if value not in SWITCHES[name].choices:
            raise ValueError(f"switch {name!r} is one of {', '.join(SWITCHES[name].choices)}, not {value!r}")
        self._set[name] = value

    def __delitem__(self, name: str) -> None:
        self._set[name] = SWITCHES[name].choices[0]

    def __iter__(self) -> Iterator[str]:
        return iter(self._set)

    def __len__(self) -> int:
        return len(self._set)

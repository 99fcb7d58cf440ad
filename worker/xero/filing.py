"""What is added to a document beside its lines: attachments, and notes in its history.

Xero keeps both below the document's address. A file of a name the document already holds takes its place; a note is
added each time it is sent, so after an unknown outcome the history is read before it is sent again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from worker.billing.model import DocumentType
from worker.xero.answers import Answer, WriteAnswer, bare_answer
from worker.xero.errors import XeroError
from worker.xero.pages import records
from worker.xero.parse import messages
from worker.xero.values import Json, decode, flag, guid, iso, text, whole

FILES = 10  # attachments a document, those of people included (Xero: attachments)
FILE_BYTES = 3_000_000  # of one file; Xero has raised its own limit over the years, from 3 MB to 10 MB and more
NOTE_LENGTH = 2500  # characters of a note (Xero: history and notes)

# For people, where `XeroClient.can_attach` says no.
WITHOUT_SCOPE = (
    "Xero's consent does not cover attachments, so timesheets are not put on invoices; nothing else is affected."
    " Add the scope accounting.attachments to the app at developer.xero.com, then authorise it again, or set"
    " attach_timesheet = false."
)
ATTACHMENTS = "Attachments"
HISTORY = "HistoryRecords"
_NAME = 200
_FORBIDDEN = frozenset('<>:"/\\|?*%#&+[]{}')  # cut an address short, or are none that a file's name may hold


class Attachment(Struct, frozen=True, kw_only=True):
    """A file on a document, without its content. `length` is in bytes, None where Xero does not say."""

    id: str
    name: str
    content_type: str = ""
    length: int | None = None
    online: bool = False  # whether the client sees it with the online invoice


class HistoryNote(Struct, frozen=True, kw_only=True):
    """A line of a document's history: a note, or what somebody did. `at` is ISO 8601 in UTC."""

    text: str
    what: str = ""  # "Note", "Approved", …
    by: str = ""
    at: str = ""


def note_body(text: str) -> bytes:
    """The body that adds one note; the same text gives the same bytes."""
    return msgspec.json.encode({HISTORY: [{"Details": text}]})


def bad_file(name: str, content: bytes) -> str:
    """Why Xero would not take this file; "" when it would."""
    if not name or len(name) > _NAME or _FORBIDDEN & set(name) or not name.isprintable() or "." not in name.strip("."):
        return f"the file name {name!r} is not one that Xero takes"
    if not content:
        return f"the file {name} is empty"
    return f"the file {name} is larger than {FILE_BYTES:,} bytes" if len(content) > FILE_BYTES else ""


def bad_note(text: str) -> str:
    """Why Xero would not take this note; "" when it would."""
    if not text.strip():
        return "the note is empty"
    return f"the note is longer than {NOTE_LENGTH} characters" if len(text) > NOTE_LENGTH else ""


def filed(resource: str) -> Callable[[Answer, DocumentType], WriteAnswer]:
    """How the answer to an added attachment or note is read: `answered` says that it is there."""

    def meaning(answer: Answer, _kind: DocumentType) -> WriteAnswer:
        meant = bare_answer(answer)
        if meant.outcome != "answered":
            return meant
        try:
            rows = records(decode(answer.body), resource)
        except (ValueError, XeroError):
            rows = []
        if not rows:
            problem = "the answer could not be read"
            return msgspec.structs.replace(meant, outcome="unknown", problem=problem)
        said = [message for row in rows if isinstance(row, Mapping) for message in messages(row)]
        return msgspec.structs.replace(meant, outcome="refused", problem="; ".join(said)) if said else meant

    return meaning


def attachments(envelope: Any) -> tuple[Attachment, ...]:
    """The list of a document's attachments.

    Raises:
        Unreadable: the answer holds no such list.
    """
    return tuple(_attachment(row) for row in records(envelope, ATTACHMENTS) if isinstance(row, Mapping))


def history(envelope: Any) -> tuple[HistoryNote, ...]:
    """The history of a document, in Xero's order (newest first).

    Raises:
        Unreadable: the answer holds no such list.
    """
    return tuple(_note(row) for row in records(envelope, HISTORY) if isinstance(row, Mapping))


def _attachment(row: Json) -> Attachment:
    return Attachment(
        id=guid(row, "AttachmentID"),
        name=text(row, "FileName"),
        content_type=text(row, "MimeType"),
        length=whole(row, "ContentLength"),
        online=flag(row, "IncludeOnline", False),
    )


def _note(row: Json) -> HistoryNote:
    return HistoryNote(
        text=text(row, "Details"),
        what=text(row, "Changes"),
        by=text(row, "User"),
        at=iso(text(row, "DateUTC")) or text(row, "DateUTCString"),
    )

"""Notes on documents: GET and PUT …/History."""

from collections.abc import Callable
from dataclasses import replace

from sandbox.xero import attachments, documents
from sandbox.xero.call import Call
from sandbox.xero.errors import RuleError, no_data, validation
from sandbox.xero.fields import elements
from sandbox.xero.records import Kind, Note
from sandbox.xero.wire import Json, ms_date

LONGEST_NOTE = 2500


def read_history(kind: Kind) -> Callable[[Call], Json]:
    """GET …/{id}/History: newest first."""

    def handle(call: Call) -> Json:
        document = documents.find(call.books, kind, call.key)
        notes = reversed(call.books.shelves.notes.get(document.id, ()))
        return call.envelope("HistoryRecords", [_shape(note) for note in notes])

    return handle


def add_history(kind: Kind) -> Callable[[Call], Json]:
    """PUT …/{id}/History: add notes of at most 2,500 characters."""

    def handle(call: Call) -> Json:
        document = documents.find(call.books, kind, call.key)
        bodies = elements(call.body, "HistoryRecords")
        if not bodies:
            raise no_data("HistoryRecords")
        try:
            texts = [_checked(body.text("Details") or "") for body in bodies]
        except RuleError as refused:
            raise validation([{"ValidationErrors": [{"Message": refused.messages[0]}]}]) from refused
        note = Note(call.books.clock.now(), "Note", call.author.name, "")
        rows = []
        for text in texts:
            attachments.touch(call.books, call.books.shelves.documents[document.id], replace(note, details=text))
            when = {"DateUTCString": _iso(note), "DateUTC": ms_date(note.at)}
            rows.append({**when, "Details": text, "ValidationErrors": []})
        return call.envelope("HistoryRecords", rows)

    return handle


def _checked(text: str) -> str:
    if not text:
        raise RuleError("Details must be specified")
    if len(text) > LONGEST_NOTE:
        raise RuleError(f"Details is longer than {LONGEST_NOTE} characters")
    return text


def _shape(note: Note) -> Json:
    return {
        "Changes": note.changes,
        "DateUTCString": _iso(note),
        "DateUTC": ms_date(note.at),
        "User": note.user,
        "Details": note.details,
    }


def _iso(note: Note) -> str:
    return note.at.strftime("%Y-%m-%dT%H:%M:%S")

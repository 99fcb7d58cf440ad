"""Files on documents, by name; what is added to a document beside its lines."""

import mimetypes
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from sandbox.xero import documents
from sandbox.xero.books import Books
from sandbox.xero.documents import Author
from sandbox.xero.errors import MissingError, RuleError
from sandbox.xero.records import Attachment, Document, Note

MOST = 10
LONGEST_NAME = 255
MEGABYTE = 1_000_000
# The endings Xero lists as supported; whether it takes others is a switch.
LISTED = frozenset(
    {"7z", "bmp", "csv", "doc", "docx", "eml", "gif", "jpeg", "jpg", "keynote", "msg", "numbers", "odf", "ods", "odt"}
    | {"pages", "pdf", "png", "ppt", "pptx", "rar", "rtf", "tif", "tiff", "txt", "xls", "xlsx", "zip"}
)
_UNKNOWN = "application/octet-stream"


@dataclass(frozen=True)
class Upload:
    """A file as it arrives; `online` None leaves it as it was."""

    name: str
    content_type: str
    content: bytes
    online: bool | None = None

    @property
    def ending(self) -> str:
        """What follows the last dot of the name."""
        return self.name.rpartition(".")[2].lower()


def held(books: Books, document: Document) -> tuple[Attachment, ...]:
    """The files on a document, oldest first."""
    return books.shelves.attachments.get(document.id, ())


def find(books: Books, document: Document, key: str) -> Attachment:
    """A file by its id or name. Raises MissingError."""
    for one in held(books, document):
        if key.lower() in {one.id, one.name.lower()}:
            return one
    raise MissingError(key)


def put(books: Books, document: Document, upload: Upload, author: Author) -> Attachment:
    """Put a file on a document; one of that name there already is replaced. Raises RuleError."""
    before = held(books, document)
    old = next((one for one in before if one.name.lower() == upload.name.lower()), None)
    _check(books, document, upload, len(before) + (old is None))
    made = Attachment(
        id=old.id if old else str(uuid4()),
        name=upload.name,
        content_type=_content_type(upload),
        content=upload.content,
        online=bool(old and old.online) if upload.online is None else upload.online,
    )
    others = tuple(one for one in before if one is not old)
    books.shelves.attachments[document.id] = (*others, made)
    touch(books, document, Note(books.clock.now(), "Attached a file", author.name, made.name))
    return made


def touch(books: Books, document: Document, note: Note) -> None:
    """Something was added to a document; whether that moves its UpdatedDateUTC is a switch."""
    moves = books.switches["added_to"] == "moves"
    books.store(replace(document, updated=books.moment()) if moves else document, note)


def summary(books: Books) -> dict[str, list[dict[str, Any]]]:
    """All files by document, texts with their content, for the control port and tests."""
    return {document: [_told(one) for one in files] for document, files in books.shelves.attachments.items()}


def _told(one: Attachment) -> dict[str, Any]:
    facts = {"name": one.name, "type": one.content_type, "length": len(one.content), "online": one.online}
    is_text = one.content_type.startswith("text/")
    return facts | ({"text": one.content.decode("utf-8", "replace")} if is_text else {})


def _check(books: Books, document: Document, upload: Upload, count: int) -> None:
    switches = books.switches
    megabytes = int(switches["attachment_megabytes"])
    unlisted = switches["attachment_types"] == "listed" and upload.ending not in LISTED
    rules: tuple[tuple[bool, str], ...] = (
        (document.status in {"DELETED", "VOIDED"}, documents.wrong_status(document)),
        (not upload.content, "The file is empty"),
        (len(upload.content) > megabytes * MEGABYTE, f"The file is larger than {megabytes} MB"),
        (count > MOST, f"A document can have at most {MOST} attachments"),
        (len(upload.name) > LONGEST_NAME or "." not in upload.name, "The file name is not valid"),
        (unlisted, f"Files of the type {upload.ending} are not supported"),
    )
    if broken := [text for is_broken, text in rules if is_broken]:
        raise RuleError(*broken)


def _content_type(upload: Upload) -> str:
    sent = upload.content_type.partition(";")[0].strip().lower()
    return sent if sent not in {"", _UNKNOWN} else mimetypes.guess_type(upload.name)[0] or _UNKNOWN

"""Record ids: 15 case-sensitive characters, or 18 with three more that repeat which of them are capitals."""

import re

_ID = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?")
_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def is_id(text: str) -> bool:
    """Whether the text has the form of a record id, 15 or 18 characters."""
    return _ID.fullmatch(text) is not None


def id18(text: str) -> str:
    """The 18-character form. An id that already has it is returned with its last three characters as they should be.

    Raises:
        ValueError: when the text is no record id.
    """
    if not is_id(text):
        raise ValueError("is not a Salesforce record id: 15 or 18 letters and digits")
    short = text[:15]
    return short + "".join(_SUFFIX[_capitals(short[at : at + 5])] for at in (0, 5, 10))


def _capitals(five: str) -> int:
    return sum(1 << place for place, letter in enumerate(five) if "A" <= letter <= "Z")

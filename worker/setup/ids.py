"""Salesforce record ids as people copy them: 15 characters, or 18 whose last three are checked."""

from __future__ import annotations

from worker.salesforce.ids import id18, is_id


def record_id(text: str) -> str:
    """The 18-character form of a record id.

    Raises:
        ValueError: it is no id, or its last three characters do not belong to the others.
    """
    if not is_id(text):
        raise ValueError(f'"{text}" is no Salesforce id (15 or 18 letters and digits)')
    full = id18(text)
    if len(text) == 18 and text[15:].upper() != full[15:]:
        raise ValueError(f'the last three characters of "{text}" do not fit the fifteen before')
    return full

"""A credit note is sent at the currency rate of what it credits; an invoice takes the company's rate of the day."""

import json
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from worker.billing.model import Document, DocumentType, Found, Line
from worker.xero.encode import encode
from worker.xero.parse import read

LINE = Line(description="Tower", quantity=Decimal(1), unit_amount=Decimal(120), amount=Decimal(120), account="200")
NOTE = Document(
    key="ABCDEFGHJKMN",
    sequence=1,
    type="ACCRECCREDIT",
    number="TT-CN-00001",
    contact="0a0a0a0a-0000-4000-8000-00000000ac3e",
    currency="USD",
    date="2026-12-08",
    currency_rate=Decimal("1.2712345678"),
    lines=(LINE,),
)


def sent(document: Document) -> dict[str, Any]:
    body = json.loads(encode([document], create=True, console_url="http://localhost:8400"))
    (documents,) = body.values()
    return dict(documents[0])


@pytest.mark.parametrize(
    ("document", "rate"),
    [
        (NOTE, 1.271235),
        (replace(NOTE, currency_rate=None), None),
        (replace(NOTE, type="ACCREC", number="TT-00001"), None),
    ],
    ids=["credit note", "rate not known", "invoice"],
)
def test_only_a_new_credit_note_names_its_rate(document: Document, rate: float | None) -> None:
    assert sent(document).get("CurrencyRate") == rate


def test_an_update_does_not_name_it() -> None:
    known = replace(NOTE, xero_id="0c0c0c0c-0000-4000-8000-000000000001", status="open")
    body = encode([known], create=False, console_url="http://localhost:8400")
    assert b"CurrencyRate" not in body


@pytest.mark.parametrize("kind", ["ACCREC", "ACCRECCREDIT"])
def test_the_rate_is_read_from_what_xero_answers(kind: DocumentType) -> None:
    record = {
        "InvoiceID": "0c0c0c0c-0000-4000-8000-000000000001",
        "CreditNoteID": "0c0c0c0c-0000-4000-8000-000000000001",
        "Type": kind,
        "Status": "DRAFT",
        "Contact": {"ContactID": NOTE.contact},
        "CurrencyCode": "USD",
        "CurrencyRate": Decimal("1.31"),
        "UpdatedDateUTC": "/Date(1796688000000+0000)/",
        "LineItems": [],
    }
    found = read(record, kind)
    assert isinstance(found, Found)
    assert found.currency_rate == Decimal("1.31")

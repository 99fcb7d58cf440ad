"""The bodies of writes: exactly the fields that may be named, exactly the amounts that were meant."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from openapi_schema_validator import OAS30Validator
from referencing import Registry
from referencing.jsonschema import DRAFT4
from xero_doubles import document
from xero_python.accounting import AccountingApi, Invoice
from xero_python.api_client.deserializer import deserialize

from worker.billing.model import Document, Line
from worker.xero.encode import BYTES, ELEMENTS, encode, split
from worker.xero.errors import EncodingError
from worker.xero.filing import note_body

CONSOLE = "https://time.example"
DESCRIPTION = Path(__file__).parents[4] / "shared" / "xero" / "xero_accounting.yaml"
OURS = Line(
    description="Billing engine · Ada",
    quantity=Decimal("3.2500"),
    unit_amount=Decimal("120.1234"),
    amount=Decimal("390.40"),
    account="200",
    tax_type="OUTPUT2",
    tracking=(("Region", "North"),),
)
THEIRS = Line(
    id="52208ff9-528a-4985-a9ad-b2b1d4210e38",
    description="Travel",
    quantity=Decimal(1),
    unit_amount=Decimal("80"),
    discount=Decimal("12.5"),
    account="260",
    tax_type="NONE",
    foreign=True,
)


def written(*documents: Document, create: bool = True, **given: Any) -> list[dict[str, Any]]:
    """The elements of a body, numbers as Decimal."""
    body = msgspec.json.Decoder(float_hook=Decimal).decode(
        encode(documents, create=create, console_url=CONSOLE, **given)
    )
    (elements,) = body.values()
    return list(elements)


def test_a_create_names_everything_and_the_contact_by_its_id_only() -> None:
    assert written(document(OURS)) == [
        {
            "Type": "ACCREC",
            "Contact": {"ContactID": "430fa14a-f945-44d3-9f97-5df5e28441b8"},
            "InvoiceNumber": "TT-00001",
            "Reference": "2026-11",
            "Url": "https://time.example/i/K7Q2M4X9A1B/1",
            "Status": "DRAFT",
            "Date": "/Date(1795996800000)/",
            "DueDate": "/Date(1797206400000)/",
            "CurrencyCode": "GBP",
            "LineAmountTypes": "Exclusive",
            "LineItems": [
                {
                    "Description": "Billing engine · Ada",
                    "Quantity": Decimal("3.25"),
                    "UnitAmount": Decimal("120.1234"),
                    "AccountCode": "200",
                    "TaxType": "OUTPUT2",
                    "Tracking": [{"Name": "Region", "Option": "North"}],
                }
            ],
        }
    ]


def test_a_branding_theme_is_named_when_a_document_is_created_and_never_after() -> None:
    theme = "6b0dd7b4-1a3f-4c0e-8f0e-2f0c0a6d1e57"
    (made,) = written(document(OURS, branding=theme))
    (note,) = written(document(OURS, type="ACCRECCREDIT", branding=theme))
    assert (made["BrandingThemeID"], note["BrandingThemeID"]) == (theme, theme)
    (update,) = written(document(OURS, branding=theme, xero_id="aa"), create=False)
    assert "BrandingThemeID" not in update


def test_an_update_names_the_invoice_its_state_and_all_its_lines_and_nothing_else() -> None:
    ours = msgspec.structs.replace(OURS, id="00000000-0000-4000-8000-000000000001")
    (update,) = written(document(ours, THEIRS, xero_id="aa", due_date=""), create=False)
    assert update.keys() == {"InvoiceID", "Status", "LineItems"}
    assert (update["InvoiceID"], update["Status"]) == ("aa", "DRAFT")
    assert [line["LineItemID"] for line in update["LineItems"]] == [ours.id, THEIRS.id]


def test_a_persons_line_is_sent_back_with_every_field_it_had() -> None:
    (update,) = written(document(THEIRS, xero_id="aa"), create=False)
    assert update["LineItems"] == [
        {
            "LineItemID": THEIRS.id,
            "Description": "Travel",
            "Quantity": 1,
            "UnitAmount": 80,
            "DiscountRate": Decimal("12.5"),
            "AccountCode": "260",
            "TaxType": "NONE",
            "Tracking": [],
        }
    ]


def test_a_line_that_only_says_something_says_nothing_about_tracking() -> None:
    words = Line(id=THEIRS.id, description="Thank you", foreign=True)
    (update,) = written(document(words, xero_id="aa"), create=False)
    assert update["LineItems"] == [{"LineItemID": THEIRS.id, "Description": "Thank you"}]


def test_without_a_number_xero_gives_an_invoice_its_next_one() -> None:
    (create,) = written(document(OURS, number=""))
    assert "InvoiceNumber" not in create
    assert create["Url"] == "https://time.example/i/K7Q2M4X9A1B/1"


def test_a_credit_note_without_its_number_could_not_be_found_again_and_is_refused() -> None:
    with pytest.raises(EncodingError, match="without a number"):
        written(document(OURS, type="ACCRECCREDIT", number=""))


def test_an_update_sets_the_dates_only_of_the_documents_that_move() -> None:
    stays, moves = document(OURS, xero_id="aa"), document(OURS, xero_id="bb", sequence=2)
    first, second = written(stays, moves, create=False, moved={(moves.key, 2)})
    assert "Date" not in first
    assert "DueDate" not in first
    assert (second["Date"], second["DueDate"]) == ("/Date(1795996800000)/", "/Date(1797206400000)/")


@pytest.mark.parametrize(
    ("status", "state"), [("open", "DRAFT"), ("awaiting-approval", "SUBMITTED"), ("deleted", "DELETED")]
)
def test_the_state_of_an_update_is_the_documents(status: Any, state: str) -> None:
    (update,) = written(document(OURS, xero_id="aa", status=status), create=False)
    assert (update["Status"], len(update["LineItems"])) == (state, 1)


def test_a_draft_is_deleted_without_lines_when_none_are_known() -> None:
    assert written(document(xero_id="aa", status="deleted"), create=False) == [{"InvoiceID": "aa", "Status": "DELETED"}]


def test_a_credit_note_has_its_own_names_and_neither_url_nor_due_date() -> None:
    note = document(OURS, type="ACCRECCREDIT", number="TT-C1")
    body = json.loads(encode([note], create=True, console_url=CONSOLE))
    (element,) = body["CreditNotes"]
    assert element["Type"] == "ACCRECCREDIT"
    assert element["CreditNoteNumber"] == "TT-C1"
    assert element.keys().isdisjoint({"Url", "DueDate", "InvoiceNumber"})
    (update,) = written(msgspec.structs.replace(note, xero_id="cc"), create=False)
    assert update.keys() == {"CreditNoteID", "Status", "LineItems"}


def test_a_line_may_be_a_description_only() -> None:
    (created,) = written(document(Line(description="Nothing to bill so far.")))
    assert created["LineItems"] == [{"Description": "Nothing to bill so far."}]


def test_a_currency_the_sdk_has_never_heard_of_is_xeros_to_judge() -> None:
    (created,) = written(document(OURS, currency="XCG"))
    assert created["CurrencyCode"] == "XCG"


def amounts(largest: int) -> st.SearchStrategy[Decimal]:
    return st.integers(-largest * 10**4, largest * 10**4).map(lambda parts: Decimal(parts).scaleb(-4))


@given(quantity=amounts(10**8), price=amounts(10**10 - 1), discount=st.integers(0, 10**6))
def test_amounts_arrive_exactly_as_they_were(quantity: Decimal, price: Decimal, discount: int) -> None:
    rate = Decimal(discount).scaleb(-4)
    line = Line(description="x", quantity=quantity, unit_amount=price, discount=rate)
    raw = encode([document(line)], create=True, console_url=CONSOLE)
    (sent,) = msgspec.json.Decoder(float_hook=Decimal).decode(raw)["Invoices"][0]["LineItems"]
    assert (sent["Quantity"], sent["UnitAmount"], sent["DiscountRate"]) == (quantity, price, rate)
    assert b"-0.0," not in raw
    assert b"e-" not in raw


@pytest.mark.parametrize(
    "value",
    ["NaN", "Infinity", "0.00001", "12345678901234.5678", "1E+15", "1.00000000000000000000000000000000001"],
)
def test_an_amount_that_would_arrive_otherwise_is_refused_with_the_documents_name(value: str) -> None:
    line = Line(description="x", quantity=Decimal(1), unit_amount=Decimal(value))
    with pytest.raises(EncodingError, match=r"^Invoice K7Q2M4X9A1B/1: ") as refused:
        encode([document(line)], create=True, console_url=CONSOLE)
    assert (refused.value.key, refused.value.sequence) == ("K7Q2M4X9A1B", 1)


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (document(), "no lines"),
        (document(OURS, number="TT-é1"), "number holds characters"),
        (document(OURS, reference="r" * 256), "reference is longer"),
        (document(Line(description="d" * 4001)), "description is longer"),
        (document(OURS, status="paid"), "may not be created"),
        (document(Line(description="d", tracking=(("c" * 101, "o"),))), "cannot be written"),
    ],
)
def test_what_xero_would_refuse_is_refused_here(broken: Document, says: str) -> None:
    with pytest.raises(EncodingError, match=says):
        encode([broken], create=True, console_url=CONSOLE)


def test_one_call_writes_documents_of_one_type() -> None:
    with pytest.raises(ValueError, match="either invoices or credit notes"):
        encode([document(OURS), document(OURS, type="ACCRECCREDIT")], create=True, console_url=CONSOLE)


def test_a_document_that_cannot_be_written_holds_back_no_other() -> None:
    good, bad, note = document(OURS), document(sequence=2), document(OURS, sequence=3, type="ACCRECCREDIT")
    batches = split([good, bad, note], create=True, console_url=CONSOLE)
    assert [batch.documents for batch in batches.calls] == [(good,), (note,)]
    assert [(document_, error.sequence) for document_, error in batches.refused] == [(bad, 2)]


def test_a_call_holds_at_most_fifty_documents() -> None:
    many = [document(OURS, sequence=number) for number in range(120)]
    calls = split(many, create=True, console_url=CONSOLE).calls
    assert [len(batch.documents) for batch in calls] == [ELEMENTS, ELEMENTS, 20]
    assert [found for batch in calls for found in batch.documents] == many
    assert calls[2].body == encode(many[100:], create=True, console_url=CONSOLE)


@settings(max_examples=15)
@given(lengths=st.lists(st.integers(1, 300), min_size=1, max_size=12))
def test_a_call_holds_at_most_three_megabytes(lengths: list[int]) -> None:
    wide = Line(description="d" * 3900)
    many = [document(*[wide] * length, sequence=number) for number, length in enumerate(lengths)]
    batches = split(many, create=True, console_url=CONSOLE)
    assert max(len(batch.body) for batch in batches.calls) <= BYTES
    assert [found for batch in batches.calls for found in batch.documents] == many


def test_a_document_too_large_for_a_call_of_its_own_is_refused() -> None:
    huge = document(*[Line(description="d" * 4000)] * 800)
    assert "too large" in split([huge], create=True, console_url=CONSOLE).refused[0][1].what


def test_the_sdk_reads_back_what_its_serialiser_made() -> None:
    elements = msgspec.json.Decoder(float_hook=Decimal).decode(
        encode([document(OURS, THEIRS)], create=True, console_url=CONSOLE)
    )
    read = deserialize("Invoices", elements, AccountingApi().get_model_finder()).invoices[0]
    assert isinstance(read, Invoice)
    assert (read.invoice_number, str(read.date), read.currency_code.value) == ("TT-00001", "2026-11-30", "GBP")
    assert [line.unit_amount for line in read.line_items] == [Decimal("120.1234"), Decimal(80)]


@pytest.fixture(scope="module")
def described() -> Registry[Any]:
    """Xero's description of its API, dates in its examples kept as text."""

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # either base, by platform
        yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own way
            first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
            for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    content = yaml.load(DESCRIPTION.read_text(encoding="utf-8"), Loader)
    registry: Registry[Any] = Registry().with_resource("urn:xero", DRAFT4.create_resource(content))
    return registry


@pytest.mark.skipif(not DESCRIPTION.exists(), reason="Xero's API description is not on this machine")
@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize(("kind", "schema"), [("ACCREC", "Invoices"), ("ACCRECCREDIT", "CreditNotes")])
def test_bodies_are_what_xeros_api_description_allows(
    described: Registry[Any], kind: Any, schema: str, create: bool
) -> None:
    whole = document(OURS, THEIRS, type=kind, xero_id="" if create else "430fa14a-f945-44d3-9f97-5df5e28441b9")
    body = json.loads(encode([whole], create=create, console_url=CONSOLE))
    validator = OAS30Validator({"$ref": f"urn:xero#/components/schemas/{schema}"}, registry=described)
    assert [error.message for error in validator.iter_errors(body)] == []
    body[schema][0]["Status"] = "LIVE"
    assert list(validator.iter_errors(body)) != []


@pytest.mark.skipif(not DESCRIPTION.exists(), reason="Xero's API description is not on this machine")
def test_the_body_of_a_note_is_what_xeros_api_description_allows(described: Registry[Any]) -> None:
    validator = OAS30Validator({"$ref": "urn:xero#/components/schemas/HistoryRecords"}, registry=described)
    assert list(validator.iter_errors(json.loads(note_body("7.5 h · 2026-11")))) == []
    assert list(validator.iter_errors({"HistoryRecords": [{"Details": 7}]})) != []

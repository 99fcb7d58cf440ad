"""Keys name invoices for ever; addresses carry them."""

from hypothesis import given
from hypothesis import strategies as st

from worker.billing.keys import CROCKFORD, document_id, invoice_key, key_of, number_by_key, parse_url, sequence_of

KEY = invoice_key("00D1", "TimeEntry__c", "c0ffee", [], "2026-11", "GBP")


def test_a_key_is_the_same_for_the_same_time_for_ever() -> None:
    assert KEY == "0MW41SF8N1V3"
    assert invoice_key("00D1", "TimeEntry__c", "C0FFEE", (), "2026-11", "GBP") == KEY


def test_every_part_makes_another_key() -> None:
    keys = {
        KEY,
        invoice_key("00D2", "TimeEntry__c", "c0ffee", [], "2026-11", "GBP"),
        invoice_key("00D1", "TimeSheetEntry", "c0ffee", [], "2026-11", "GBP"),
        invoice_key("00D1", "TimeEntry__c", "facade", [], "2026-11", "GBP"),
        invoice_key("00D1", "TimeEntry__c", "c0ffee", [("project", "a01")], "2026-11", "GBP"),
        invoice_key("00D1", "TimeEntry__c", "c0ffee", [], "2026-12", "GBP"),
        invoice_key("00D1", "TimeEntry__c", "c0ffee", [], "2026-11", "USD"),
    }
    assert len(keys) == 7


@given(st.text(), st.text(), st.text())
def test_a_key_cannot_spell_xero_and_has_sixty_bits(org: str, contact: str, period: str) -> None:
    key = invoice_key(org, "TimeEntry__c", contact, [], period, "GBP")
    assert len(key) == 12
    assert set(key) <= set(CROCKFORD)
    assert not {"O", "I", "L", "U"} & set(key)


@given(st.sampled_from(["https://hours.example.com", "http://localhost:8400", "https://a.example/b/i"]))
def test_a_document_is_recognised_by_what_follows_i_whatever_the_address(address: str) -> None:
    assert parse_url(f"{address}/i/{KEY}/12") == (KEY, 12)
    assert parse_url(f"{address}/i/{KEY.lower()}/12/") == (KEY, 12)


def test_other_addresses_are_not_ours() -> None:
    for url in ("", "https://example.com", f"https://example.com/i/{KEY}", "https://example.com/i/IOU/1"):
        assert parse_url(url) is None


def test_a_document_id_is_taken_apart_again() -> None:
    assert document_id(KEY, 2) == f"{KEY}/2"
    assert (key_of(document_id(KEY, 2)), sequence_of(document_id(KEY, 2))) == (KEY, 2)
    assert number_by_key("TT-", KEY, 2) == f"TT-{KEY}-2"

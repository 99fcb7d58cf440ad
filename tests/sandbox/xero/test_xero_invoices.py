"""Creating invoices: what is computed, what is defaulted, what is refused."""

from decimal import Decimal
from typing import Any

import pytest
from xero_support import Xero, invoice, line


async def refused(xero: Xero, body: dict[str, Any], method: str = "PUT") -> list[str]:
    answer = await xero.api(method, "Invoices", {"Invoices": [body]}, unitdp=4)
    assert answer.status == 400, answer.body
    assert answer.body["Type"] == "ValidationException"
    return answer.messages


async def test_a_draft_is_created_with_totals_computed_per_line(xero: Xero) -> None:
    contact = await xero.contact()
    made = await xero.draft(contact["ContactID"], line("1.5", "100"), line("2", "10.50"))
    assert made["Status"] == "DRAFT"
    assert made["InvoiceNumber"] == "INV-0001"
    assert (made["SubTotal"], made["TotalTax"], made["Total"]) == (Decimal("171.0"), Decimal("34.2"), Decimal("205.2"))
    assert made["AmountDue"] == made["Total"]


@pytest.mark.parametrize(
    ("quantity", "price", "amount", "tax"),
    [
        ("0.3333", "100.1234", "33.37", "6.67"),
        ("1", "2.165", "2.17", "0.43"),
        ("3", "0.335", "1.01", "0.2"),
        ("1", "-2.165", "-2.17", "-0.43"),
        ("7.25", "119.995", "869.96", "173.99"),
    ],
)
async def test_amounts_and_tax_are_rounded_half_up_on_each_line(
    xero: Xero, quantity: str, price: str, amount: str, tax: str
) -> None:
    contact = await xero.contact()
    made = await xero.draft(contact["ContactID"], line(quantity, price), line("1", "1000"))
    first = made["LineItems"][0]
    assert (first["LineAmount"], first["TaxAmount"]) == (Decimal(amount), Decimal(tax))


async def test_tax_is_summed_from_rounded_lines_not_computed_from_the_total(xero: Xero) -> None:
    contact = await xero.contact()
    made = await xero.draft(contact["ContactID"], *[line("1", "0.12") for _ in range(10)])
    # 0.024 a line is 0.02; of the total 1.20 it would have been 0.24.
    assert made["TotalTax"] == Decimal("0.2")


async def test_prices_lose_their_third_place_unless_four_are_asked_for(xero: Xero) -> None:
    contact = await xero.contact()
    body = {"Invoices": [invoice(contact["ContactID"], line("100", "1.005"))]}
    short = (await xero.api("PUT", "Invoices", body)).row
    long = (await xero.api("PUT", "Invoices", body, unitdp=4)).row
    assert (short["LineItems"][0]["UnitAmount"], short["SubTotal"]) == (Decimal("1.01"), Decimal("101.0"))
    assert (long["LineItems"][0]["UnitAmount"], long["SubTotal"]) == (Decimal("1.005"), Decimal("100.5"))
    shown = (await xero.api("GET", f"Invoices/{long['InvoiceID']}")).row
    assert shown["LineItems"][0]["UnitAmount"] == Decimal("1.01")
    assert shown["SubTotal"] == Decimal("100.5")


async def test_inclusive_amounts_contain_their_tax_and_no_tax_has_none(xero: Xero) -> None:
    contact = await xero.contact()
    inclusive = await xero.draft(contact["ContactID"], line("1", "120"), LineAmountTypes="Inclusive")
    assert (inclusive["SubTotal"], inclusive["TotalTax"], inclusive["Total"]) == (100, 20, 120)
    untaxed = await xero.draft(contact["ContactID"], line("1", "120"), LineAmountTypes="NoTax")
    assert (untaxed["SubTotal"], untaxed["TotalTax"], untaxed["Total"]) == (120, 0, 120)
    assert untaxed["LineItems"][0]["TaxType"] == "NONE"


async def test_a_line_without_tax_type_takes_its_accounts(xero: Xero) -> None:
    contact = await xero.contact()
    made = await xero.draft(contact["ContactID"], line(AccountCode="202"), line(TaxType="RROUTPUT"))
    assert [one["TaxType"] for one in made["LineItems"]] == ["ZERORATEDOUTPUT", "RROUTPUT"]
    assert made["TotalTax"] == 5


async def test_numbers_are_exact_to_the_last_digit(xero: Xero) -> None:
    contact = await xero.contact()
    made = await xero.draft(contact["ContactID"], line("1", "9999999999.99"), LineAmountTypes="NoTax")
    assert made["Total"] == Decimal("9999999999.99")
    assert b"9999999999.99" in (await xero.api("GET", f"Invoices/{made['InvoiceID']}")).raw


async def test_a_missing_quantity_is_one_and_a_missing_price_follows_from_the_amount(xero: Xero) -> None:
    contact = await xero.contact()
    made = await xero.draft(
        contact["ContactID"],
        {"Description": "Fixed fee", "AccountCode": "200", "UnitAmount": 50},
        {"Description": "Fixed fee", "AccountCode": "200", "LineAmount": 33.37},
    )
    assert [one["Quantity"] for one in made["LineItems"]] == [1, 1]
    assert made["LineItems"][1]["UnitAmount"] == Decimal("33.37")


async def test_a_line_of_words_only_charges_nothing(xero: Xero) -> None:
    contact = await xero.contact()
    made = await xero.draft(contact["ContactID"], {"Description": "No time in this period"})
    assert set(made["LineItems"][0]) == {"Description", "Tracking", "LineItemID"}
    assert made["Total"] == 0


async def test_a_discount_is_taken_off_before_rounding(xero: Xero) -> None:
    contact = await xero.contact()
    made = await xero.draft(contact["ContactID"], line("3", "9.99", DiscountRate=10))
    assert made["LineItems"][0]["LineAmount"] == Decimal("26.97")
    assert made["IsDiscounted"] is True


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Description": ""}, "Description must be at least 1 character long"),
        ({"Description": "x" * 4001}, "Description is longer than 4000 characters"),
        ({"AccountCode": "999"}, "Account code '999' is not a valid code for this document."),
        ({"AccountCode": "090"}, "Account code '090' is not a valid code for this document."),
        ({"AccountCode": "610"}, "Account code '610' is not a valid code for this document."),
        ({"AccountCode": "205"}, "Account code '205' has been archived or deleted"),
        (
            {"TaxType": "INPUT2"},
            "The TaxType code 'INPUT2' does not exist or cannot be used for this type of transaction.",
        ),
        (
            {"TaxType": "OUTPUT"},
            "The TaxType code 'OUTPUT' does not exist or cannot be used for this type of transaction.",
        ),
        ({"LineAmount": 99}, "The line total 99 does not match the expected line total 100.00"),
        ({"Quantity": 12345678901234}, "Quantity 12345678901234 is longer than 13 characters"),
        ({"ItemCode": "Support"}, "Item code 'Support' is not valid"),
        ({"Tracking": [{"Name": "Planet", "Option": "Mars"}]}, "The tracking category 'Planet' does not exist"),
        (
            {"Tracking": [{"Name": "Region", "Option": "Mars"}]},
            "The tracking option 'Mars' does not exist in 'Region'",
        ),
    ],
)
async def test_a_line_that_breaks_a_rule_is_refused_in_words(xero: Xero, change: dict[str, Any], message: str) -> None:
    contact = await xero.contact()
    assert await refused(xero, invoice(contact["ContactID"], line() | change)) == [message]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Type": None}, "Type is required"),
        ({"Contact": None}, "A Contact must be specified for this type of transaction"),
        ({"LineItems": []}, "One or more line items must be specified"),
        ({"CurrencyCode": "SEK"}, "Organisation is not subscribed to currency SEK"),
        ({"Status": "PAID"}, "A document cannot be created with the status PAID"),
        ({"Reference": "x" * 256}, "Reference is longer than 255 characters"),
        ({"InvoiceNumber": "Nº 1"}, "The number must be at most 255 printable ASCII characters"),
        ({"Url": "https://xero.example/i/1"}, "Url must not contain 'xero'"),
        ({"Url": "over there"}, "Url is not a valid address"),
        ({"SentToContact": True}, "SentToContact can be set only on approved documents"),
        ({"BrandingThemeID": "00000000-0000-0000-0000-00000000000a"}, "The branding theme could not be found"),
        ({"LineItems": [line("1", "-1")]}, "The total of the document must not be below zero"),
    ],
)
async def test_a_head_that_breaks_a_rule_is_refused_in_words(xero: Xero, change: dict[str, Any], message: str) -> None:
    contact = await xero.contact()
    assert await refused(xero, invoice(contact["ContactID"]) | change) == [message]


async def test_every_problem_of_an_invoices_lines_is_named(xero: Xero) -> None:
    contact = await xero.contact()
    messages = await refused(xero, invoice(contact["ContactID"], line(AccountCode="1"), line(Description="")))
    assert len(messages) == 2


async def test_an_unknown_or_archived_contact_is_refused(xero: Xero) -> None:
    nobody = "00000000-0000-0000-0000-00000000000a"
    assert await refused(xero, invoice(nobody)) == [f"The contact {nobody} could not be found"]
    contact = await xero.contact()
    await xero.api("POST", "Contacts", {"ContactID": contact["ContactID"], "ContactStatus": "ARCHIVED"})
    assert "archived contact" in (await refused(xero, invoice(contact["ContactID"])))[0]


async def test_fields_sent_along_with_the_contact_change_the_contact(xero: Xero) -> None:
    contact = await xero.contact(EmailAddress="old@example.com")
    await xero.draft(
        contact["ContactID"], Contact={"ContactID": contact["ContactID"], "EmailAddress": "new@example.com"}
    )
    shown = (await xero.api("GET", f"Contacts/{contact['ContactID']}")).row
    assert shown["EmailAddress"] == "new@example.com"


async def test_a_contact_named_for_the_first_time_is_made(xero: Xero) -> None:
    made = await xero.draft("", Contact={"Name": "Brand New Ltd"})
    assert (await xero.api("GET", f"Contacts/{made['Contact']['ContactID']}")).row["Name"] == "Brand New Ltd"


async def test_a_refused_invoice_leaves_no_new_contact_behind(xero: Xero) -> None:
    await refused(xero, invoice("", line(AccountCode="999"), Contact={"Name": "Brand New Ltd"}))
    assert (await xero.api("GET", "Contacts")).rows == []


async def test_another_currency_of_the_company_gets_a_rate(xero: Xero) -> None:
    contact = await xero.contact()
    made = await xero.draft(contact["ContactID"], CurrencyCode="EUR")
    assert (made["CurrencyCode"], made["CurrencyRate"]) == ("EUR", Decimal("1.16"))
    own = await xero.draft(contact["ContactID"], CurrencyCode="EUR", CurrencyRate=1.2345678)
    assert own["CurrencyRate"] == Decimal("1.234568")


async def test_dates_are_taken_and_answered_in_both_forms(xero: Xero) -> None:
    contact = await xero.contact()
    for sent in ("2026-11-30", "2026-11-30T00:00:00", "/Date(1796032800000)/", "/Date(1795996800000+0000)/"):
        made = await xero.draft(contact["ContactID"], Date=sent)
        assert (made["DateString"], made["Date"]) == ("2026-11-30T00:00:00", "/Date(1795996800000+0000)/")


async def test_a_date_with_an_offset_is_moved_to_utc_and_so_may_be_a_day_early(xero: Xero) -> None:
    contact = await xero.contact()
    made = await xero.draft(contact["ContactID"], Date="2026-11-30T00:00:00+11:00")
    assert made["DateString"] == "2026-11-29T00:00:00"


async def test_without_a_date_it_is_today_in_the_companys_timezone(xero: Xero) -> None:
    contact = await xero.contact()
    body = invoice(contact["ContactID"])
    del body["Date"]
    made = (await xero.api("PUT", "Invoices", body)).row
    assert made["DateString"].startswith(xero.company.books.today().isoformat())


async def test_a_draft_without_due_date_gets_its_date_or_none_by_switch(xero: Xero) -> None:
    contact = await xero.contact()
    body = invoice(contact["ContactID"])
    del body["DueDate"]
    assert (await xero.api("PUT", "Invoices", body)).row["DueDateString"] == "2026-11-30T00:00:00"
    xero.company.switches["due_date"] = "absent"
    made = (await xero.api("PUT", "Invoices", body)).row
    assert "DueDate" not in made
    answer = await xero.update(InvoiceID=made["InvoiceID"], Status="AUTHORISED")
    assert answer.messages == ["Due date must be specified"]


async def test_the_answer_to_a_write_echoes_the_contact_in_full(xero: Xero) -> None:
    contact = await xero.contact(EmailAddress="pay@example.com")
    made = await xero.draft(contact["ContactID"])
    assert made["Contact"]["EmailAddress"] == "pay@example.com"
    assert made["Contact"]["IsCustomer"] is True
    assert "StatusAttributeString" not in made


async def test_approving_needs_an_account_on_every_charged_line(xero: Xero) -> None:
    contact = await xero.contact()
    bare = {"Description": "Consulting", "Quantity": 1, "UnitAmount": 10}
    made = await xero.draft(contact["ContactID"], bare)
    answer = await xero.update(InvoiceID=made["InvoiceID"], Status="AUTHORISED")
    assert answer.messages == ["Account code must be specified"]


async def test_negative_quantities_are_taken_or_refused_by_switch(xero: Xero) -> None:
    contact = await xero.contact()
    lines = [line("-1", "10"), line("1", "50")]
    assert (await xero.draft(contact["ContactID"], *lines))["SubTotal"] == 40
    xero.company.switches["negative_quantity"] = "refused"
    assert await refused(xero, invoice(contact["ContactID"], *lines)) == ["Quantity cannot be negative"]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'{"Invoices": {}}',
        b'{"Invoices": [1]}',
        b'{"Invoices": [{"Type": "SALES"}]}',
        b'{"Invoices": [{"Type": "ACCREC", "Contact": "Ridgeway"}]}',
        b'{"Invoices": [{"Type": "ACCREC", "Contact": {"ContactID": "1"}}]}',
        b'{"Invoices": [{"Type": "ACCREC", "Date": "tomorrow"}]}',
        b'{"Invoices": [{"Type": "ACCREC", "Status": "SENT"}]}',
        b'{"Invoices": [{"Type": "ACCREC", "LineItems": [{"Description": "x", "Quantity": NaN}]}]}',
        b"\xff\xfe",
    ],
)
async def test_a_body_that_cannot_be_read_fails_the_whole_call(xero: Xero, body: bytes) -> None:
    answer = await xero.api("PUT", "Invoices", body, summarizeErrors=False)
    assert answer.status == 400
    assert answer.body["Type"] in {"PostDataInvalidException", "ValidationException", "NoDataProcessedException"}
    assert (await xero.api("GET", "Invoices")).rows == []


async def test_wrong_numbers_in_a_line_fail_the_whole_call_and_save_nothing(xero: Xero) -> None:
    contact = await xero.contact()
    good, bad = invoice(contact["ContactID"]), invoice(contact["ContactID"], line() | {"Quantity": "many"})
    answer = await xero.api("PUT", "Invoices", {"Invoices": [good, bad]}, summarizeErrors=False)
    assert (answer.status, answer.body["Type"]) == (400, "PostDataInvalidException")
    assert (await xero.api("GET", "Invoices")).rows == []


async def test_unknown_fields_are_ignored_and_null_is_absent(xero: Xero) -> None:
    contact = await xero.contact()
    made = await xero.draft(contact["ContactID"], Reference=None, HasErrors=False, Nonsense={"a": 1})
    assert made["Reference"] == ""


async def test_a_body_over_three_and_a_half_megabytes_is_not_read(xero: Xero) -> None:
    answer = await xero.api("PUT", "Invoices", b" " * 3_600_000)
    assert answer.status == 413

"""What the company is before and around its documents: settings, contacts, XML, the outside view."""

from typing import Any
from xml.etree import ElementTree

import pytest
from xero_support import Judge, Xero, invoice, line

from sandbox.xero.switches import SWITCHES


def test_answers_are_judged_by_xeros_own_description(judge: Judge) -> None:
    if not judge.known:
        pytest.skip("Xero's API description (xero_accounting.yaml) is not here")
    body = {"Invoices": [{"LineItems": [{"Quantity": "many"}]}]}
    with pytest.raises(AssertionError, match="Quantity"):
        judge.check("GET", "/api.xro/2.0/Invoices", 200, body)
    with pytest.raises(AssertionError, match="uuid"):
        judge.check("GET", "/api.xro/2.0/Invoices", 200, {"Invoices": [{"InvoiceID": "1"}]})


async def test_the_organisation_is_a_demo_company_in_the_uk(xero: Xero) -> None:
    shown = (await xero.api("GET", "Organisation")).row
    assert (shown["BaseCurrency"], shown["Timezone"], shown["DefaultSalesTax"]) == (
        "GBP",
        "GMTSTANDARDTIME",
        "Tax Exclusive",
    )
    assert (shown["IsDemoCompany"], shown["PaysTax"], shown["OrganisationID"]) == (True, True, xero.company.tenant_id)
    assert "PeriodLockDate" not in shown
    xero.company.act("organisation", {"period_lock": "2026-03-31", "default_sales_tax": "Tax Inclusive"})
    shown = (await xero.api("GET", "Organisation")).row
    assert (shown["PeriodLockDate"], shown["DefaultSalesTax"]) == ("/Date(1774915200000+0000)/", "Tax Inclusive")


async def test_accounts_tax_rates_tracking_currencies_and_themes_are_there(xero: Xero) -> None:
    accounts = {row["Code"]: row for row in (await xero.api("GET", "Accounts")).rows}
    assert (accounts["200"]["Type"], accounts["200"]["TaxType"], accounts["200"]["Status"]) == (
        "REVENUE",
        "OUTPUT2",
        "ACTIVE",
    )
    assert (await xero.api("GET", f"Accounts/{accounts['200']['AccountID']}")).row == accounts["200"]
    assert (await xero.api("GET", f"Accounts/{xero.company.tenant_id}")).status == 404
    rates = {row["TaxType"]: row["EffectiveRate"] for row in (await xero.api("GET", "TaxRates")).rows}
    assert (rates["OUTPUT2"], rates["RROUTPUT"], rates["NONE"]) == (20, 5, 0)
    categories = {row["Name"]: row for row in (await xero.api("GET", "TrackingCategories")).rows}
    assert [option["Name"] for option in categories["Region"]["Options"]][:2] == ["North", "South"]
    assert {row["Code"] for row in (await xero.api("GET", "Currencies")).rows} == {"GBP", "EUR", "USD"}
    assert (await xero.api("GET", "BrandingThemes")).rows[0]["Name"] == "Standard"


async def test_tracking_is_taken_by_name_or_id_and_answered_with_both(xero: Xero) -> None:
    contact = await xero.contact()
    by_name = line(Tracking=[{"Name": "Region", "Option": "North"}])
    made = await xero.draft(contact["ContactID"], by_name)
    (told,) = made["LineItems"][0]["Tracking"]
    ids = {name: told[name] for name in ("TrackingCategoryID", "TrackingOptionID")}
    again = await xero.draft(contact["ContactID"], line(Tracking=[ids]))
    assert again["LineItems"][0]["Tracking"] == [told]
    twice = await xero.api("PUT", "Invoices", invoice(contact["ContactID"], line(Tracking=[ids, ids])))
    assert twice.messages == ["A tracking category can be used only once on a line"]


async def test_xml_is_answered_to_whoever_does_not_ask_for_json(xero: Xero) -> None:
    await xero.contact("Boom & Bust")
    for accept in ("*/*", "application/xml", "text/html"):
        answer = await xero.api("GET", "Contacts", headers={"Accept": accept})
        assert answer.headers["Content-Type"] == "text/xml; charset=utf-8"
        tree = ElementTree.fromstring(answer.raw)
        assert tree.findtext("Contacts/Contact/Name") == "Boom & Bust"
    refused = await xero.api("PUT", "Contacts", {"Name": ""}, headers={"Accept": "*/*"})
    assert ElementTree.fromstring(refused.raw).tag == "ApiException"


@pytest.mark.parametrize("path", ["Nonsense", "Invoices/INV-404", "Contacts/nobody", "Invoices/x/History", "Items"])
async def test_what_is_not_there_is_answered_by_an_empty_page(xero: Xero, path: str) -> None:
    answer = await xero.api("GET", path)
    assert (answer.status, answer.headers["Content-Type"], answer.raw) == (404, "text/html; charset=utf-8", b"")


async def test_a_method_an_address_does_not_know_is_refused(xero: Xero) -> None:
    assert (await xero.api("DELETE", "Invoices")).status == 405


async def test_contacts_are_changed_archived_and_brought_back(xero: Xero) -> None:
    made = await xero.contact(ContactNumber="001D000000IqhSLIAZ")
    key = {"ContactID": made["ContactID"]}
    number = {"PhoneNumber": "123", "PhoneAreaCode": "020", "PhoneCountryCode": "44"}
    phones = [{"PhoneType": "DEFAULT"} | number]
    changed = (await xero.api("POST", "Contacts", key | {"Phones": phones, "FirstName": "Zoë"})).row
    assert phones[0] in changed["Phones"]
    assert {"PhoneType": "MOBILE", "PhoneNumber": "", "PhoneAreaCode": "", "PhoneCountryCode": ""} in changed["Phones"]
    by_number = (await xero.api("GET", "Contacts/001D000000IqhSLIAZ")).row
    assert by_number["FirstName"] == "Zoë"
    assert {"PhoneType": "MOBILE"} in by_number["Phones"], "read, an unused phone is nothing but its type"
    await xero.api("POST", f"Contacts/{made['ContactID']}", {"ContactStatus": "ARCHIVED"})
    refused = await xero.api("POST", "Contacts", key | {"FirstName": "Zara"}, summarizeErrors=False)
    assert "Archived contacts cannot currently be edited" in refused.messages[0]
    assert refused.row["StatusAttributeString"] == "ERROR"
    back = await xero.api("POST", "Contacts", key | {"ContactStatus": "ACTIVE"})
    assert back.row["ContactStatus"] == "ACTIVE"


async def test_posting_a_contacts_name_changes_that_contact(xero: Xero) -> None:
    made = await xero.contact("Boom FM")
    posted = (await xero.api("POST", "Contacts", {"Name": "BOOM FM", "EmailAddress": "a@example.com"})).row
    assert posted["ContactID"] == made["ContactID"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"Name": " "}, "The contact name must be specified"),
        ({"Name": "x" * 256}, "Name is longer than 255 characters"),
        ({"ContactNumber": "x" * 51}, "ContactNumber is longer than 50 characters"),
        ({"DefaultCurrency": "SEK"}, "Organisation is not subscribed to currency SEK"),
        ({"ContactPersons": [{"FirstName": "x"}] * 6}, "A contact can have at most 5 contact persons"),
        ({"Phones": [{"PhoneNumber": "1"}]}, "PhoneType must be specified"),
        ({"Addresses": [{"AddressType": "STREET", "City": "x" * 256}]}, "City is longer than 255 characters"),
    ],
)
async def test_contacts_that_break_a_rule_are_refused(xero: Xero, fields: dict[str, Any], message: str) -> None:
    answer = await xero.api("PUT", "Contacts", {"Name": "Ridgeway"} | fields)
    assert answer.messages == [message]


async def test_a_merged_contact_points_at_the_one_that_stays_and_its_documents_move(xero: Xero) -> None:
    loser, winner = await xero.contact("Loser"), await xero.contact("Winner")
    made = await xero.draft(loser["ContactID"])
    xero.company.act("merge", {"loser": loser["ContactID"], "winner": winner["ContactID"]})
    gone = (await xero.api("GET", f"Contacts/{loser['ContactID']}")).row
    assert (gone["ContactStatus"], gone["MergedToContactID"]) == ("ARCHIVED", winner["ContactID"])
    shown = (await xero.api("GET", f"Invoices/{made['InvoiceID']}")).row
    assert shown["Contact"]["ContactID"] == winner["ContactID"]
    with pytest.raises(ValueError, match="another active contact"):
        xero.company.act("merge", {"loser": winner["ContactID"], "winner": loser["ContactID"]})


async def test_switches_take_only_known_names_and_answers(xero: Xero) -> None:
    with pytest.raises(KeyError, match="no switch 'gravity'"):
        xero.company.switches["gravity"] = "off"
    with pytest.raises(ValueError, match="is one of inclusive, exclusive"):
        xero.company.switches["modified_since"] = "sometimes"
    xero.company.switches["modified_since"] = "exclusive"
    del xero.company.switches["modified_since"]
    assert dict(xero.company.switches) == {name: switch.choices[0] for name, switch in SWITCHES.items()}


async def test_contacts_can_carry_what_real_companies_were_seen_to_carry(xero: Xero) -> None:
    xero.company.switches["default_currency_null"] = "yes"
    xero.company.switches["delivery_address"] = "yes"
    contact = await xero.contact_unjudged()
    assert contact["DefaultCurrency"] == ""
    assert "DELIVERY" in {address["AddressType"] for address in contact["Addresses"]}


async def test_the_snapshot_holds_everything_with_exact_amounts(xero: Xero) -> None:
    contact = await xero.contact()
    made = await xero.draft(contact["ContactID"], line("0.3333", "100.1234"))
    await xero.api("PUT", "CreditNotes", invoice(contact["ContactID"]) | {"Type": "ACCRECCREDIT"})
    whole = xero.company.snapshot()
    (shown,) = whole["invoices"]
    assert shown["LineItems"][0] | {"UnitAmount": "100.1234", "Quantity": "0.3333"} == shown["LineItems"][0]
    assert shown["LineItems"][0]["LineAmount"] == "33.37"
    assert len(whole["creditNotes"]) == len(whole["contacts"]) == 1
    assert whole["history"][made["InvoiceID"]][0]["changes"] == "Created"
    assert whole["stats"]["writes"] == 3


async def test_people_can_act_by_name_and_are_refused_like_anybody(xero: Xero) -> None:
    company = xero.company
    contact = company.act("contact", {"body": {"Name": "Ridgeway"}})
    made = company.act("write", {"body": invoice(contact["ContactID"])})
    company.act("submit", {"id": made["InvoiceID"]})
    company.act("draft", {"id": made["InvoiceID"]})
    company.act("approve", {"id": made["InvoiceID"]})
    payment = company.act("pay", {"id": made["InvoiceID"]})
    assert payment["Amount"] == "120.0"
    with pytest.raises(ValueError, match="cannot be edited as it has a payment"):
        company.act("void", {"id": made["InvoiceID"]})
    company.act("remove-payment", {"id": payment["PaymentID"]})
    assert company.act("void", {"id": made["InvoiceID"]})["Status"] == "VOIDED"
    company.act("account", {"code": "200", "status": "ARCHIVED"})
    with pytest.raises(ValueError, match="has been archived"):
        company.act("write", {"body": invoice(contact["ContactID"])})
    company.act("currencies", {"codes": ["GBP"]})
    company.act("limits", {"minute": 10})
    with pytest.raises(KeyError, match="no action 'dance'"):
        company.act("dance", {})
    with pytest.raises(ValueError, match="pay"):
        company.act("pay", {"nobody": 1})
    with pytest.raises(ValueError, match="no setting"):
        company.actions()["organisation"]({"colour": "red"})


async def test_a_person_chooses_the_theme_of_a_contact_and_the_lists_show_it(xero: Xero) -> None:
    contact = await xero.contact()
    xero.company.act("contact-theme", {"id": contact["ContactID"], "theme": "Special projects"})
    [shown] = (await xero.api("GET", "Contacts", page="1")).rows
    themes = {row["Name"]: row["BrandingThemeID"] for row in (await xero.api("GET", "BrandingThemes")).rows}
    assert shown["BrandingTheme"]["BrandingThemeID"] == themes["Special projects"]
    with pytest.raises(ValueError, match="no branding theme Glossy"):
        xero.company.act("contact-theme", {"id": contact["ContactID"], "theme": "Glossy"})


async def test_calls_are_written_down_with_key_and_digest(xero: Xero) -> None:
    contact = await xero.contact()
    await xero.api("PUT", "Invoices", invoice(contact["ContactID"]), key="one")
    calls = xero.company.act("calls", {})["calls"]
    assert [(call["method"], call["status"], call["idempotency_key"]) for call in calls] == [
        ("PUT", 200, ""),
        ("PUT", 200, "one"),
    ]
    assert len(calls[1]["body_sha256"]) == 64
    xero.company.act("clear-calls", {})
    assert xero.company.requests.stats()["calls"] == 0


async def test_a_reset_company_is_another_company(xero: Xero) -> None:
    contact = await xero.contact()
    made = await xero.draft(contact["ContactID"])
    before = xero.company.tenant_id
    xero.company.act("reset", {})
    await xero.authenticate()
    assert xero.company.tenant_id != before
    assert (await xero.api("GET", f"Invoices/{made['InvoiceID']}")).status == 404


async def test_the_environment_points_the_product_at_the_company(xero: Xero) -> None:
    environment = xero.company.environment(xero.url)
    assert environment["XERO_API_URL"] == xero.url
    answer = await xero.authenticate(
        client_id=environment["XERO_CLIENT_ID"], client_secret=environment["XERO_CLIENT_SECRET"]
    )
    assert answer.status == 200

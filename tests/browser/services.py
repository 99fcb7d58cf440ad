"""What people do in Salesforce and in Xero themselves, on those services' own pages, in a tab of its own."""

import json
import re
import urllib.request
from collections.abc import Mapping
from typing import Any

from playwright.sync_api import expect

from tests.browser.person import Person
from tests.browser.processes import StandIns


def told(stand: StandIns, path: str, body: Mapping[str, object], method: str = "POST") -> Any:
    """Tell the stand-ins' control port something; gives its answer."""
    address = f"{stand.environment['SANDBOX_CONTROL_URL']}/{path}"
    request = urllib.request.Request(address, json.dumps(body).encode(), method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def hire(stand: StandIns, first: str, last: str) -> None:
    """A new user in Salesforce."""
    username = f"{first}.{last}@hourstream.example".lower()
    record = {"FirstName": first, "LastName": last, "Alias": first.lower(), "Username": username, "Email": username}
    told(stand, "salesforce/records", {"action": "insert", "sobject": "User", "records": [record]})


def log_time(person: Person, stand: StandIns, who: str, project: str, hours: str, text: str) -> str:
    """Log time in Salesforce; gives the address of the record."""
    with person.tab() as tab:
        tab.go(f"{stand.salesforce}/lightning/o/TimeEntry__c/new")
        for name, option in (("Project__c", project), ("OwnerId", who)):
            tab.page.locator(f"#{name}").select_option(label=option)
        for name, value in (("Hours__c", hours), ("Description__c", text)):
            tab.page.locator(f"#{name}").fill(value)
        tab.click("Save")
        expect(tab.page).to_have_url(re.compile("/view$"))
        return tab.page.url


def change_hours(person: Person, record: str, hours: str) -> None:
    """Edit an entry in Salesforce."""
    with person.tab() as tab:
        tab.go(record.replace("/view", "/edit"))
        tab.page.locator("#Hours__c").fill(hours)
        tab.click("Save")
        expect(tab.page).to_have_url(record)


def set_price(person: Person, invoice: str, price: str) -> None:
    """Give the first line of a draft another price in Xero."""
    with person.tab() as tab:
        tab.go(invoice)
        tab.page.get_by_label("Price", exact=True).first.fill(price)
        tab.click("Save lines")
        tab.reads("Edited", within="body")


def approve(person: Person, invoice: str) -> None:
    """Approve a draft in Xero."""
    with person.tab() as tab:
        tab.go(invoice)
        tab.click("Approve")
        tab.reads("Approved", within="main")

"""Records to begin with, the same in both services: clients, projects, people and a month of time."""

from datetime import date, timedelta
from uuid import UUID, uuid5

from sandbox.salesforce.ids import to18
from sandbox.salesforce.org import ADMIN_ID
from sandbox.salesforce.state import State
from sandbox.salesforce.writes import Transaction
from sandbox.xero.company import XeroCompany
from sandbox.xero.records import Contact

_NAMESPACE = UUID("6f0c2f0e-8f5b-4b39-9a55-0d8a7c3f5b11")

# name, e-mail, account number; the first six are linked to projects, the last two are only in Xero
CLIENTS = (
    ("Harrow & Pike Architects", "accounts@harrowpike.example", "HAR001"),
    ("Northgate Dental Group", "finance@northgatedental.example", "NOR001"),
    ("Lumen Renewables Ltd", "payables@lumenrenewables.example", "LUM001"),
    ("Brightwater Trust", "office@brightwatertrust.example", "BRI001"),
    ("Castle Street Bakery", "hello@castlestreetbakery.example", "CAS001"),
    ("Orchard Logistics", "invoices@orchardlogistics.example", "ORC001"),
    ("Fenwick & Daughters", "books@fenwickdaughters.example", "FEN001"),
    ("Tidewell Studios", "studio@tidewell.example", "TID001"),
)
LINKED = 6
_OLD_EMAIL = ("Northgate Dental Group", "reception@northgatedental.example")

# name, client's number, hourly rate (none: people's rates decide), purchase order
PROJECTS = (
    ("Planning portal", 0, "95.00", "PO-4471"),
    ("Patient booking", 1, "110.00", None),
    ("Turbine telemetry", 2, "125.00", "LR-2026-118"),
    ("Grant reporting", 3, None, None),
    ("Online orders", 4, "80.00", None),
    ("Route planner", 5, "102.50", "ORC-77"),
)
WITHOUT_RATE = 3

# first name, last name, alias, 15-character id; Ada is in every org already
PEOPLE = (
    ("Ben", "Okafor", "boka", "005000000000003"),
    ("Carla", "Mendes", "cmend", "005000000000004"),
    ("Dev", "Patel", "dpat", "005000000000005"),
)

# person's number (0 is Ada), project's number, hours, what was done
WORK = (
    (0, 0, "3.50", "Kick-off and page inventory"),
    (1, 0, "6.25", "Address search"),
    (2, 0, "4.00", "Upload of drawings"),
    (1, 0, "2.75", "Review with the planning team"),
    (3, 0, "1.50", "Accessibility fixes"),
    (2, 1, "5.00", "Calendar synchronisation"),
    (2, 1, "7.50", "Reminder messages"),
    (0, 1, "1.25", "Call with the practice managers"),
    (3, 1, "3.00", "Cancellation rules"),
    (1, 1, "2.00", "Release to the first practice"),
    (3, 2, "8.00", "Ingest of turbine readings"),
    (3, 2, "6.50", "Alarm thresholds"),
    (1, 2, "4.75", "Dashboard for the control room"),
    (2, 2, "2.50", "Load test"),
    (0, 2, "1.00", "Monthly steering meeting"),
    (0, 3, "2.25", "Report template"),
    (0, 3, "3.75", "Figures for the third quarter"),
    (0, 3, "1.50", "Presentation to the trustees"),
    (1, 4, "5.50", "Click and collect"),
    (2, 4, "3.25", "Allergen labels"),
    (1, 4, "1.75", "Till integration"),
    (3, 4, "2.00", "Opening hours"),
    (3, 5, "7.00", "Route optimisation"),
    (2, 5, "4.50", "Driver app"),
    (0, 5, "2.00", "Workshop in the depot"),
    (1, 5, "6.00", "Import of delivery slots"),
)
OTHER_WORK: tuple[tuple[int, int, str, str, dict[str, object]], ...] = (
    (1, 0, "1.00", "Internal handover", {"Billable__c": False}),
    (3, 2, "0.50", "Time sheet catch-up", {"Billable__c": False}),
    (2, 1, "2.50", "Waiting list (draft design)", {"Status__c": "Submitted"}),
    (2, 5, "3.00", "Fuel report", {"Status__c": "Submitted"}),
)
_EARLIER = (1, 4, "4.00", "Menu photographs")


def contact_id(name: str) -> str:
    """A client's ContactID in Xero."""
    return str(uuid5(_NAMESPACE, name))


def seed(state: State, company: XeroCompany) -> None:
    """Put everything in place. Tells no change events: it was all there before anybody listened."""
    _contacts_in_xero(company)
    transaction = state.begin(ADMIN_ID, system=True)
    contacts = [_contact(state, transaction, number) for number in range(LINKED)]
    people = [ADMIN_ID, *(_person(state, transaction, number) for number in range(len(PEOPLE)))]
    projects = [_project(state, transaction, number, contacts) for number in range(len(PROJECTS))]
    today = state.org.clock.now().date()
    for number, (person, project, hours, text) in enumerate(WORK):
        day = _day(today, number)
        _entry(state, transaction, people[person], projects[project], day, hours, text)
    for number, (person, project, hours, text, special) in enumerate(OTHER_WORK):
        _entry(state, transaction, people[person], projects[project], _day(today, number), hours, text, special)
    person, project, hours, text = _EARLIER
    earlier = today.replace(day=1) - timedelta(days=20)
    _entry(state, transaction, people[person], projects[project], earlier, hours, text)


def _contacts_in_xero(company: XeroCompany) -> None:
    for name, email, number in CLIENTS:
        key = contact_id(name)
        company.books.shelves.contacts[key] = Contact(
            key, name, company.books.moment(), email=email, account_number=number, is_customer=True
        )


def _create(state: State, transaction: Transaction, sobject: str, values: dict[str, object]) -> str:
    schema = state.org.schema(sobject)
    assert schema is not None
    return transaction.create(schema, values)


def _contact(state: State, transaction: Transaction, number: int) -> str:
    name, email, account_number = CLIENTS[number]
    values: dict[str, object] = {
        "Name": name,
        "Contact_ID__c": contact_id(name),
        "Email__c": _OLD_EMAIL[1] if name == _OLD_EMAIL[0] else email,
        "Status__c": "ACTIVE",
        "Account_Number__c": account_number,
    }
    return _create(state, transaction, "Xero_Contact__c", values)


def _person(state: State, transaction: Transaction, number: int) -> str:
    first, last, alias, id15 = PEOPLE[number]
    username = f"{first}.{last}@hourstream.example".lower()
    name: dict[str, object] = {"FirstName": first, "LastName": last, "Alias": alias}
    return _create(state, transaction, "User", {"Id": to18(id15), "Username": username, "Email": username} | name)


def _project(state: State, transaction: Transaction, number: int, contacts: list[str]) -> str:
    name, client, rate, order = PROJECTS[number]
    account = _create(state, transaction, "Account", {"Name": CLIENTS[client][0], "Type": "Customer"})
    values: dict[str, object] = {
        "Name": name,
        "Xero_Contact__c": contacts[client],
        "Account__c": account,
        "Hourly_Rate__c": rate,
        "PO__c": order,
    }
    return _create(state, transaction, "Project__c", values)


def _entry(
    state: State,
    transaction: Transaction,
    person: str,
    project: str,
    day: date,
    hours: str,
    text: str,
    special: dict[str, object] | None = None,
) -> None:
    values: dict[str, object] = {
        "OwnerId": person,
        "Project__c": project,
        "Work_Date__c": day.isoformat(),
        "Hours__c": hours,
        "Description__c": text,
        "Billable__c": True,
        "Status__c": "Approved",
        "CurrencyIsoCode": "GBP",
    }
    _create(state, transaction, "TimeEntry__c", values | (special or {}))


def _day(today: date, number: int) -> date:
    """Spread over the working days of the current month up to today; the first days when it has just begun."""
    days = [today.replace(day=day) for day in range(1, today.day + 1)]
    working = [day for day in days if day.weekday() < 5] or days
    return working[number * 5 % len(working)]

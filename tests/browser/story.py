"""What a newcomer does, chapter by chapter: from the one-time link to a month that is corrected."""

import re
from dataclasses import dataclass

from sandbox.logins import PASSWORD
from sandbox.salesforce.org import ADMIN_USERNAME
from sandbox.xero.people import USERS
from tests.browser import services
from tests.browser.person import Person
from tests.browser.processes import StandIns, Up

COMPANY = "Demo Company (UK)"
CLIENT = "Castle Street Bakery"
PROJECT = "Grant reporting"  # of a client without a draft until somebody with a rate works for them
XERO_FAILS = {"kind": "status", "path": ".*/(Invoices|CreditNotes).*", "method": "PUT|POST", "status": 503, "times": -1}
PAGES = {
    "home": "/",
    "invoices": "/invoices",
    "invoices preview": "/invoices/preview",
    "invoices waiting": "/invoices/waiting",
    "invoices corrections": "/invoices/corrections",
    "month end": "/month",
    "month end printed": "/month/print",
    "people": "/people",
    "contacts": "/contacts",
    "contacts used": "/contacts?tab=used",
    "why": "/why?id=Ada%20Whitfield",
    "queue": "/queue",
    "queue items": "/queue/items",
    "queue doorbells": "/queue/doorbells",
    "queue audit": "/queue/audit",
    "access": "/access",
    "setup": "/setup",
    "setup connections": "/setup/connections",
    "setup time": "/setup/time",
    "setup contact": "/setup/contact",
    "setup rates": "/setup/rates",
    "setup invoices": "/setup/invoices",
    "setup frequency": "/setup/frequency",
    "setup write back": "/setup/write-back",
    "setup alerts": "/setup/alerts",
    "setup save": "/setup/save",
    "setup mode": "/setup/mode?mode=preview",
    "setup history": "/setup/history",
    "setup doctor": "/setup/doctor",
}
ADDING = "section[aria-labelledby=h-add]"


@dataclass(frozen=True)
class Scene:
    """Who, and where."""

    person: Person
    stand: StandIns
    up: Up
    start: str  # the first day that is billed: of this month


def open_invoice(scene: Scene, client: str) -> None:
    """The page of the client's latest open draft."""
    scene.person.menu("Invoices")
    scene.person.page.get_by_role("row").filter(has_text=client).get_by_role("link").first.click()
    scene.person.reads(client)


def in_xero(person: Person) -> str:
    """Where the invoice that is shown is in Xero."""
    address = person.page.get_by_role("link", name="Open in Xero").get_attribute("href")
    assert address
    return address


def signs_in(scene: Scene) -> None:
    """By the link that `up` printed; Home then shows what to do first."""
    person = scene.person
    person.go(scene.up.link)
    person.look("link")
    person.click("Sign in")
    person.reads("First steps")
    person.look("home at first")


def is_known_to_both_services(scene: Scene) -> None:
    """The browser is signed in to Salesforce and to Xero already, as people's browsers are."""
    person = scene.person
    with person.uncounted():
        person.go(f"{scene.stand.salesforce}/login")
        person.type("Username", ADMIN_USERNAME)
        person.type("Password", PASSWORD)
        person.click("Log In")
        person.go(f"{scene.stand.xero}/identity/user/login")
        person.type("Email address", USERS[0].email)
        person.type("Password", PASSWORD)
        person.click("Log in")


def types_the_apps(scene: Scene) -> None:
    """The ids and secrets of both apps, copied from where the apps are registered."""
    person, typed = scene.person, scene.stand.typed
    person.go(f"{scene.up.address}/setup/connections")
    person.look("setup connections at first")
    for title, service in (("Salesforce", "SALESFORCE"), ("Xero", "XERO")):
        for name in (f"{service}_CLIENT_ID", f"{service}_CLIENT_SECRET"):
            person.page.locator(f"#f-{name}").fill(typed[name])
        person.page.locator(f"form:has(#f-{service}_CLIENT_ID)").get_by_role("button").first.click()
        person.reads(f"Now connect to {title}.")


def connects_salesforce(scene: Scene) -> None:
    """Salesforce's own page asks; then the org is known."""
    person = scene.person
    person.click_part("Connect to Salesforce", "link")
    person.click("Allow")
    person.reads("Connected to the Salesforce org")


def connects_xero(scene: Scene) -> None:
    """Xero's own page names the company; then all is set."""
    person = scene.person
    person.click("Connect to Xero", "link")
    person.reads(COMPANY, within="body")
    person.click("Allow access")
    person.reads(f"Thank you, you are all set: {COMPANY}")
    person.look("setup connections")


def sets_up(scene: Scene) -> None:
    """The object, its fields as they are guessed, the first day and the account; saved, it is a preview."""
    person = scene.person
    person.click_part("^Go on", "link")
    person.click_part("^Use Time Entry")
    person.reads("TimeEntry__c is chosen")
    person.look("setup time object and fields")
    person.step("Invoices")
    person.type("First day that is billed here", scene.start)
    person.choose("Revenue account", "200 Sales")
    person.reads("5 invoices", within="#preview")
    person.look("setup invoices")
    person.click("Save and go on")
    person.reads("nothing is written to Xero: it is a preview")
    person.look("setup save")
    person.click("Save", within="main")


def creates_one_draft(scene: Scene) -> None:
    """Out of the preview, one draft in Xero; the others stay a preview."""
    person = scene.person
    person.reads("What would be written to Xero now")
    person.reads(CLIENT)
    person.look("invoices preview")
    person.click_part(f"^Create this draft for {CLIENT}")
    person.reads("TT-00001 is a draft in Xero.")
    person.look("invoice")


def goes_live(scene: Scene) -> None:
    """All of them, and from now on by themselves."""
    person = scene.person
    person.menu("Setup")
    person.look("setup")
    person.click("Go live")
    person.reads("4 new drafts")
    person.look("setup live or preview")
    person.click("Go live")
    person.reads("Live: drafts are written to Xero.")


def gets_contacts_and_generates_invoices(scene: Scene) -> None:
    """The button, its progress and its result."""
    person = scene.person
    person.menu("Setup")
    person.click("Get contacts and generate invoices")
    person.reads("contacts read")
    person.look("setup contacts and invoices")
    person.menu("Invoices")
    person.reads("TT-00005")
    person.look("invoices")


def adds_a_user(scene: Scene) -> None:
    """Somebody who never logged time, with a rate: on a project without one, theirs counts."""
    person = scene.person
    services.hire(scene.stand, "Eve", "Marsh")
    person.menu("People")
    person.look("people")
    person.type("Name in Salesforce", "Marsh")
    person.click("Search")
    person.type("Hourly rate", "130", within=ADDING)
    person.type("From", scene.start, within=ADDING)
    person.click("Add Eve Marsh")
    person.look("people what it changes")
    person.click_part("^Save")
    person.reads("Eve Marsh")
    person.reads("130.00")


def watches_time_arrive(scene: Scene) -> None:
    """Home stays open; what is logged in Salesforce comes onto a new draft, and the page shows it by itself."""
    person = scene.person
    person.menu("Home")
    person.reads_not(PROJECT)
    services.log_time(person, scene.stand, "Eve Marsh", PROJECT, "2.5", "Report to the trustees")
    person.reads(PROJECT, within="[data-region=lines]")
    person.reads("325.00 GBP", within="[data-region=lines]")
    person.look("home with new time")


def edits_a_draft_in_xero(scene: Scene) -> None:
    """Another price on a line, in Xero: more time for that client comes, and the line stays as the person made it."""
    person = scene.person
    open_invoice(scene, CLIENT)
    xero = in_xero(person)
    services.set_price(person, xero, "99")
    services.log_time(person, scene.stand, "Dev Patel", "Online orders", "1.5", "Voucher codes")
    person.reads_in_time("Voucher codes")
    person.reads("A person set this line in Xero: its amount stays.")
    person.look("invoice edited in Xero")
    with person.tab() as tab:
        tab.go(xero)
        tab.reads("99.00")


def approves_it_and_corrects_an_entry(scene: Scene) -> None:
    """Approved, it is never changed: a shorter entry is a proposal, and accepted a draft credit note."""
    person = scene.person
    record = services.log_time(person, scene.stand, "Carla Mendes", "Online orders", "3", "Gift cards")
    open_invoice(scene, CLIENT)
    person.reads_in_time("Gift cards")
    services.approve(person, in_xero(person))
    services.change_hours(person, record, "1")
    person.menu("Setup")
    person.click("Get contacts and generate invoices")
    person.reads("contacts read")
    person.menu("Home")
    person.reads("Proposed correction", within="[data-region=needs]")
    person.look("home with a correction")
    person.click_part("^Decide", "link")
    person.look("corrections")
    person.click("Accept")
    person.reads("No correction is proposed.")
    person.menu("Month end")
    person.reads("0.00")
    person.look("month end")


def disconnects_and_reconnects(scene: Scene) -> None:
    """Taken back, time waits and Home says so; connected again, what waited is done by itself."""
    person = scene.person
    person.go(f"{scene.up.address}/setup/connections")
    person.click("Disconnect", within="section[aria-labelledby=h-xero]")
    person.look("setup disconnect")
    person.click("Disconnect", within="main")
    person.menu("Home")
    person.reads("Xero has to be connected again")
    services.log_time(person, scene.stand, "Ben Okafor", "Route planner", "1.25", "While disconnected")
    person.look("home disconnected")
    person.click_part("^Connect again", "link")
    person.click("Connect to Xero", "link")
    person.click("Allow access")
    person.reads(f"Thank you, you are all set: {COMPANY}")
    person.menu("Home")
    person.reads_not("Xero has to be connected again")
    person.reads("128.13 GBP", within="[data-region=lines]")


def pauses_and_resumes(scene: Scene) -> None:
    """A stage is paused with a reason everybody sees, and goes on."""
    person = scene.person
    person.menu("Queue")
    person.choose("Stage", "Invoices")
    person.type("Why, for everybody who sees it", "month end")
    person.click("Pause")
    person.reads("month end", within="[data-region=stages]")
    person.look("queue paused")
    person.menu("Home")
    person.reads("Writing invoices is paused by administrator: month end.")
    person.menu("Queue")
    person.click("Resume invoices")
    person.reads("Invoices goes on.")


def retries_all(scene: Scene) -> None:
    """Xero fails: the draft is tried again later and later, until somebody says now; then it arrives."""
    person = scene.person
    services.told(scene.stand, "xero/faults", XERO_FAILS)
    services.log_time(person, scene.stand, "Ben Okafor", "Route planner", "0.8", "While Xero fails")
    person.go(f"{scene.up.address}/queue/items?stage=invoices&state=retrying")
    person.reads_in_time("that match, not only the chosen ones")
    person.look("queue items")
    person.click_part("that match, not only the chosen ones", "checkbox")
    person.click("Try again now")
    person.look("queue try again")
    services.told(scene.stand, "xero/faults", {}, method="DELETE")
    person.click("Try again now")
    person.reads(re.compile("tried again now|not on this stage's list any more"))
    person.menu("Home")
    person.reads("82.00 GBP", within="[data-region=lines]")

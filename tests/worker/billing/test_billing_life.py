"""The cases of docs/billing.md about the life of an invoice, each executed as it stands there."""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from billing_office import Office, open_drafts
from billing_support import BOB, BOLT, BRIDGE, computed, echo, edited, entry, rules
from msgspec import Struct
from msgspec.structs import replace

from worker.billing.brake import exceeds
from worker.billing.model import Document, Found, FoundLine, Out, Waiting
from worker.billing.rules import Surcharge
from worker.setup.sections import Brake

DOCUMENT = Path(__file__).parents[3] / "docs" / "billing.md"
GIVEN: dict[str, dict[str, Any]] = {
    "": {},
    "approval asked for": {"approved_values": ("Approved",), "withdrawn_values": ("Rejected",)},
    "decreases as lines": {"decrease": "line"},
    "submitted at close": {"at_close": "awaiting-approval"},
    "quarters of an hour, up": {"round_minutes": 15, "round_mode": "up"},
    "invoices per project": {"invoice_per": ("xero_contact", "project")},
    "a line per entry": {"line_per": ("entry",)},
    "at least 150": {"minimum_invoice": Decimal(150)},
    "travel 5 %": {"surcharges": (Surcharge(name="Travel", percent=Decimal(5)),)},
    "until approved": {"period": "until-approved"},
}
WORDS = {"ACCREC": "invoice", "ACCRECCREDIT": "credit note"}
STATES = {
    "submits": "SUBMITTED",
    "reopens": "DRAFT",
    "approves": "AUTHORISED",
    "pays": "PAID",
    "voids": "VOIDED",
    "deletes": "DELETED",
}


class Case(Struct, frozen=True):
    """One row of the table."""

    name: str
    given: str
    story: str
    documents: str
    asked: str


def cases() -> list[Case]:
    """The rows of the table under "Worked cases of a life"."""
    section = DOCUMENT.read_text(encoding="utf-8").partition("## Worked cases of a life")[2].partition("\n## ")[0]
    rows = [line.strip().removeprefix("|").removesuffix("|").split("|") for line in section.splitlines() if "|" in line]
    return [Case(*(cell.strip() for cell in row)) for row in rows if row[0].strip() not in {"case", "---"}]


class Told:
    """An office in which a story happens, sentence by sentence."""

    def __init__(self, given: str) -> None:
        self.office = Office(rules(**GIVEN[given]))
        self.units: dict[str, str] = {}
        self.earlier: dict[tuple[str, int], Found] = {}
        self.brake: tuple[str, ...] = ()

    def happens(self, story: str) -> None:
        """Sentences are told one after the other; those joined by "and at once" before anything is computed."""
        for sentence in story.split("; "):
            for part in sentence.split(" and at once "):
                self._tell(part)
            self.brake = exceeds(self.office.effect(), Brake())
            if self.brake:
                return
            for document in open_drafts(self.office):
                self.earlier.setdefault(_at(document), self.office.xero[_at(document)])
            self.office.settle()

    def documents(self) -> str:
        """What there is in Xero: type, period, state and the sum of the lines."""
        return "; ".join(_described(each) for each in self.office.documents())

    def asked(self) -> list[str]:
        """What people are asked, and why time is on no document."""
        names = {unit: name for name, unit in self.units.items()}
        told = [f"correction {each.amount}" for each in self.office.corrections]
        told += [f"{names[unit]} waits: {each.reason}" for unit, each in self.office.waiting.items()]
        verdicts = self.office.verdicts()
        told += [f"{names[unit]} out: {each.reason}" for unit, each in verdicts.items() if isinstance(each, Out)]
        return ["the brake holds"] if self.brake else sorted(told)

    def _tell(self, sentence: str) -> None:
        for form, tell in TELLING.items():
            if (said := re.fullmatch(form, sentence)) is not None:
                tell(self, **said.groupdict())
                return
        raise AssertionError(f"nobody knows what happens when {sentence!r}")

    # ---- entries -----------------------------------------------------------------------------------------------------

    def logs(self, name: str, hours: str, day: str | None = None, approval: str | None = None) -> None:
        unit = self.units.setdefault(name, entry(len(self.units) + 1).id)
        one = self.office.entries.get(unit) or entry(int(unit[-8:-5]), "1", approval=approval or "")
        changes = {"worked_on": date.fromisoformat(day)} if day else {}
        self.office.put(replace(one, seconds=Decimal(hours) * 3600, **changes))

    def log_many(self, count: str) -> None:
        for number in range(int(count)):
            self.logs(f"#{number}", "1", f"2026-11-{number % 20 + 1:02}")

    def becomes(self, name: str, what: str) -> None:
        known: dict[str, dict[str, Any]] = {
            "deleted": {"deleted": True},
            "undeleted": {"deleted": False},
            "not billable": {"billable": False},
            "billable": {"billable": True},
            "unreadable": {"unreadable": "no access"},
            "Bob's": {"person": BOB, "person_name": "Bob"},
            "work on Bridge, which is Bolt's": {"project": BRIDGE, "project_name": "Bridge", "xero_contact": BOLT},
            "work on Bridge, which is Acme's": {"project": BRIDGE, "project_name": "Bridge"},
            "work of 31 October": {"worked_on": date(2026, 10, 31)},
            "work of 2 December": {"worked_on": date(2026, 12, 2)},
            "billed as INV-7": {"already_billed": "INV-7"},
            "without hours": {"seconds": None},
            "Approved": {"approval": "Approved"},
            "Rejected": {"approval": "Rejected"},
        }
        names = list(self.units) if name == "every entry" else [name]
        for each in names:
            self.office.put(replace(self.office.entries[self.units[each]], **known[what]))

    def priced(self, name: str, rate: str) -> None:
        one = self.office.entries[self.units[name]]
        self.office.put(replace(one, rates=(rate, *one.rates[1:])))

    def project_priced(self, rate: str) -> None:
        """The rate on the project's record: the entries have none of their own."""
        for one in list(self.office.entries.values()):
            self.office.put(replace(one, rates=("", "", rate)))

    def renamed(self) -> None:
        for one in list(self.office.entries.values()):
            self.office.put(replace(one, project_name="Spire"))

    def repointed(self) -> None:
        for one in list(self.office.entries.values()):
            self.office.put(replace(one, xero_contact=BOLT))

    # ---- people in Xero ----------------------------------------------------------------------------------------------

    def sets_hours(self, hours: str) -> None:
        self._edit(lambda found: edited(found, 0, quantity=Decimal(hours)))

    def sets_price(self, price: str) -> None:
        self._edit(lambda found: edited(found, 0, unit_amount=Decimal(price)))

    def writes(self, text: str) -> None:
        self._edit(lambda found: edited(found, 0, description=text))

    def adds_travel(self) -> None:
        travel = FoundLine(id="travel", description="Travel", account="200", tax_type="OUTPUT2")
        line = replace(travel, quantity=Decimal(1), unit_amount=Decimal(50))
        self._edit(lambda found: computed(replace(found, lines=(*found.lines, line))))

    def takes_out_a_line(self) -> None:
        self._edit(lambda found: computed(replace(found, lines=found.lines[1:])))

    def readdresses(self) -> None:
        self._edit(lambda found: computed(replace(found, contact=BOLT)))

    def saves_an_old_page(self) -> None:
        self._edit(lambda found: computed(self.earlier[_at(self._draft())]))

    def moves(self, verb: str, which: str) -> None:
        kind = "ACCRECCREDIT" if which == "credit note" else "ACCREC"
        live = [each for each in self.office.documents() if each.type == kind and each.status not in {"deleted"}]
        document = live[-1] if which != "first" else live[0]
        self.office.move(document, STATES[verb])

    # ---- people who decide, and time that passes ---------------------------------------------------------------------

    def closes(self, period: str) -> None:
        self.office.closed.add(period)

    def rounded(self) -> None:
        """A change of the setup."""
        self.office.setup = replace(self.office.setup, **GIVEN["quarters of an hour, up"])

    def decides(self, kind: str) -> None:
        if kind in {"accepted", "ignored"}:
            self.office.answer("accept" if kind == "accepted" else "ignore")
            return
        word = {"bill again": "bill", "billed elsewhere": "elsewhere", "don't bill": "dont-bill"}[kind]
        for unit, document, seconds in self.office.taken_off():
            self.office.decide(unit, word, document, seconds=seconds)  # type: ignore[arg-type]  # one of the words

    def decides_about(self, name: str, kind: str) -> None:
        word = {"bill it": "bill", "billed elsewhere": "elsewhere", "don't bill": "dont-bill", "keep it": "keep"}[kind]
        self.office.decide(self.units[name], word)  # type: ignore[arg-type]  # one of the words

    def _draft(self) -> Document:
        return open_drafts(self.office)[-1]

    def _edit(self, change: Callable[[Found], Found]) -> None:
        at = _at(self._draft())
        self.office.xero[at] = change(self.office.xero[at])


TELLING: dict[str, Callable[..., None]] = {
    r"(?P<name>[A-Z]): (?P<hours>-?[0-9.]+) h(?: on (?P<day>[0-9-]+))?(?:, (?P<approval>Approved))?": Told.logs,
    r"(?P<count>[0-9]+) entries of 1 h": Told.log_many,
    r"(?P<name>[A-Z]|every entry) becomes (?P<what>.+)": Told.becomes,
    r"(?P<name>[A-Z]) costs (?P<rate>[0-9.]+)": Told.priced,
    r"Tower's rate is (?P<rate>[0-9.]+)": Told.project_priced,
    r"Tower is renamed": Told.renamed,
    r"Tower is repointed to Bolt": Told.repointed,
    r"a person makes it (?P<hours>-?[0-9.]+) h": Told.sets_hours,
    r"a person makes the price (?P<price>[0-9.]+)": Told.sets_price,
    r"a person writes (?P<text>.+)": Told.writes,
    r"a person adds travel for 50": Told.adds_travel,
    r"a person takes out our line": Told.takes_out_a_line,
    r"a person addresses it to Bolt": Told.readdresses,
    r"a person saves an old page": Told.saves_an_old_page,
    rf"a person (?P<verb>{'|'.join(STATES)}) (?:it|the (?P<which>credit note|first))": Told.moves,
    r"(?P<period>[0-9-]+) closes": Told.closes,
    r"quarters of an hour, up, from now on": Told.rounded,
    r"(?P<kind>accepted|ignored|bill again|billed elsewhere|don't bill)": Told.decides,
    r"(?P<name>[A-Z]): (?P<kind>bill it|billed elsewhere|don't bill|keep it)": Told.decides_about,
}


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_a_life_goes_as_the_document_says(case: Case) -> None:
    told = Told(case.given)
    told.happens(case.story)
    assert told.documents() == case.documents
    assert "; ".join(told.asked()) == case.asked
    if told.brake:
        return
    assert told.office.settle() == 0
    for period in ("2026-11", "2026-12"):
        made = told.office.month(period)
        assert (made.difference, made.difference_seconds, made.unexplained) == (0, 0, ())


def test_the_table_of_lives_is_found_and_uses_every_given_and_sentence() -> None:
    every = cases()
    assert len(every) >= 50
    assert {case.given for case in every} == set(GIVEN)
    told = {part for case in every for sentence in case.story.split("; ") for part in sentence.split(" and at once ")}
    assert all(any(re.fullmatch(form, part) for part in told) for form in TELLING)


def _at(document: Document) -> tuple[str, int]:
    return document.key, document.sequence


def _described(document: Document) -> str:
    kind = WORDS[document.type]
    period = "" if document.type == "ACCRECCREDIT" else f" {document.period}"
    amount = sum((line.amount for line in document.lines), Decimal("0.00"))
    return f"{kind}{period} {document.status.replace('-', ' ')} {amount}"


def test_what_waits_is_said_in_words() -> None:
    told = Told("")
    told.happens("A: 10 h; a person takes out our line")
    (waiting,) = told.office.waiting.values()
    assert isinstance(waiting, Waiting)
    assert waiting.text.startswith("A person took it off TT-")
    assert echo(told.office.documents()[0]).type == "ACCREC"

"""After any history of entries, edits in Xero, locks, decisions and closings, at rest: every hour and cent is accounted
for. And once everything that people were asked is answered with yes, each entry is billed for just what it says."""

import os
from datetime import date
from decimal import Decimal
from typing import ClassVar

from billing_office import Office, open_drafts
from billing_support import ACME, ADA, BOB, BOLT, BRIDGE, RATES, TOWER, computed, edited, entry, rules
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from worker.billing import words
from worker.billing.corrections import sums
from worker.billing.gates import OWN_RECORD
from worker.billing.merge import difference
from worker.billing.model import Document, Found, FoundLine, Out, Placed, Posting, Waiting
from worker.billing.money import ZERO, hours_amount
from worker.billing.postings import postings_of
from worker.billing.rules import Rules, Surcharge
from worker.billing.statement import DUE

CLIENTS = {TOWER: ("Tower", ACME), BRIDGE: ("Bridge", BOLT)}
PERIODS = ("2026-11", "2026-12")
STUCK = {"negative-invoice", "only-zeros", "below-minimum"}  # waits for other time, not for a person
hours = st.sampled_from(["0.3333", "1", "2.5", "7.75", "10", "0", "-1"])
numbers = st.integers(1, 6)


class Histories(RuleBasedStateMachine):
    """One office, its people, and whatever they do in whatever order."""

    SETUP: ClassVar[Rules] = rules(default_rate=Decimal(80))

    def __init__(self) -> None:
        super().__init__()
        self.office = Office(self.SETUP)
        self.settled = True

    # ---- entries -----------------------------------------------------------------------------------------------------

    @rule(
        number=numbers,
        time=hours,
        person=st.sampled_from([ADA, BOB]),
        project=st.sampled_from([TOWER, BRIDGE]),
        rate=st.sampled_from(["", "120.00", "33.3333"]),
        day=st.sampled_from([date(2026, 11, 5), date(2026, 11, 28), date(2026, 12, 3)]),
    )
    def log(self, number: int, time: str, person: str, project: str, rate: str, day: date) -> None:
        name, client = CLIENTS[project]
        self._change(
            entry(number).id,
            seconds=Decimal(time) * 3600,
            person=person,
            person_name=person[-4],
            project=project,
            project_name=name,
            xero_contact=client,
            rates=(rate, "", ""),
            worked_on=day,
        )

    @rule(number=numbers, time=hours)
    def correct_the_hours(self, number: int, time: str) -> None:
        self._change(entry(number).id, seconds=Decimal(time) * 3600)

    @rule(number=numbers, change=st.sampled_from(["deleted", "billable", "unreadable", "mend"]))
    def take_back_or_restore(self, number: int, change: str) -> None:
        values = {
            "deleted": {"deleted": True},
            "billable": {"billable": False},
            "unreadable": {"unreadable": "no access"},
            "mend": {"deleted": False, "billable": True, "unreadable": ""},
        }[change]
        self._change(entry(number).id, **values)

    @rule(project=st.sampled_from([TOWER, BRIDGE]), client=st.sampled_from([ACME, BOLT]))
    def repoint_the_contact_of_a_project(self, project: str, client: str) -> None:
        for one in list(self.office.entries.values()):
            if one.project == project:
                self._change(one.id, xero_contact=client)

    # ---- people in Xero ----------------------------------------------------------------------------------------------

    @rule(data=st.data(), quantity=st.sampled_from(["1", "4", "9"]))
    @precondition(lambda self: self._drafts())
    def a_person_changes_a_quantity(self, data: st.DataObject, quantity: str) -> None:
        self._edit(data, lambda found, at: edited(found, at, quantity=Decimal(quantity)))

    @rule(data=st.data(), text=st.sampled_from(["Consulting", "Tower · 1"]))
    @precondition(lambda self: self._drafts())
    def a_person_changes_a_text(self, data: st.DataObject, text: str) -> None:
        self._edit(data, lambda found, at: edited(found, at, description=text))

    @rule(data=st.data())
    @precondition(lambda self: self._drafts())
    def a_person_takes_out_a_line(self, data: st.DataObject) -> None:
        self._edit(data, lambda found, at: computed(replace(found, lines=found.lines[:at] + found.lines[at + 1 :])))

    @rule(data=st.data())
    @precondition(lambda self: self._drafts())
    def a_person_adds_a_line(self, data: st.DataObject) -> None:
        self._edit(data, _with_travel)

    @rule(data=st.data(), status=st.sampled_from(["SUBMITTED", "AUTHORISED", "AUTHORISED", "DELETED"]))
    @precondition(lambda self: self._drafts())
    def a_person_moves_a_draft_on(self, data: st.DataObject, status: str) -> None:
        self._edit(data, lambda found, _: computed(replace(found, status=status)))

    @rule(data=st.data(), status=st.sampled_from(["PAID", "VOIDED"]))
    @precondition(lambda self: self._in("AUTHORISED"))
    def an_approved_document_is_paid_or_voided(self, data: st.DataObject, status: str) -> None:
        at = data.draw(st.sampled_from(self._in("AUTHORISED")))
        self.office.xero[at] = computed(replace(self.office.xero[at], status=status))
        self.settled = False

    # ---- people who decide -------------------------------------------------------------------------------------------

    @rule(data=st.data(), kind=st.sampled_from(["accept", "accept", "ignore"]))
    @precondition(lambda self: self.office.corrections)
    def a_correction_is_answered(self, data: st.DataObject, kind: str) -> None:
        self.office.answer(kind, data.draw(st.sampled_from(self.office.corrections)))
        self.settled = False

    @rule(data=st.data(), kind=st.sampled_from(["bill", "elsewhere", "dont-bill"]))
    @precondition(lambda self: self.office.taken_off())
    def it_is_decided_about_what_was_taken_off(self, data: st.DataObject, kind: str) -> None:
        unit, document, seconds = data.draw(st.sampled_from(self.office.taken_off()))
        self.office.decide(unit, kind, document, seconds=seconds)
        self.settled = False

    @rule(number=numbers, kind=st.sampled_from(["bill", "elsewhere", "dont-bill", "keep"]))
    def it_is_decided_about_an_entry(self, number: int, kind: str) -> None:
        self.office.decide(entry(number).id, kind)
        self.settled = False

    @rule(period=st.sampled_from(PERIODS))
    @precondition(lambda self: self.settled)
    def a_period_closes(self, period: str) -> None:
        self.office.closed.add(period)
        self.settled = False

    # ---- the product -------------------------------------------------------------------------------------------------

    @rule()
    def settle(self) -> None:
        self.office.settle()
        self.settled = True

    @rule()
    def everything_is_answered_with_yes(self) -> None:
        """All corrections accepted, all time billed again, all drafts approved, until nothing is asked any more."""
        office = self.office
        for unit, decisions in office.decisions.items():  # as though nobody had said no
            office.decisions[unit] = [each for each in decisions if each.kind in {"bill", "accept"}]
        for unit in office.entries:
            office.decide(unit, "bill")
        for _ in range(20):
            office.settle()
            asked = [*office.corrections, *office.taken_off()]
            drafts = [document for document in open_drafts(office) if _worth_approving(document)]
            if not asked and not drafts:
                break
            office.answer("accept")
            for unit, document, seconds in office.taken_off():
                office.decide(unit, "bill", document, seconds=seconds)
            for document in drafts if not asked else ():
                office.move(document, "AUTHORISED")
        else:
            raise AssertionError("there is always something to be asked")
        self.settled = True
        for unit, verdict in office.verdicts().items():
            self._is_billed_for_what_it_says(unit, verdict)

    def _is_billed_for_what_it_says(self, unit: str, verdict: object) -> None:
        office, every = self.office, self.office.postings()[unit]
        postings = [each for each in every if each.state != "suspended"]
        waits = office.waiting.get(unit)
        if waits is not None and waits.reason in STUCK | {"unreadable"}:
            return
        net, written = sums(postings), self._written(unit)
        if written:
            self._differs_by_no_more_than(written, verdict, postings, every)
            return
        if isinstance(verdict, Out):
            assert verdict.reason in OWN_RECORD
            assert (net.seconds, net.amount) == (0, 0)
            return
        assert isinstance(verdict, Placed), verdict
        one = office.entries[unit]
        assert net.worked == one.seconds
        plain = sums([each for each in postings if not each.surcharge])
        if len({each.rate for each in postings}) == 1 and not office.setup.surcharges and postings == every:
            assert abs(plain.amount - hours_amount(net.seconds, verdict.rate)) <= Decimal("0.01") * len(postings)

    def _differs_by_no_more_than(
        self, written: Decimal, verdict: object, postings: list[Posting], every: list[Posting]
    ) -> None:
        """What people wrote on or off is all that may stand between an entry and what was billed of it."""
        wanted = hours_amount(verdict.seconds, verdict.rate) if isinstance(verdict, Placed) else ZERO
        one_rate = len({each.rate for each in postings}) == 1
        if one_rate and postings == every and not (self.SETUP.surcharges or self.SETUP.round_minutes):
            cents = Decimal("0.01") * len(postings)
            assert abs(sums(postings).amount - wanted) <= written + cents

    @invariant()
    def at_rest_everything_is_accounted_for(self) -> None:
        if not self.settled:
            return
        office = self.office
        assert office.settle() == 0
        self._lines_are_their_postings()
        self._statements_add_up()
        for unit, verdict in office.verdicts().items():
            on = [posting for posting in office.postings()[unit] if posting.state == "open"]
            assert len({posting.document for posting in on}) <= 1
            assert sum(each.unit == unit for each in office.corrections) <= 1
            if isinstance(verdict, Out) or (isinstance(verdict, Waiting) and not verdict.holds):
                assert all(posting.surcharge for posting in on)  # of time that a person fixed on the same draft

    def _statements_add_up(self) -> None:
        for period in PERIODS:
            made = self.office.month(period)
            assert (made.difference, made.difference_seconds, made.unexplained) == (0, 0, ())
            assert made.seconds("waiting", DUE) == 0
            assert sum((part.seconds for part in made.parts), Decimal(0)) == made.logged

    def _written(self, unit: str) -> Decimal:
        """How much people wrote on and off the lines that this unit is on."""
        lines = [line for document in self.office.documents() for line in document.lines if line.write_on]
        on = [line for line in lines if any(share.unit == unit for share in line.shares)]
        return sum((abs(line.write_on) for line in on), ZERO)

    def _lines_are_their_postings(self) -> None:
        for document in self.office.documents():
            found = self.office.xero[document.key, document.sequence]
            if document.status in words.GONE:
                continue
            sign = -1 if document.type == "ACCRECCREDIT" else 1
            lines_sum = sum((line.amount or ZERO for line in found.lines), ZERO)
            theirs = sum((line.write_on for line in document.lines), ZERO)
            theirs += sum((line.amount for line in document.lines if line.foreign), ZERO)
            live = [posting for posting in postings_of(document) if posting.state != "suspended"]
            assert lines_sum == sign * sums(live).amount + theirs
            assert difference(document, found, RATES) is None  # also of tax and total, each computed twice
            assert found.type == document.type

    def _change(self, unit: str, **values: object) -> None:
        one = self.office.entries.get(unit) or replace(entry(), id=unit, record=unit[-20:-2])
        self.office.put(replace(one, **values))
        self.settled = False

    def _in(self, *statuses: str) -> list[tuple[str, int]]:
        return [at for at, found in self.office.xero.items() if found.status in statuses]

    def _drafts(self) -> list[tuple[str, int]]:
        """What a person may edit: drafts with lines that were read since they were last edited."""
        known = {(document.key, document.sequence) for document in open_drafts(self.office)}
        return [at for at in self._in("DRAFT") if at in known and self.office.xero[at].lines]

    def _edit(self, data: st.DataObject, change: object) -> None:
        at = data.draw(st.sampled_from(self._drafts()))
        found = self.office.xero[at]
        index = data.draw(st.integers(0, len(found.lines) - 1))
        assert callable(change)
        self.office.xero[at] = change(found, index)
        self.settled = False


class DecreasesAsLines(Histories):
    SETUP = rules(default_rate=Decimal(80), decrease="line", at_close="awaiting-approval")


class Rounded(Histories):
    SETUP = rules(default_rate=Decimal(80), round_minutes=15, round_mode="up", period="week")


class RoundedTogether(Histories):
    SETUP = rules(default_rate=Decimal(80), round_minutes=30, round_per="line", invoice_per=("xero_contact", "project"))


class Surcharged(Histories):
    SETUP = rules(
        default_rate=Decimal(80),
        surcharges=(Surcharge(name="Travel", percent=Decimal("7.5")),),
        at_close="awaiting-approval",
    )


def _worth_approving(document: Document) -> bool:
    return any(line.shares or line.foreign for line in document.lines)


def _with_travel(found: Found, _: int) -> Found:
    travel = FoundLine(id=f"t{len(found.lines)}{found.updated}", description="Travel", account="200")
    priced = replace(travel, quantity=Decimal(1), unit_amount=Decimal(50), tax_type="OUTPUT2")
    return computed(replace(found, lines=(*found.lines, priced)))


PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)  # explaining takes too long
COUNT = int(os.environ.get("HOURSTREAM_HISTORIES", "100"))  # of each kind; by hand 1500

TestHistories = Histories.TestCase
TestDecreasesAsLines = DecreasesAsLines.TestCase
TestRounded = Rounded.TestCase
TestRoundedTogether = RoundedTogether.TestCase
TestSurcharged = Surcharged.TestCase
for case in (TestHistories, TestDecreasesAsLines, TestRounded, TestRoundedTogether, TestSurcharged):
    case.settings = settings(max_examples=COUNT, stateful_step_count=30, deadline=None, phases=PHASES)

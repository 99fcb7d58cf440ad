"""After any history of entries, edits in Xero, locks and closings, at rest: every hour and cent is accounted for."""

from datetime import date
from decimal import Decimal

from billing_support import (
    ACME,
    ADA,
    BOB,
    BOLT,
    BRIDGE,
    TOWER,
    Office,
    computed,
    edited,
    entry,
    open_drafts,
    postings_by_unit,
    rules,
)
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from worker.billing import words
from worker.billing.corrections import Bucket, sums
from worker.billing.gates import OWN_RECORD
from worker.billing.model import Found, FoundLine, Out, Placed, Waiting
from worker.billing.postings import postings_of

CLIENTS = {TOWER: ("Tower", ACME), BRIDGE: ("Bridge", BOLT)}
hours = st.sampled_from(["0.3333", "1", "2.5", "7.75", "10", "0", "-1"])
numbers = st.integers(1, 6)


class Histories(RuleBasedStateMachine):
    """One office, its people, and whatever they do in whatever order."""

    def __init__(self) -> None:
        super().__init__()
        self.office = Office(rules(default_rate=Decimal(80)))
        self.settled = True

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
            entry(number, time, person=person, person_name=person[-4], project=project, project_name=name).id,
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

    @rule()
    def settle(self) -> None:
        self.office.settle()
        self.settled = True

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

    @rule(data=st.data(), status=st.sampled_from(["SUBMITTED", "AUTHORISED", "DELETED"]))
    @precondition(lambda self: self._drafts())
    def a_person_moves_a_draft_on(self, data: st.DataObject, status: str) -> None:
        self._edit(data, lambda found, _: computed(replace(found, status=status)))

    @rule(data=st.data(), status=st.sampled_from(["PAID", "VOIDED"]))
    @precondition(lambda self: self._in("AUTHORISED"))
    def an_approved_document_is_paid_or_voided(self, data: st.DataObject, status: str) -> None:
        at = data.draw(st.sampled_from(self._in("AUTHORISED")))
        self.office.xero[at] = computed(replace(self.office.xero[at], status=status))
        self.settled = False

    @rule(period=st.sampled_from(["2026-11", "2026-12"]))
    @precondition(lambda self: self.settled)
    def a_period_closes(self, period: str) -> None:
        self.office.closed.add(period)
        self.settled = False

    @invariant()
    def at_rest_everything_is_accounted_for(self) -> None:
        if not self.settled:
            return
        office = self.office
        assert office.settle() == 0
        self._lines_are_their_postings()
        verdicts, postings = office.verdicts(), postings_by_unit(office.documents())
        for unit, verdict in verdicts.items():
            of_unit = postings[unit]
            open_ones = [posting for posting in of_unit if posting.state == "open"]
            assert len(open_ones) <= 1
            if isinstance(verdict, Out) or (isinstance(verdict, Waiting) and not verdict.holds):
                assert open_ones == []
                self._taken_off(verdict, unit)
            elif isinstance(verdict, Placed):
                self._billed_once(verdict, unit)

    def _billed_once(self, verdict: Placed, unit: str) -> None:
        postings = postings_by_unit(self.office.documents())[unit]
        proposed = [correction for correction in self.office.corrections if correction.unit == unit]
        away = sums(Bucket().away(verdict, postings, "fixed"))
        here = Bucket().here(verdict, postings, "fixed")
        taken = sums(Bucket().here(verdict, postings, "suspended")).seconds  # not those of a client it has left
        if away.seconds or here:
            wanted = -away.seconds if away.seconds else verdict.seconds - sums(here).seconds - taken
            assert len(proposed) <= 1
            assert not any(posting.state == "open" for posting in postings)
            assert self._written_on(unit) or sum(each.seconds for each in proposed) == wanted
            return
        billed = sums([posting for posting in postings if posting.state == "open"]).seconds
        assert billed + taken == verdict.seconds or (billed == 0 and unit in self.office.waiting)
        assert proposed == []

    def _taken_off(self, verdict: Waiting | Out, unit: str) -> None:
        fixed = [posting for posting in postings_by_unit(self.office.documents())[unit] if posting.state == "fixed"]
        proposed = [correction for correction in self.office.corrections if correction.unit == unit]
        if verdict.reason not in OWN_RECORD:
            assert proposed == []
        elif not self._written_on(unit):
            assert sum(each.amount for each in proposed) == -sums(fixed).amount
            assert sum(each.seconds for each in proposed) == -sums(fixed).seconds

    def _written_on(self, unit: str) -> bool:
        """Whether a person changed the amount of a line that this unit is on."""
        lines = [line for document in self.office.documents() for line in document.lines if line.write_on]
        return any(share.unit == unit for line in lines for share in line.shares)

    def _lines_are_their_postings(self) -> None:
        for document in self.office.documents():
            found = self.office.xero[document.key, document.sequence]
            if document.status in words.GONE:
                continue
            lines_sum = sum((line.amount or Decimal(0) for line in found.lines), Decimal(0))
            theirs = sum((line.write_on for line in document.lines), Decimal(0))
            theirs += sum((line.amount for line in document.lines if line.foreign), Decimal(0))
            live = [posting for posting in postings_of(document) if posting.state != "suspended"]
            assert lines_sum == sums(live).amount + theirs

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


def _with_travel(found: Found, _: int) -> Found:
    travel = FoundLine(id=f"t{len(found.lines)}{found.updated}", description="Travel", account="200")
    priced = replace(travel, quantity=Decimal(1), unit_amount=Decimal(50), tax_type="OUTPUT2")
    return computed(replace(found, lines=(*found.lines, priced)))


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)

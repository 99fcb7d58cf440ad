"""The steps of Setup, in order: what each is about, the keys of the setup file it edits, and whether it is done."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from console.drafting import Draft, is_below

PATH = "/setup"
Standing = Literal["done", "wrong", "open"]


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `keys`: prefixes of the keys it edits; `needs`: what must be there before it counts as done."""

    name: str
    title: str
    about: str
    keys: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Its address."""
        return f"{PATH}/{self.name}"

    def standing(self, draft: Draft, connected: Collection[str]) -> Standing:
        """Whether it is done; `connected` are the services that are ("salesforce", "xero")."""
        if not self.keys:
            return "done" if {"salesforce", "xero"} <= set(connected) else "open"
        if any(draft.value(*need.split("."), default=None) in (None, "", []) for need in self.needs):
            return "open"
        if any(owner(problem.key) is self for problem in draft.problems()):
            return "wrong"
        return "done" if draft.text.strip() else "open"


STEPS: tuple[Step, ...] = (
    Step("connections", "Connections", "Sign Hourstream in to the Salesforce org and the Xero company."),
    Step(
        "time",
        "Time object and fields",
        "Which object time is logged in, and which of its fields say what.",
        ("source",),
        ("source.sobject", "source.fields.worked_on", "source.fields.person"),
    ),
    Step(
        "contact",
        "Xero contact",
        "How an entry finds the Xero contact that pays for it.",
        ("source.fields.xero_contact", "contacts"),
        ("source.fields.xero_contact",),
    ),
    Step(
        "rates",
        "Rates",
        "Where the hourly rate comes from, in order.",
        ("source.fields.rates", "billing.default_rate", "people.bill"),
    ),
    Step(
        "invoices", "Invoices", "From which day, how often, how grouped and worded.", ("billing",), ("billing.start",)
    ),
    Step("frequency", "Sync frequency", "When invoices are sent and states are read back.", ("schedule",)),
    Step("write-back", "Write back", "The fields in Salesforce that say what was billed.", ("source.write_back",)),
    Step("alerts", "Alerts and brake", "When Hourstream stops and asks, and whom it tells.", ("brake",)),
)


def step(name: str) -> Step:
    """The step of that name."""
    return next(each for each in STEPS if each.name == name)


def after(current: Step) -> Step | None:
    """The step that follows; None after the last."""
    place = STEPS.index(current) + 1
    return STEPS[place] if place < len(STEPS) else None


def owner(key: str) -> Step | None:
    """The step where a problem with this key is mended: the one that names it most closely."""
    found = [(len(prefix), each) for each in STEPS for prefix in each.keys if is_below(key, (prefix,))]
    return max(found, key=lambda pair: pair[0])[1] if found else None

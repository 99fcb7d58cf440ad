"""The stories that are searched; and the rules left out on purpose, each with the story that shows what it is for."""

from dataclasses import dataclass, replace

from tests.model.rules import REAL, Rules
from tests.model.world import Story

X, Y = "XXXXXXXX", "YYYYYYYY"

HOURS = Story("an entry changes twice", start=(("u", X, 1),), edits=(("u", X, 2), ("u", X, 3)))
FIRST = Story("a first draft", edits=(("u", X, 1), ("u", X, 2)))
UNNUMBERED = replace(FIRST, name="a first draft without a number", numbering="xero", edits=(("u", X, 1),))
APPROVED = Story("a person approves meanwhile", start=(("u", X, 1),), edits=(("u", X, 2),), people=("approve",))
EDITED = Story("a person edits meanwhile", start=(("u", X, 1),), edits=(("u", X, 2),), people=("edit",))
MOVED = Story("time moves between two drafts", start=(("u", X, 1),), edits=(("u", Y, 1),))
ASTRAY = Story("time moves before it was billed", edits=(("u", X, 1), ("u", Y, 1)), budget=0)
PAIR = Story("one leaves and one comes", start=(("u", X, 1),), edits=(("v", X, 1), ("u", "", 0)))
STORIES = (HOURS, FIRST, UNNUMBERED, APPROVED, EDITED, MOVED, ASTRAY, PAIR)


@dataclass(frozen=True)
class Plant:
    """A rule left out, in the story that finds it, and what is found."""

    left_out: str
    rules: Rules
    story: Story
    wrong: str


LOST = "a person's edit was lost: it was there when the draft was last read"
TAKEN_FOR_THEIRS = "u counts as changed by a person, and no person changed it"
PLANTS = (
    Plant("no slots, leases alone", replace(REAL, slots=False), HOURS, "u should be 3 h on X, and is not"),
    Plant("done by another's generation", replace(REAL, generations=False), HOURS, "u should be 3 h on X, and is not"),
    Plant(
        "adopting without comparing",
        replace(REAL, compared=False),
        HOURS,
        "Xero's document of X is not the ledger's",
    ),
    Plant(
        "a forgotten key used again without a look-up",
        replace(REAL, looked_up=False),
        UNNUMBERED,
        "u is on two live documents",
    ),
    Plant(
        "an update that does not state DRAFT",
        replace(REAL, drafts_only=False),
        APPROVED,
        "an approved document was changed",
    ),
    Plant("placing a unit that is on another", replace(REAL, at=False), ASTRAY, "u is on two live documents"),
    Plant("updating without a read just before", replace(REAL, fresh=False), EDITED, LOST),
    Plant("beginning on a record that has moved", replace(REAL, versions=False), EDITED, LOST),
    Plant("sending an update again without a read", replace(REAL, read_before_repeat=False), EDITED, LOST),
    Plant("forgetting the body of a dropped update", replace(REAL, remembered=False), APPROVED, TAKEN_FOR_THEIRS),
    Plant("sending long after begin", replace(REAL, timely=False), APPROVED, TAKEN_FOR_THEIRS),
    Plant("dropping what another has sent", replace(REAL, drops_alone=False), APPROVED, TAKEN_FOR_THEIRS),
    Plant(
        "sending on what could not be taken in",
        replace(REAL, taken_in=False),
        replace(EDITED, faults=("lapse",), budget=2),
        LOST,
    ),
)
DEEP_PLANTS = (
    Plant(
        "taking an edit in from an old look-up",
        replace(REAL, read_anew=False),
        replace(EDITED, faults=("lapse",), budget=2),
        TAKEN_FOR_THEIRS,
    ),
)

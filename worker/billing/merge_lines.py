"""One line of a document that a person may have edited in Xero."""

from decimal import Decimal

from msgspec.structs import replace

from worker.billing.match import same_numbers
from worker.billing.model import FoundLine, Line
from worker.billing.money import ZERO
from worker.billing.words import fold


def foreign(found: FoundLine, *, line_id: str = "") -> Line:
    """A person's own line: kept, and sent back untouched with its id."""
    return Line(
        id=line_id or found.id,
        description=found.description,
        quantity=found.quantity,
        unit_amount=found.unit_amount,
        discount=found.discount,
        amount=found.amount or ZERO,
        account=found.account,
        tax_type=found.tax_type,
        tracking=found.tracking,
        item=found.item,
        foreign=True,
    )


def merged_line(line: Line, found: FoundLine, *, taxed: bool) -> tuple[Line, str]:
    """A line of the document with a person's edit taken in, and what the edit was (empty: none)."""
    if line.foreign or (not line.shares and not same_numbers(line, found)):
        return foreign(found), ""
    theirs = chosen(line, found, taxed=taxed)
    kept = tuple(sorted({*line.kept, *theirs}))
    merged = replace(line, id=found.id or line.id, kept=kept, **{name: getattr(found, name) for name in theirs})
    if same_numbers(line, found):
        return merged, f"A person changed {', '.join(theirs)} of the line {line.description!r}." if theirs else ""
    return _fixed(merged, found), _numbers_note(line, found)


def chosen(line: Line, found: FoundLine | Line, *, taxed: bool) -> list[str]:
    """Which of the line's texts and codes a person chose."""
    differs = {
        "description": fold(line.description) != fold(found.description),
        "account": line.account != found.account,
        "tax_type": taxed and bool(line.tax_type) and line.tax_type != found.tax_type,
        "tracking": sorted(line.tracking) != sorted(found.tracking),
    }
    return [name for name, differ in differs.items() if differ]


def _fixed(line: Line, found: FoundLine) -> Line:
    """The line at their numbers; its shares stay ours, and the difference is written on or off."""
    amount = found.amount or ZERO
    ours = sum((share.amount for share in line.shares), ZERO)
    return replace(
        line,
        quantity=found.quantity,
        unit_amount=found.unit_amount,
        discount=found.discount,
        amount=amount,
        fixed=True,
        write_on=amount - ours,
    )


def _numbers_note(line: Line, found: FoundLine) -> str:
    was = _product(line.quantity, line.unit_amount, line.amount)
    now = _product(found.quantity, found.unit_amount, found.amount or ZERO)
    return f"A person changed the line {line.description!r} from {was} to {now}."


def _product(quantity: Decimal | None, price: Decimal | None, amount: Decimal) -> str:
    """As people write it: Xero answers with as many places as it likes."""
    if quantity is None or price is None:
        return _cents(amount)
    return f"{quantity.normalize():f} x {_cents(price)} = {_cents(amount)}"


def _cents(value: Decimal) -> str:
    short = f"{value.normalize():f}"
    return short if len(short.partition(".")[2]) > 2 else f"{value:.2f}"

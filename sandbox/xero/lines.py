"""Reading, checking and computing the lines of a document."""

from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import uuid4

from sandbox.xero import amounts
from sandbox.xero.books import Books
from sandbox.xero.chart import Account
from sandbox.xero.errors import RuleError
from sandbox.xero.fields import Fields
from sandbox.xero.records import Line

MAX_DESCRIPTION = 4000
MAX_TRACKING = 2
MAX_QUANTITY_CHARACTERS = 13


@dataclass(frozen=True)
class LineRules:
    """What decides how a line is read: the document's type, its amounts type, decimal places of prices, its lines."""

    type: str
    amounts: str
    unit_places: int
    approved: bool
    known: dict[str, Line]

    @property
    def sells(self) -> bool:
        """Whether the document is about sales (rather than purchases)."""
        return self.type.startswith("ACCREC")

    @property
    def is_credit(self) -> bool:
        """Whether the document is a credit note."""
        return self.type.endswith("CREDIT")


def read_lines(books: Books, rows: list[Fields], rules: LineRules) -> tuple[Line, ...]:
    """All lines of a body, computed. Raises RuleError with every problem found."""
    problems: list[str] = []
    lines = []
    for row in rows:
        try:
            lines.append(_read_line(books, row, rules))
        except RuleError as refused:
            problems.extend(refused.messages)
    if problems:
        raise RuleError(*problems)
    return tuple(lines)


def recompute(books: Books, line: Line, amounts_type: str, unit_places: int) -> Line:
    """The line again, its price at `unit_places` and its amounts as they follow from that."""
    if line.quantity is None or line.unit_amount is None:
        return line
    unit = _price(line.unit_amount, unit_places)
    total = amounts.line_total(line.quantity, unit, line.discount_rate, line.discount_amount)
    tax_type = "NONE" if amounts_type == "NoTax" else line.tax_type
    tax = amounts.line_tax(total, books.tax_percent(tax_type), amounts_type)
    return replace(line, unit_amount=unit, line_amount=total, tax_amount=tax, tax_type=tax_type)


def _read_line(books: Books, row: Fields, rules: LineRules) -> Line:
    old = _old_line(books, row, rules)
    line = Line(
        id=old.id,
        description=_description(row, old),
        quantity=_quantity(books, row, old),
        unit_amount=_unit(row, rules, old),
        discount_rate=row.decimal("DiscountRate") if row.has("DiscountRate") else old.discount_rate,
        discount_amount=row.decimal("DiscountAmount") if row.has("DiscountAmount") else old.discount_amount,
        tracking=_tracking(books, row) if row.rows("Tracking") is not None else old.tracking,
    )
    if row.has("ItemCode") and row.text("ItemCode"):
        raise RuleError(f"Item code '{row.text('ItemCode')}' is not valid")
    if rules.is_credit and (line.discount_rate or line.discount_amount):
        raise RuleError("Discounts cannot be given on credit notes")
    account = _account(books, row, rules, old)
    if line.quantity is None and line.unit_amount is None and not row.has("LineAmount"):
        return replace(line, account_code=account.code if account else "")
    return _charge(books, row, rules, _completed(row, rules, line), account, old)


def _old_line(books: Books, row: Fields, rules: LineRules) -> Line:
    line_id = row.guid("LineItemID")
    known = rules.known.get(line_id or "")
    if line_id and known is None and rules.known and books.switches["unknown_line"] == "refused":
        raise RuleError(f"The line item {line_id} could not be found on this document")
    if known is None:
        return Line(str(uuid4()), "")
    return known if books.switches["partial_line"] == "keeps" else Line(known.id, "")


def _description(row: Fields, old: Line) -> str:
    text = row.text("Description")
    description = old.description if text is None else text
    if not description.strip():
        raise RuleError("Description must be at least 1 character long")
    if len(description) > MAX_DESCRIPTION:
        raise RuleError(f"Description is longer than {MAX_DESCRIPTION} characters")
    return description


def _quantity(books: Books, row: Fields, old: Line) -> Decimal | None:
    sent = row.decimal("Quantity")
    if sent is None:
        return old.quantity
    quantity = amounts.four_places(sent) if abs(sent) < amounts.MAX_AMOUNT else sent
    if len(format(quantity.normalize(), "f")) > MAX_QUANTITY_CHARACTERS:
        raise RuleError(f"Quantity {sent} is longer than {MAX_QUANTITY_CHARACTERS} characters")
    if quantity < 0 and books.switches["negative_quantity"] == "refused":
        raise RuleError("Quantity cannot be negative")
    return quantity


def _unit(row: Fields, rules: LineRules, old: Line) -> Decimal | None:
    sent = row.decimal("UnitAmount")
    if sent is None:
        return old.unit_amount
    if abs(sent) > amounts.MAX_AMOUNT:
        raise RuleError(f"Unit amount {sent} is too large")
    return _price(sent, rules.unit_places)


def _price(value: Decimal, places: int) -> Decimal:
    return amounts.four_places(value) if places == 4 else amounts.cents(value)


def _completed(row: Fields, rules: LineRules, line: Line) -> Line:
    """A missing quantity is 1; a missing price follows from the line amount."""
    total = row.decimal("LineAmount")
    quantity = Decimal(1) if line.quantity is None else line.quantity
    unit = line.unit_amount
    if unit is None:
        unit = _price((total or Decimal(0)) / quantity, rules.unit_places) if quantity else Decimal(0)
    return replace(line, quantity=quantity, unit_amount=unit)


def _charge(books: Books, row: Fields, rules: LineRules, line: Line, account: Account | None, old: Line) -> Line:
    assert line.quantity is not None
    assert line.unit_amount is not None
    expected = amounts.line_total(line.quantity, line.unit_amount, line.discount_rate, line.discount_amount)
    total = row.decimal("LineAmount")
    if total is not None and row.has("UnitAmount") and amounts.cents(total) != expected:
        raise RuleError(f"The line total {total} does not match the expected line total {expected}")
    total = expected if total is None else amounts.cents(total)
    if abs(total) > amounts.MAX_AMOUNT:
        raise RuleError(f"The line total {total} is larger than {amounts.MAX_AMOUNT}")
    tax_type = _tax_type(books, row, rules, account, old)
    tax = row.decimal("TaxAmount") if rules.amounts != "NoTax" else None
    computed = amounts.line_tax(total, books.tax_percent(tax_type), rules.amounts)
    return replace(
        line,
        line_amount=total,
        account_code=account.code if account else "",
        tax_type=tax_type,
        tax_amount=computed if tax is None else amounts.cents(tax),
    )


def _account(books: Books, row: Fields, rules: LineRules, old: Line) -> Account | None:
    code, account_id = row.text("AccountCode") or "", row.guid("AccountID")
    if not code and account_id:
        code = next((account.code for account in books.accounts.values() if account.id == account_id), account_id)
    code = code or old.account_code
    if not code:
        if rules.approved and (row.has("Quantity") or row.has("UnitAmount") or row.has("LineAmount")):
            raise RuleError("Account code must be specified")
        return None
    account = books.accounts.get(code)
    if account is None or not account.takes_lines:
        raise RuleError(f"Account code '{code}' is not a valid code for this document.")
    if account.status != "ACTIVE":
        raise RuleError(f"Account code '{code}' has been archived or deleted")
    return account


def _tax_type(books: Books, row: Fields, rules: LineRules, account: Account | None, old: Line) -> str:
    if rules.amounts == "NoTax":
        return "NONE"
    tax_type = row.text("TaxType") or old.tax_type or (account.tax_type if account else "NONE")
    rate = books.tax_rates.get(tax_type)
    if rate is None or rate.status != "ACTIVE" or not (rate.sales if rules.sells else rate.purchases):
        raise RuleError(f"The TaxType code '{tax_type}' does not exist or cannot be used for this type of transaction.")
    return tax_type


def _tracking(books: Books, row: Fields) -> tuple[tuple[str, str], ...]:
    rows = row.rows("Tracking") or []
    if len(rows) > MAX_TRACKING:
        raise RuleError(f"A line can have at most {MAX_TRACKING} tracking categories")
    pairs = tuple(_tracking_pair(books, item) for item in rows)
    if len({category for category, _ in pairs}) != len(pairs):
        raise RuleError("A tracking category can be used only once on a line")
    return pairs


def _tracking_pair(books: Books, row: Fields) -> tuple[str, str]:
    category_id, name = row.guid("TrackingCategoryID"), row.text("Name")
    option_id, option_name = row.guid("TrackingOptionID"), row.text("Option")
    for category in books.tracking.values():
        if category.status != "ACTIVE" or (category.id != category_id if category_id else category.name != name):
            continue
        for option in category.options:
            if option.status == "ACTIVE" and (option.id == option_id if option_id else option.name == option_name):
                return category.id, option.id
        raise RuleError(f"The tracking option '{option_name or option_id}' does not exist in '{category.name}'")
    raise RuleError(f"The tracking category '{name or category_id}' does not exist")

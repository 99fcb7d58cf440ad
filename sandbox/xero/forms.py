"""Turning the site's forms into bodies of the API."""

from collections.abc import Mapping
from decimal import Decimal

from aiohttp import web

from sandbox.xero import wire
from sandbox.xero.books import Books
from sandbox.xero.errors import CallError, RuleError
from sandbox.xero.fields import Fields
from sandbox.xero.records import Document, Line
from sandbox.xero.wire import Json

Form = Mapping[str, str]
NEW = "new"


async def read(request: web.Request) -> Form:
    """The fields of a form; files are ignored."""
    posted = await request.post()
    # Browsers send line breaks as two characters; what nobody edited must stay as it was.
    return {name: value.replace("\r\n", "\n").strip() for name, value in posted.items() if isinstance(value, str)}


def line_items(document: Document, form: Form) -> list[Json]:
    """The lines as edited: `description-ID`, `quantity-ID`, `price-ID`, `account-ID`, `tax-ID`, `delete-ID`."""
    kept = [_line(line, form) for line in document.lines if not form.get(f"delete-{line.id}")]
    if not form.get(f"description-{NEW}"):
        return kept
    return [*kept, _line(Line(NEW, "", Decimal(1), Decimal(0), account_code="200"), form)]


def checked(body: Json) -> Fields:
    """A body whose amount was typed by a person. Raises RuleError when it is not a number."""
    fields = Fields(body, "form")
    try:
        fields.decimal("Amount")
    except CallError as error:
        raise RuleError("The amount is not a number") from error
    return fields


def tracking_names(books: Books, pair: tuple[str, str]) -> str:
    """`Region: North`."""
    category = books.tracking[pair[0]]
    return next(f"{category.name}: {option.name}" for option in category.options if option.id == pair[1])


def _line(line: Line, form: Form) -> Json:
    def typed(name: str, before: str) -> str:
        return form.get(f"{name}-{line.id}", before)

    shown: Json = {"Description": typed("description", line.description)}
    if line.id != NEW:
        shown["LineItemID"] = line.id
    tracking = [{"TrackingCategoryID": category, "TrackingOptionID": option} for category, option in line.tracking]
    quantity, price = typed("quantity", _plain(line.quantity)), typed("price", _plain(line.unit_amount))
    if not quantity and not price:
        return shown
    shown |= {"Quantity": quantity or "1", "UnitAmount": price or "0", "Tracking": tracking}
    shown |= {"AccountCode": typed("account", line.account_code)}
    if tax := typed("tax", line.tax_type):
        shown["TaxType"] = tax
    if line.discount_rate is not None:
        shown["DiscountRate"] = line.discount_rate
    if line.discount_amount is not None:
        shown["DiscountAmount"] = line.discount_amount
    return shown


def _plain(value: Decimal | None) -> str:
    return "" if value is None else str(wire.number(value))

"""The company's settings and lists (accounts, tax rates, currencies, tracking, themes), made into `Company`."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from worker.billing.model import Account, Company, TaxRate
from worker.xero.contacts import terms
from worker.xero.errors import Unreadable
from worker.xero.pages import records
from worker.xero.values import BadValueError, Json, day, flag, guid, items, nested, number, text, whole


def company(
    tenant: str,
    organisation: Any,
    accounts: Any,
    tax_rates: Any,
    currencies: Any,
    tracking: Any,
    themes: Any,
    *,
    read_at: str,
) -> Company:
    """The company from the six answers; entries without a code cannot be used on a line and are left out.

    Raises:
        Unreadable: an answer is not what its endpoint answers.
    """
    about = _about(organisation)
    return Company(
        tenant=tenant,
        name=text(about, "Name"),
        base_currency=text(about, "BaseCurrency"),
        timezone=text(about, "Timezone"),
        pays_tax=flag(about, "PaysTax", True),
        default_amounts=text(about, "DefaultSalesTax"),
        terms=terms(nested(about, "PaymentTerms")),
        accounts=tuple(_account(record) for record in _listed(accounts, "Accounts", "Code")),
        tax_rates=tuple(_tax_rate(record) for record in _listed(tax_rates, "TaxRates", "TaxType")),
        currencies=tuple(text(record, "Code") for record in _listed(currencies, "Currencies", "Code")),
        tracking=tuple(
            _category(record) for record in _listed(tracking, "TrackingCategories", "Name") if _active(record)
        ),
        themes=_themes(_listed(themes, "BrandingThemes", "Name")),
        locked_until=max(day(about, "PeriodLockDate"), day(about, "EndOfYearLockDate")),
        demo=is_demo(organisation),
        read_at=read_at,
    )


def is_demo(organisation: Any) -> bool:
    """Whether this answer is of a demo company. Raises as `company`."""
    return flag(_about(organisation), "IsDemoCompany", False)


def _about(organisation: Any) -> Json:
    about = next(iter(_listed(organisation, "Organisations", "Name")), None)
    if about is None:
        raise Unreadable("Xero answered no company.", "Connect to Xero again.")
    return about


def _listed(envelope: Any, resource: str, key: str) -> list[Json]:
    records(envelope, resource)
    return [record for record in items(envelope, resource) if text(record, key)]


def _active(record: Json) -> bool:
    return text(record, "Status") in {"", "ACTIVE"}


def _category(record: Json) -> tuple[str, tuple[str, ...]]:
    """A tracking category's name and those of its options that a line may still carry."""
    options = [option for option in items(record, "Options") if _active(option) and text(option, "Name")]
    return text(record, "Name"), tuple(text(option, "Name") for option in options)


def _themes(found: list[Json]) -> tuple[tuple[str, str], ...]:
    """Ids and names of the branding themes in the company's order (Xero: the default one has the SortOrder 0)."""
    ordered = sorted(found, key=lambda record: whole(record, "SortOrder") or 0)
    return tuple((id_, text(record, "Name")) for record in ordered if (id_ := guid(record, "BrandingThemeID")))


def _account(record: Json) -> Account:
    return Account(
        code=text(record, "Code"),
        name=text(record, "Name"),
        type=text(record, "Type"),
        tax_type=text(record, "TaxType"),
        status=text(record, "Status") or "ACTIVE",
    )


def _tax_rate(record: Json) -> TaxRate:
    return TaxRate(
        type=text(record, "TaxType"),
        name=text(record, "Name"),
        rate=_rate(record),
        status=text(record, "Status") or "ACTIVE",
        can_apply_to_revenue=flag(record, "CanApplyToRevenue", True),
    )


def _rate(record: Json) -> Decimal:
    try:
        return number(record, "EffectiveRate") or number(record, "DisplayTaxRate") or Decimal(0)
    except BadValueError:
        return Decimal(0)

"""What the company has before anybody works in it: accounts, tax rates, tracking, currencies, invoice themes."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from sandbox.xero.wire import Json, number

IdMaker = Callable[[str], str]

_CLASS = {
    "BANK": "ASSET",
    "CURRENT": "ASSET",
    "FIXED": "ASSET",
    "CURRLIAB": "LIABILITY",
    "EQUITY": "EQUITY",
    "REVENUE": "REVENUE",
    "OTHERINCOME": "REVENUE",
}


@dataclass(frozen=True)
class Account:
    """An account of the ledger. `system` names Xero's own accounts, which documents cannot be coded to."""

    id: str
    code: str
    name: str
    type: str
    tax_type: str
    status: str = "ACTIVE"
    system: str = ""

    @property
    def account_class(self) -> str:
        """Which part of the balance sheet or profit and loss it belongs to."""
        return _CLASS.get(self.type, "EXPENSE")

    @property
    def takes_lines(self) -> bool:
        """Whether a document's line may be coded to it at all."""
        return self.type != "BANK" and not self.system


@dataclass(frozen=True)
class TaxRate:
    """A tax rate in percent; `sales` and `purchases` say where it may be used."""

    type: str
    name: str
    rate: Decimal
    sales: bool
    purchases: bool
    status: str = "ACTIVE"


@dataclass(frozen=True)
class TrackingOption:
    """One value of a tracking category."""

    id: str
    name: str
    status: str = "ACTIVE"


@dataclass(frozen=True)
class TrackingCategory:
    """A way to split the ledger (region, department)."""

    id: str
    name: str
    options: tuple[TrackingOption, ...]
    status: str = "ACTIVE"


@dataclass(frozen=True)
class Theme:
    """How invoices are printed."""

    id: str
    name: str
    order: int


# code, name, type, tax type, status, system account
_ACCOUNTS = (
    ("090", "Business Bank Account", "BANK", "NONE", "ACTIVE", ""),
    ("091", "Business Savings Account", "BANK", "NONE", "ACTIVE", ""),
    ("200", "Sales", "REVENUE", "OUTPUT2", "ACTIVE", ""),
    ("201", "Consulting", "REVENUE", "OUTPUT2", "ACTIVE", ""),
    ("202", "Consulting Abroad", "REVENUE", "ZERORATEDOUTPUT", "ACTIVE", ""),
    ("205", "Sales (old)", "REVENUE", "OUTPUT2", "ARCHIVED", ""),
    ("260", "Other Revenue", "OTHERINCOME", "OUTPUT2", "ACTIVE", ""),
    ("270", "Interest Income", "OTHERINCOME", "NONE", "ACTIVE", ""),
    ("310", "Cost of Goods Sold", "DIRECTCOSTS", "INPUT2", "ACTIVE", ""),
    ("320", "Direct Wages", "DIRECTCOSTS", "NONE", "ACTIVE", ""),
    ("400", "Advertising & Marketing", "OVERHEADS", "INPUT2", "ACTIVE", ""),
    ("429", "General Expenses", "OVERHEADS", "INPUT2", "ACTIVE", ""),
    ("489", "Telephone & Internet", "OVERHEADS", "INPUT2", "ACTIVE", ""),
    ("610", "Accounts Receivable", "CURRENT", "NONE", "ACTIVE", "DEBTORS"),
    ("710", "Office Equipment", "FIXED", "INPUT2", "ACTIVE", ""),
    ("800", "Accounts Payable", "CURRLIAB", "NONE", "ACTIVE", "CREDITORS"),
    ("815", "Income in Advance", "CURRLIAB", "OUTPUT2", "ACTIVE", ""),
    ("820", "VAT", "CURRLIAB", "NONE", "ACTIVE", "GST"),
    ("860", "Rounding", "CURRLIAB", "NONE", "ACTIVE", "ROUNDING"),
    ("960", "Retained Earnings", "EQUITY", "NONE", "ACTIVE", "RETAINEDEARNINGS"),
)

TAX_RATES = (
    TaxRate("OUTPUT2", "20% (VAT on Income)", Decimal(20), True, False),
    TaxRate("INPUT2", "20% (VAT on Expenses)", Decimal(20), False, True),
    TaxRate("RROUTPUT", "5% (VAT on Income)", Decimal(5), True, False),
    TaxRate("RRINPUT", "5% (VAT on Expenses)", Decimal(5), False, True),
    TaxRate("ZERORATEDOUTPUT", "Zero Rated Income", Decimal(0), True, False),
    TaxRate("ZERORATEDINPUT", "Zero Rated Expenses", Decimal(0), False, True),
    TaxRate("EXEMPTOUTPUT", "Exempt Income", Decimal(0), True, False),
    TaxRate("EXEMPTINPUT", "Exempt Expenses", Decimal(0), False, True),
    TaxRate("NONE", "No VAT", Decimal(0), True, True),
    TaxRate("OUTPUT", "17.5% (VAT on Income)", Decimal("17.5"), True, False, "DELETED"),
)

CURRENCIES = {"GBP": "British Pound", "EUR": "Euro", "USD": "US Dollar"}
# What one unit of the base currency buys: the stand-in's exchange never moves.
CURRENCY_RATES = {"GBP": Decimal(1), "EUR": Decimal("1.16"), "USD": Decimal("1.31")}

_REPORT_TYPES = {"RROUTPUT": "OUTPUT", "RRINPUT": "INPUT", "OUTPUT2": "OUTPUT", "INPUT2": "INPUT"}


def accounts(make_id: IdMaker) -> dict[str, Account]:
    """The chart of accounts by code."""
    return {
        code: Account(make_id(f"account:{code}"), code, name, kind, tax, status, system)
        for code, name, kind, tax, status, system in _ACCOUNTS
    }


def tracking(make_id: IdMaker) -> dict[str, TrackingCategory]:
    """Two categories by id: Region and Department."""
    names = {
        "Region": ("North", "South", "Eastside", "West Coast"),
        "Department": ("Consulting", "Support", "Training"),
    }
    categories = [
        TrackingCategory(
            make_id(f"tracking:{name}"),
            name,
            tuple(TrackingOption(make_id(f"option:{name}:{option}"), option) for option in options),
        )
        for name, options in names.items()
    ]
    return {category.id: category for category in categories}


def themes(make_id: IdMaker) -> dict[str, Theme]:
    """Invoice themes by id; the first is the standard one."""
    found = [
        Theme(make_id(f"theme:{name}"), name, order) for order, name in enumerate(("Standard", "Special projects"))
    ]
    return {theme.id: theme for theme in found}


def account_shape(account: Account, updated: str, base_currency: str) -> Json:
    """An account as the API answers it."""
    bank: Json = {"BankAccountNumber": "20000012345678", "BankAccountType": "BANK", "CurrencyCode": base_currency}
    system: Json = {"SystemAccount": account.system} if account.system else {}
    return {
        "AccountID": account.id,
        "Code": account.code,
        "Name": account.name,
        "Status": account.status,
        "Type": account.type,
        "TaxType": account.tax_type,
        "Class": account.account_class,
        "EnablePaymentsToAccount": account.type == "EQUITY",
        "ShowInExpenseClaims": account.account_class == "EXPENSE",
        **(bank if account.type == "BANK" else {}),
        **system,
        "HasAttachments": False,
        "UpdatedDateUTC": updated,
        "AddToWatchlist": False,
    }


def tax_rate_shape(rate: TaxRate) -> Json:
    """A tax rate as the API answers it."""
    percent = number(rate.rate)
    return {
        "Name": rate.name,
        "TaxType": rate.type,
        "ReportTaxType": _REPORT_TYPES.get(rate.type, rate.type),
        "CanApplyToAssets": True,
        "CanApplyToEquity": True,
        "CanApplyToExpenses": rate.purchases,
        "CanApplyToLiabilities": True,
        "CanApplyToRevenue": rate.sales,
        "DisplayTaxRate": percent,
        "EffectiveRate": percent,
        "Status": rate.status,
        "TaxComponents": [{"Name": "VAT", "Rate": percent, "IsCompound": False, "IsNonRecoverable": False}],
    }


def tracking_shape(category: TrackingCategory) -> Json:
    """A tracking category with its options as the API answers it."""
    options = [
        {"TrackingOptionID": option.id, "Name": option.name, "Status": option.status} for option in category.options
    ]
    return {
        "Name": category.name,
        "Status": category.status,
        "TrackingCategoryID": category.id,
        "Options": options,
    }


def theme_shape(theme: Theme, created: str) -> Json:
    """An invoice theme as the API answers it."""
    return {
        "BrandingThemeID": theme.id,
        "Name": theme.name,
        "SortOrder": theme.order,
        "CreatedDateUTC": created,
        "Type": "INVOICE",
    }

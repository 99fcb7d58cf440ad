"""What setup files are checked against: a company's books, and how a file's problems are said."""

from dataclasses import dataclass
from decimal import Decimal

from tests.worker.setup.setup_support import EXAMPLE
from worker.billing.model import Account, Company, TaxRate
from worker.salesforce.client import SalesforceClient
from worker.setup import parse
from worker.setup.check import check

COMPANY = Company(
    tenant="t",
    name="Demo Ltd",
    base_currency="GBP",
    currencies=("GBP", "EUR"),
    accounts=(
        Account("200", "Sales", "REVENUE", "OUTPUT2"),
        Account("205", "Sales (old)", "REVENUE", "OUTPUT2", "ARCHIVED"),
        Account("260", "Other Revenue", "OTHERINCOME", "OUTPUT2"),
        Account("429", "General Expenses", "OVERHEADS", "INPUT2"),
    ),
    tax_rates=(
        TaxRate("OUTPUT2", "20% (VAT on Income)", Decimal(20)),
        TaxRate("INPUT2", "20% (VAT on Expenses)", Decimal(20), can_apply_to_revenue=False),
        TaxRate("OUTPUT", "17.5% (VAT on Income)", Decimal("17.5"), "DELETED"),
        TaxRate("NONE", "No VAT", Decimal(0)),
    ),
    timezone="GMTSTANDARDTIME",
    tracking=(("Region", ("North", "South")), ("Team", ())),
    themes=(("6b0dd7b4-1a3f-4c0e-8f0e-2f0c0a6d1e57", "Standard"), ("430fa14a-f945-44d3-9f97-5df5e28441b8", "Projects")),
)


@dataclass(frozen=True)
class Books:
    """A company that says what it is."""

    says: Company = COMPANY
    attaches: bool = True

    async def company(self) -> Company:
        return self.says

    async def can_attach(self) -> bool:
        return self.attaches


async def said(org: SalesforceClient, *changes: tuple[str, str], console_url: str = "") -> list[str]:
    """The problems of the documented example with some of its text replaced, without file name and line."""
    text = EXAMPLE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    found = await check(parse(text), org, Books(), console_url=console_url)
    lines = text.splitlines()
    for problem in found:
        key = problem.key.rpartition(".")[2].partition("[")[0]
        assert problem.line == 0 or key in lines[problem.line - 1], "each problem is on the line of its key"
    return [f"{item.key}: {item.what}. {item.remedy}" for item in found]

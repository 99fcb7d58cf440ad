"""What a unit is billed with: contact, currency, revenue account, tax type, amounts type.

Xero's API applies none of a contact's defaults, so each is resolved here, always sent, and checked against the
company's lists first: contact, then setup, then company. A value that Xero would refuse makes the unit wait, with the
one thing to mend as its cause.
"""

from typing import Final

from worker.billing import words
from worker.billing.model import Account, Amounts, Company, Contact, Entry, Rules, Waiting

NO_TAX: Final = "NONE"
REVENUE_TYPES: Final = frozenset({"REVENUE", "SALES", "OTHERINCOME"})  # Xero: the account types of class REVENUE


def contact_for(entry: Entry, contact: Contact | None) -> Contact | Waiting:
    """The contact to invoice. `contact` is the one the entry names, or the one that it was merged into."""
    named = entry.xero_contact
    if not named:
        return _no_contact(entry)
    if contact is None:
        text = f"Xero has no contact {named}: link {_where(entry)} to an existing Xero contact, or get contacts again."
        return Waiting("unknown-contact", text, f"contact:{named}", holds=True)
    who = contact.name or contact.id
    if contact.merged_to:
        text = f"{who} was merged into another Xero contact, which is not known here yet: get contacts from Xero."
        return Waiting("contact-merged", text, f"contact:{contact.merged_to}", holds=True)
    if contact.status == "GDPRREQUEST":
        text = f"{who} is blocked in Xero by a data protection request: link {_where(entry)} to another Xero contact."
        return Waiting("contact-blocked", text, f"contact:{contact.id}", holds=True)
    if contact.status != "ACTIVE":
        text = f"{who} is archived in Xero: restore the contact there, or link {_where(entry)} to another one."
        return Waiting("contact-archived", text, f"contact:{contact.id}", holds=True)
    return contact


def currency_for(entry: Entry, contact: Contact, company: Company) -> str | Waiting:
    """The invoice's currency: the entry's, else the contact's, else the company's."""
    currency = entry.currency or contact.currency or company.base_currency
    if currency and currency in {company.base_currency, *company.currencies}:
        return currency
    if not currency:
        text = (
            "Neither the entry nor the Xero contact nor the Xero company says a currency: reconnect the Xero company."
        )
        return Waiting("no-currency", text, "currency:none", holds=True)
    text = f"The Xero company has no currency {currency}: add it in Xero, or correct the currency of the entry."
    return Waiting("unknown-currency", text, f"currency:{currency}", holds=True)


def account_for(contact: Contact, rules: Rules, company: Company) -> Account | Waiting:
    """The revenue account: the contact's own default, else the setup's; it must exist, be active, and take revenue."""
    code = contact.account or rules.revenue_account
    if not code:
        text = f"No revenue account: set revenue_account in the setup, or a sales account on {contact.name} in Xero."
        return Waiting("no-account", text, "account:none", holds=True)
    account = next((each for each in company.accounts if each.code == code), None)
    if account is None:
        trouble = "does not exist in the Xero company"
    elif account.status != "ACTIVE":
        trouble = "is archived in Xero"
    elif account.type not in REVENUE_TYPES:
        trouble = f"is no revenue account (its type is {account.type})"
    else:
        return account
    where = f"on {contact.name} in Xero" if contact.account else "in the setup"
    text = f"The revenue account {code} {trouble}: choose another one {where}."
    return Waiting("account-invalid", text, f"account:{code}", holds=True)


def tax_type_for(contact: Contact, rules: Rules, account: Account, company: Company) -> str | Waiting:
    """The tax type: the contact's, else the setup's, else the revenue account's; none where the company pays no tax."""
    tax_type = contact.tax_type or rules.tax_type or account.tax_type or ("" if company.pays_tax else NO_TAX)
    if tax_type == NO_TAX:
        return tax_type
    if not tax_type:
        text = f"No tax type: set tax_type in the setup, or a default on the revenue account {account.code} in Xero."
        return Waiting("no-tax-type", text, f"account:{account.code}", holds=True)
    rate = next((each for each in company.tax_rates if each.type == tax_type), None)
    if rate is None:
        trouble = "does not exist in the Xero company"
    elif rate.status != "ACTIVE":
        trouble = "is no longer active in Xero"
    elif not rate.can_apply_to_revenue:
        trouble = "cannot be used for revenue"
    else:
        return tax_type
    text = f"The tax type {tax_type} {trouble}: choose another one for {contact.name}, in the setup, or on the account."
    return Waiting("tax-type-invalid", text, f"tax:{tax_type}", holds=True)


def amounts_for(contact: Contact, rules: Rules, company: Company) -> Amounts:
    """Whether amounts contain tax: the contact's default, else the setup's, else the company's, else they do not."""
    for text in (contact.amounts, rules.amounts, company.default_amounts):
        amounts = words.amounts(text)
        if amounts:
            return amounts
    return "exclusive" if company.pays_tax else "no-tax"


def _no_contact(entry: Entry) -> Waiting:
    text = f"No Xero contact: link {_where(entry)} to a Xero contact."
    return Waiting("no-contact", text, f"contact:project:{entry.project}" if entry.project else "entry")


def _where(entry: Entry) -> str:
    return f"the project {entry.project_name or entry.project}" if entry.project else "the entry"

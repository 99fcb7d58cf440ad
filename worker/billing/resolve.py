"""What a unit is billed with: contact, currency, revenue account, tax type, tracking, amounts type, branding theme.

Xero's API applies none of a contact's defaults, so each is resolved here, always sent, and checked against the
company's lists first: the entry's own mapped value, then the contact, then the setup, then the company. A value that
Xero would refuse makes the unit wait, with the one thing to mend as its cause.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from worker.billing import words
from worker.billing.model import Account, Amounts, Company, Contact, Entry, Terms, Tracking, Waiting
from worker.billing.rules import Rules

NO_TAX: Final = "NONE"
REVENUE_TYPES: Final = frozenset({"REVENUE", "SALES", "OTHERINCOME"})  # Xero: the account types of class REVENUE
ACCOUNT, TAX_TYPE, BRANDING = "revenue_account", "tax_type", "branding"  # further mapped names with a meaning


class Found(Struct, frozen=True):
    """A value, and where it was found: "the entry", "the contact", "the setup", "the account", "the company" or ""."""

    value: str = ""
    source: str = ""


def _first(**places: str) -> Found:
    """The first place that has a value."""
    return next((Found(text, f"the {place}") for place, text in places.items() if text), Found())


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
    currency = _currency(entry, contact, company).value
    if currency and currency in {company.base_currency, *company.currencies}:
        return currency
    if not currency:
        text = (
            "Neither the entry nor the Xero contact nor the Xero company says a currency: reconnect the Xero company."
        )
        return Waiting("no-currency", text, "currency:none", holds=True)
    text = f"The Xero company has no currency {currency}: add it in Xero, or correct the currency of the entry."
    return Waiting("unknown-currency", text, f"currency:{currency}", holds=True)


def account_for(entry: Entry, contact: Contact, rules: Rules, company: Company) -> Account | Waiting:
    """The revenue account: it must exist, be active, and take revenue."""
    found = _account(entry, contact, rules)
    if not found.value:
        text = f"No revenue account: set revenue_account in the setup, or a sales account on {contact.name} in Xero."
        return Waiting("no-account", text, "account:none", holds=True)
    where = f"on {contact.name} in Xero" if found.source == "the contact" else f"in {found.source}"
    return _usable_account(found.value, company, where)


def tax_type_for(entry: Entry, contact: Contact, rules: Rules, account: Account, company: Company) -> str | Waiting:
    """The tax type; none where nothing says one and the company pays no tax."""
    tax_type = _tax_type(entry, contact, rules, account, company).value
    if not tax_type:
        text = f"No tax type: set tax_type in the setup, or a default on the revenue account {account.code} in Xero."
        return Waiting("no-tax-type", text, f"account:{account.code}", holds=True)
    return _usable_tax_type(tax_type, company, contact.name)


def amounts_for(contact: Contact, rules: Rules, company: Company) -> Amounts:
    """Whether amounts contain tax: the contact's default, else the setup's, else the company's, else they do not."""
    return words.amounts(_amounts(contact, rules, company).value) or ("exclusive" if company.pays_tax else "no-tax")


def tracking_for(names: Mapping[str, str], contact: Contact, rules: Rules, company: Company) -> Tracking | Waiting:
    """Category and option of each tracking category, as the company spells them.

    By category: the mapped name's value, else the contact's own, else the setup's fixed text; without any, none.
    """
    known = {name.casefold(): (name, options) for name, options in company.tracking}
    chosen: dict[str, str] = {}
    for category, found in _tracking(names, contact, rules).items():
        option = found.value
        spelled, options = known.get(category.casefold(), ("", ()))
        match = next((each for each in options if words.fold(each).casefold() == words.fold(option).casefold()), None)
        if match is None:
            return _no_option(category, option, bool(spelled))
        chosen[spelled] = match
    return tuple(sorted(chosen.items()))


def branding_for(entry: Entry, contact: Contact, rules: Rules, company: Company) -> str | Waiting:
    """The id of the branding theme to print with, found by its name or id; "" in a company that has none."""
    said = words.fold(_branding(entry, contact, rules, company).value)
    theme = next((id_ for id_, name in company.themes if said.casefold() in (id_, words.fold(name).casefold())), "")
    if theme or not said:
        return theme
    text = f'The Xero company has no branding theme "{said}": add it there, or choose another one.'
    return Waiting("branding-invalid", text, branding_cause(said), holds=True)


def branding_cause(name: str) -> str:
    """What waits for a branding theme of this name, in whatever case it is written, waits for this."""
    return f"branding:{words.fold(name).casefold()}"


def terms_for(contact: Contact | None, rules: Rules, company: Company) -> Terms | int | None:
    """Payment terms, or days after the invoice: the contact's, else the setup's, else the company's, else none."""
    return next((terms for terms in _terms(contact, rules, company).values() if terms is not None), None)


def surcharge_trouble(rules: Rules, company: Company) -> Waiting | None:
    """Why a surcharge of the setup cannot be billed, if one cannot: its account or tax type is not usable."""
    for surcharge in rules.surcharges:
        where = f'in the setup, for the surcharge "{surcharge.name}"'
        if surcharge.account:
            account = _usable_account(surcharge.account, company, where)
            if isinstance(account, Waiting):
                return account
        if surcharge.tax_type:
            tax_type = _usable_tax_type(surcharge.tax_type, company, f'the surcharge "{surcharge.name}"')
            if isinstance(tax_type, Waiting):
                return tax_type
    return None


def sources_of(
    entry: Entry, contact: Contact, rules: Rules, company: Company, names: Mapping[str, str]
) -> dict[str, str]:
    """Where each of a line's values was found; `names` are those that the setup's templates may print."""
    account = Account(_account(entry, contact, rules).value, "", "")
    account = next((each for each in company.accounts if each.code == account.code), account)
    found = {
        "account": _account(entry, contact, rules),
        "tax_type": _tax_type(entry, contact, rules, account, company),
        "amounts": _amounts(contact, rules, company),
        "currency": _currency(entry, contact, company),
        "terms": _first(
            **{place: "" if terms is None else str(terms) for place, terms in _terms(contact, rules, company).items()}
        ),
    }
    found["branding"] = _branding(entry, contact, rules, company)
    found |= {f"tracking {category}": each for category, each in _tracking(names, contact, rules).items()}
    return {name: each.source for name, each in found.items() if each.source}


# ---- where each is looked for, in order ----------------------------------------------------------------------------


def _currency(entry: Entry, contact: Contact, company: Company) -> Found:
    return _first(entry=entry.currency, contact=contact.currency, company=company.base_currency)


def _account(entry: Entry, contact: Contact, rules: Rules) -> Found:
    return _first(entry=entry.extra.get(ACCOUNT, "").strip(), contact=contact.account, setup=rules.revenue_account)


def _tax_type(entry: Entry, contact: Contact, rules: Rules, account: Account, company: Company) -> Found:
    return _first(
        entry=entry.extra.get(TAX_TYPE, "").strip(),
        contact=contact.tax_type,
        setup=rules.tax_type,
        account=account.tax_type,
        company="" if company.pays_tax else NO_TAX,
    )


def _amounts(contact: Contact, rules: Rules, company: Company) -> Found:
    spelled = {"contact": contact.amounts, "setup": rules.amounts, "company": company.default_amounts}
    return _first(**{place: text if words.amounts(text) else "" for place, text in spelled.items()})


def _branding(entry: Entry, contact: Contact, rules: Rules, company: Company) -> Found:
    return _first(
        entry=entry.extra.get(BRANDING, "").strip(),
        contact=contact.branding,
        setup=rules.branding,
        company=next((id_ for id_, _ in company.themes), ""),
    )


def _terms(contact: Contact | None, rules: Rules, company: Company) -> dict[str, Terms | int | None]:
    return {"contact": contact.terms if contact else None, "setup": rules.due_days, "company": company.terms}


def _tracking(names: Mapping[str, str], contact: Contact, rules: Rules) -> dict[str, Found]:
    """Option by category; the setup's spelling of a category covers the contact's."""
    theirs = {category.casefold(): option for category, option in contact.tracking}
    wanted: dict[str, Found] = {}
    for category, said in rules.tracking:
        own, fixed = (names[said].strip(), "") if said in names else ("", said)
        wanted[category] = _first(entry=own, contact=theirs.pop(category.casefold(), ""), setup=fixed)
    others = {name: Found(option, "the contact") for name, option in contact.tracking if name.casefold() in theirs}
    return {category: found for category, found in (wanted | others).items() if found.value}


# ---- whether Xero takes it -----------------------------------------------------------------------------------------


def _usable_account(code: str, company: Company, where: str) -> Account | Waiting:
    account = next((each for each in company.accounts if each.code == code), None)
    if account is None:
        trouble = "does not exist in the Xero company"
    elif account.status != "ACTIVE":
        trouble = "is archived in Xero"
    elif account.type not in REVENUE_TYPES:
        trouble = f"is no revenue account (its type is {account.type})"
    else:
        return account
    text = f"The revenue account {code} {trouble}: choose another one {where}."
    return Waiting("account-invalid", text, f"account:{code}", holds=True)


def _usable_tax_type(tax_type: str, company: Company, who: str) -> str | Waiting:
    rate = next((each for each in company.tax_rates if each.type == tax_type), None)
    if tax_type == NO_TAX:
        return tax_type
    if rate is None:
        trouble = "does not exist in the Xero company"
    elif rate.status != "ACTIVE":
        trouble = "is no longer active in Xero"
    elif not rate.can_apply_to_revenue:
        trouble = "cannot be used for revenue"
    else:
        return tax_type
    text = f"The tax type {tax_type} {trouble}: choose another one for {who}, in the setup, or on the account."
    return Waiting("tax-type-invalid", text, f"tax:{tax_type}", holds=True)


def _no_option(category: str, option: str, known: bool) -> Waiting:
    if known:
        trouble = f'The tracking category {category} has no active option "{option}" in Xero: add or restore it there'
    else:
        trouble = f"The Xero company has no active tracking category {category}: add or restore it there"
    return Waiting("tracking-invalid", f"{trouble}, or choose another one.", f"tracking:{category}", holds=True)


def _no_contact(entry: Entry) -> Waiting:
    text = f"No Xero contact: link {_where(entry)} to a Xero contact."
    cause = entry.linked or entry.project
    return Waiting("no-contact", text, f"contact:project:{cause}" if cause else "entry")


def _where(entry: Entry) -> str:
    return f"the project {entry.project_name or entry.project}" if entry.project else "the entry"

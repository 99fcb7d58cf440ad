"""The company itself as the API answers it."""

from sandbox.xero.books import Books
from sandbox.xero.wire import Json, day_pair, ms_date


def organisation_shape(books: Books) -> Json:
    """The organisation: base currency, timezone, tax defaults, lock dates, payment terms."""
    organisation = books.organisation
    locks: Json = {}
    for field, day in (("PeriodLockDate", organisation.period_lock), ("EndOfYearLockDate", organisation.year_end_lock)):
        if day is not None:
            locks[field] = day_pair("Day", day)["Day"]
    terms: Json = {}
    if organisation.sales_terms is not None:
        terms = {"Sales": {"Day": organisation.sales_terms[0], "Type": organisation.sales_terms[1]}}
    return {
        "Name": organisation.name,
        "LegalName": organisation.name,
        "PaysTax": organisation.pays_tax,
        "Version": organisation.version,
        "OrganisationType": "COMPANY",
        "BaseCurrency": organisation.base_currency,
        "CountryCode": organisation.country,
        "IsDemoCompany": organisation.is_demo,
        "OrganisationStatus": "ACTIVE",
        "TaxNumber": "GB 123456789",
        "FinancialYearEndDay": 31,
        "FinancialYearEndMonth": 3,
        "SalesTaxBasis": "ACCRUAL",
        "SalesTaxPeriod": "QUARTERLY",
        "DefaultSalesTax": organisation.default_sales_tax,
        "DefaultPurchasesTax": organisation.default_purchases_tax,
        **locks,
        "CreatedDateUTC": ms_date(books.created),
        "OrganisationEntityType": "COMPANY",
        "Timezone": organisation.timezone,
        "ShortCode": "!Demo1",
        "OrganisationID": books.tenant_id,
        "Edition": "BUSINESS",
        "Class": "DEMO" if organisation.is_demo else "PREMIUM",
        "Addresses": [],
        "Phones": [],
        "ExternalLinks": [],
        "PaymentTerms": terms,
    }

"""The objects of the stand-in's org: a Field Service org that tracks time on its own TimeEntry__c."""

from typing import Any

from sandbox.salesforce.schema import (
    Field,
    SObject,
    checkbox,
    currency,
    long_text,
    lookup,
    number,
    picklist,
    plain,
    text,
)

CURRENCIES = ("GBP", "EUR", "USD")
COMPANY_CURRENCY = CURRENCIES[0]

_READ_ONLY: dict[str, Any] = {"createable": False, "updateable": False}
_HIDDEN_IN_EVENTS: dict[str, Any] = {**_READ_ONLY, "in_events": False}


def _currency_code() -> Field:
    return picklist("CurrencyIsoCode", CURRENCIES, COMPANY_CURRENCY, "Currency ISO Code")


def _record(name: Field, *own: Field, owner: bool = True, currency_code: bool = True) -> tuple[Field, ...]:
    """Own fields between the standard ones, in the order Salesforce keeps them."""
    return (
        plain("Id", "id", "Record ID", length=18, nillable=False, in_events=False, **_READ_ONLY),
        *((lookup("OwnerId", "User", "Owner ID", nillable=False),) if owner else ()),
        checkbox("IsDeleted", label="Deleted", **_HIDDEN_IN_EVENTS),
        name,
        *((_currency_code(),) if currency_code else ()),
        plain("CreatedDate", "datetime", "Created Date", nillable=False, **_READ_ONLY),
        lookup("CreatedById", "User", "Created By ID", nillable=False, **_READ_ONLY),
        plain("LastModifiedDate", "datetime", "Last Modified Date", nillable=False, **_READ_ONLY),
        lookup("LastModifiedById", "User", "Last Modified By ID", nillable=False, **_READ_ONLY),
        plain("SystemModstamp", "datetime", "System Modstamp", nillable=False, **_HIDDEN_IN_EVENTS),
        *own,
    )


def _name(length: int = 80) -> Field:
    return text("Name", length, nillable=False)


def _auto_name(pattern: str) -> Field:
    return text("Name", 80, nillable=False, auto_number=pattern, **_READ_ONLY)


def _address(prefix: str) -> tuple[Field, ...]:
    compound = f"{prefix}Address"
    return (
        plain(f"{prefix}Street", "textarea", length=255, compound=compound),
        text(f"{prefix}City", 40, compound=compound),
        text(f"{prefix}State", 80, compound=compound),
        text(f"{prefix}PostalCode", 20, compound=compound),
        text(f"{prefix}Country", 80, compound=compound),
    )


TIME_ENTRY = SObject(
    "TimeEntry__c",
    "a00",
    "Time Entry",
    "Time Entries",
    _record(
        _auto_name("TE-{:05d}"),
        number("Hours__c"),
        number("Minutes__c", 18, 0),
        plain("Start__c", "datetime"),
        plain("End__c", "datetime"),
        plain("Work_Date__c", "date"),
        long_text("Description__c"),
        lookup("Project__c", "Project__c"),
        checkbox("Billable__c"),
        currency("Rate__c"),
        picklist("Status__c", ("Draft", "Submitted", "Approved", "Rejected"), "Draft"),
        text("Xero_Invoice_ID__c", 50, "Xero Invoice ID"),
        text("Xero_Invoice_Number__c", 50),
        text("Xero_Invoice_Status__c", 50),
        long_text("Xero_Billed__c"),
        text("Xero_Problem__c", 255),
    ),
)

PROJECT = SObject(
    "Project__c",
    "a01",
    "Project",
    "Projects",
    _record(
        _name(),
        lookup("Xero_Contact__c", "Xero_Contact__c"),
        lookup("Account__c", "Account"),
        currency("Hourly_Rate__c"),
        text("PO__c", 50, "PO"),
    ),
)

XERO_CONTACT = SObject(
    "Xero_Contact__c",
    "a02",
    "Xero Contact",
    "Xero Contacts",
    _record(
        _name(),
        text("Contact_ID__c", 50, "Contact ID", external_id=True, unique=True),
        plain("Email__c", "email", length=80),
        text("Status__c", 50),
        plain("Phone__c", "phone", length=40),
        text("Account_Number__c", 50),
    ),
)

# The first 23 fields of its change event stand where Salesforce's own bitmap examples expect them.
ACCOUNT = SObject(
    "Account",
    "001",
    "Account",
    "Accounts",
    (
        plain("Id", "id", "Account ID", length=18, nillable=False, in_events=False, **_READ_ONLY),
        checkbox("IsDeleted", label="Deleted", **_HIDDEN_IN_EVENTS),
        _name(255),
        picklist("Type", ("Prospect", "Customer", "Partner", "Other")),
        lookup("ParentId", "Account", "Parent Account ID"),
        *_address("Billing"),
        *_address("Shipping"),
        plain("Phone", "phone", length=40),
        plain("Fax", "phone", length=40),
        text("AccountNumber", 40),
        plain("Website", "url", length=255),
        text("Sic", 20),
        text("Industry", 255),
        currency("AnnualRevenue", 0),
        plain("NumberOfEmployees", "int", precision=8),
        text("Ownership", 255),
        text("TickerSymbol", 20),
        long_text("Description", 32000),
        text("Rating", 255),
        text("Site", 80),
        lookup("OwnerId", "User", "Owner ID", nillable=False),
        plain("CreatedDate", "datetime", "Created Date", nillable=False, **_READ_ONLY),
        lookup("CreatedById", "User", "Created By ID", nillable=False, **_READ_ONLY),
        plain("LastModifiedDate", "datetime", "Last Modified Date", nillable=False, **_READ_ONLY),
        lookup("LastModifiedById", "User", "Last Modified By ID", nillable=False, **_READ_ONLY),
        plain("SystemModstamp", "datetime", "System Modstamp", nillable=False, **_HIDDEN_IN_EVENTS),
        _currency_code(),
        text("Xero_Contact_ID__c", 50, "Xero Contact ID", external_id=True, unique=True),
    ),
)

USER = SObject(
    "User",
    "005",
    "User",
    "Users",
    _record(
        text("Name", 121, nillable=False, calculated=True, **_READ_ONLY),
        text("FirstName", 40),
        text("LastName", 80, nillable=False),
        plain("Email", "email", length=128, nillable=False),
        text("Username", 80, nillable=False, unique=True),
        text("Alias", 8, nillable=False),
        checkbox("IsActive", default=True, label="Active"),
        text("TimeZoneSidKey", 40, default="Europe/London"),
        text("LocaleSidKey", 40, default="en_GB"),
        text("EmailEncodingKey", 40, default="UTF-8"),
        text("LanguageLocaleKey", 40, default="en_US"),
        owner=False,
    ),
)

ORGANIZATION = SObject(
    "Organization",
    "00D",
    "Organization",
    "Organizations",
    _record(
        _name(),
        checkbox("IsSandbox"),
        text("OrganizationType", 40),
        text("InstanceName", 5),
        text("DefaultLocaleSidKey", 40),
        text("LanguageLocaleKey", 40),
        text("TimeZoneSidKey", 40),
        owner=False,
        currency_code=False,
    ),
    createable=False,
)

CURRENCY_TYPE = SObject(
    "CurrencyType",
    "01L",
    "Currency Type",
    "Currency Types",
    (
        plain("Id", "id", "Currency Type ID", length=18, nillable=False, in_events=False, **_READ_ONLY),
        picklist("IsoCode", CURRENCIES, label="Currency ISO Code"),
        number("ConversionRate", 18, 6),
        plain("DecimalPlaces", "int", precision=1),
        checkbox("IsActive", default=True, label="Active"),
        checkbox("IsCorporate", label="Corporate Currency"),
        plain("CreatedDate", "datetime", "Created Date", nillable=False, **_READ_ONLY),
        lookup("CreatedById", "User", "Created By ID", nillable=False, **_READ_ONLY),
        plain("LastModifiedDate", "datetime", "Last Modified Date", nillable=False, **_READ_ONLY),
        lookup("LastModifiedById", "User", "Last Modified By ID", nillable=False, **_READ_ONLY),
        plain("SystemModstamp", "datetime", "System Modstamp", nillable=False, **_HIDDEN_IN_EVENTS),
    ),
    createable=False,
)

WORK_ORDER = SObject(
    "WorkOrder",
    "0WO",
    "Work Order",
    "Work Orders",
    _record(
        text("WorkOrderNumber", 255, nillable=False, auto_number="{:08d}", **_READ_ONLY),
        text("Subject", 255),
        picklist("Status", ("New", "In Progress", "On Hold", "Completed", "Closed", "Canceled"), "New"),
        lookup("AccountId", "Account", "Account ID"),
    ),
)

TIME_SHEET = SObject(
    "TimeSheet",
    "0hA",
    "Time Sheet",
    "Time Sheets",
    _record(
        text("TimeSheetNumber", 255, nillable=False, auto_number="TS-{:04d}", **_READ_ONLY),
        plain("StartDate", "date", "Start Date", nillable=False),
        plain("EndDate", "date", "End Date", nillable=False),
        picklist("Status", ("New", "Submitted", "Approved"), "New"),
    ),
)

TIME_SHEET_ENTRY = SObject(
    "TimeSheetEntry",
    "0hB",
    "Time Sheet Entry",
    "Time Sheet Entries",
    _record(
        text("TimeSheetEntryNumber", 255, nillable=False, auto_number="TSE-{:04d}", **_READ_ONLY),
        lookup("TimeSheetId", "TimeSheet", "Time Sheet ID", nillable=False, updateable=False),
        plain("StartTime", "datetime", "Start Time"),
        plain("EndTime", "datetime", "End Time"),
        plain("DurationInMinutes", "int", "Duration In Minutes", precision=9, calculated=True, **_READ_ONLY),
        picklist("Status", ("New", "Submitted", "Approved"), "New"),
        text("Subject", 255),
        long_text("Description", 32000),
        picklist("Type", ("Direct", "Indirect"), "Direct"),
        lookup("WorkOrderId", "WorkOrder", "Work Order ID"),
        text("LocationTimeZone", 40),
        owner=False,
    ),
)

OBJECTS = (
    TIME_ENTRY,
    PROJECT,
    XERO_CONTACT,
    ACCOUNT,
    USER,
    ORGANIZATION,
    CURRENCY_TYPE,
    WORK_ORDER,
    TIME_SHEET,
    TIME_SHEET_ENTRY,
)

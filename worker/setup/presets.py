"""Setup files to start from, for the ways time is commonly tracked in Salesforce."""

from __future__ import annotations

from dataclasses import dataclass

PLACEHOLDER_START = "2026-11-01"  # the day that stands in the texts below

_BILLING = """
[schedule]
invoices = "preview"                      # nothing is written to Xero yet; "live" when the preview is right

[billing]
start = 2026-11-01                        # time worked before this day is never billed here
revenue_account = "200"

[contacts]
sobject = "Xero_Contact__c"
external_id = "Contact_ID__c"
[contacts.fields]
Name = "Name"
"""

_TIME_ENTRY = """\
[source]
sobject = "TimeEntry__c"

[source.fields]
hours = "Hours__c"
worked_on = "Work_Date__c"
person = "OwnerId"
person_name = "Owner.Name"
project = "Project__c"
project_name = "Project__r.Name"
xero_contact = "Project__r.Xero_Contact__r.Contact_ID__c"
billable = "Billable__c"
rates = ["Rate__c", "people", "Project__r.Hourly_Rate__c"]

[source.approved]
field = "Status__c"
values = ["Approved"]
withdrawn = ["Rejected"]

[source.write_back]
invoice_id = "Xero_Invoice_ID__c"
invoice_number = "Xero_Invoice_Number__c"
invoice_status = "Xero_Invoice_Status__c"
billed = "Xero_Billed__c"
problem = "Xero_Problem__c"
"""

_FIELD_SERVICE = """\
[source]
sobject = "TimeSheetEntry"

[source.fields]
start = "StartTime"
end = "EndTime"
worked_on = "StartTime"
person = "TimeSheet.OwnerId"
person_name = "TimeSheet.Owner.Name"
project = "WorkOrderId"
project_name = "WorkOrder.WorkOrderNumber"
xero_contact = "WorkOrder.Account.Xero_Contact_ID__c"   # a text field to add to Account
rates = ["people"]

[source.approved]
field = "Status"
values = ["Approved"]

[source.write_back]                       # fields to add to Time Sheet Entry
invoice_number = "Xero_Invoice_Number__c"
billed = "Xero_Billed__c"
problem = "Xero_Problem__c"
"""

_PK4 = """\
# The API names of PK4 TimeTracker are not public: replace every Fill_In name by what Object Manager shows.
[source]
sobject = "Fill_In_TT_Detail__c"          # the object behind the tab TT Details

[source.fields]
hours = "Fill_In_Hours__c"
worked_on = "Fill_In_Start_Date__c"
person = "Fill_In_TT_User__c"
person_name = "Fill_In_TT_User__r.Name"
project = "Fill_In_Project__c"
project_name = "Fill_In_Project__r.Name"
xero_contact = "Fill_In_Project__r.Xero_Contact__r.Contact_ID__c"
rates = ["people", "Fill_In_TT_User__r.Fill_In_Hourly_Billing_Rate__c"]

[source.approved]
field = "Fill_In_Approval_Status__c"
values = ["Approved"]
"""

_MILESTONES = """\
# Not tried against a real org: check every name in Object Manager.
[source]
sobject = "Milestone1_Time__c"

[source.fields]
hours = "Hours__c"
worked_on = "Date__c"
person = "Incurred_By__c"
person_name = "Incurred_By__r.Name"
project = "Project_Task__c"
project_name = "Project_Task__r.Name"
xero_contact = "Project_Task__r.Xero_Contact__r.Contact_ID__c"   # a lookup to add to the task
rates = ["people"]
"""

_CERTINIA = """\
# Not tried against a real org: check every name in Object Manager. A timecard is split by project, so the object is the
# split. It holds a week's hours, billed on its first day: more than 24 of them wait until a person bills them anyway.
[source]
sobject = "pse__Timecard__c"

[source.fields]
hours = "pse__Total_Hours__c"
worked_on = "pse__Start_Date__c"
person = "pse__Resource__c"
person_name = "pse__Resource__r.Name"
project = "pse__Project__c"
project_name = "pse__Project__r.Name"
xero_contact = "pse__Project__r.pse__Account__r.Xero_Contact_ID__c"   # a text field to add to Account
billable = "pse__Billable__c"
already_billed = "pse__Billed__c"         # billed by Certinia itself
rates = ["pse__Bill_Rate__c", "people"]

[source.approved]
field = "pse__Approved__c"
values = [true]
"""

_KLIENT = """\
# Not tried against a real org: check every name in Object Manager.
[source]
sobject = "Krow__Timesheet_Split__c"

[source.fields]
hours = "Krow__Hours__c"
worked_on = "Krow__Date__c"
description = "Krow__Notes__c"
person = "Krow__Project_Resource__c"
person_name = "Krow__Project_Resource__r.Name"
project = "Krow__Project__c"
project_name = "Krow__Project__r.Name"
xero_contact = "Krow__Project__r.Xero_Contact__r.Contact_ID__c"   # a lookup to add to the project
rates = ["people"]

[source.approved]
field = "Krow__Timesheet__r.Krow__Approval_Status__c"
values = ["Approved"]
"""


@dataclass(frozen=True, slots=True)
class Preset:
    """A setup file to start from. `verified`: its names are the real ones, not ours to guess."""

    name: str
    title: str
    verified: bool
    text: str


PRESETS: tuple[Preset, ...] = (
    Preset("time-entry", "A time entry object of your own (TimeEntry__c)", True, _TIME_ENTRY + _BILLING),
    Preset("field-service", "Field Service: Time Sheet Entry", True, _FIELD_SERVICE + _BILLING),
    Preset("pk4-timetracker", "PK4 TimeTracker: names to fill in", False, _PK4 + _BILLING),
    Preset("milestones-pm", "Milestones PM: an unverified example", False, _MILESTONES + _BILLING),
    Preset("certinia-psa", "Certinia PSA: an unverified example", False, _CERTINIA + _BILLING),
    Preset("klient-psa", "Klient PSA: an unverified example", False, _KLIENT + _BILLING),
)


def preset(name: str) -> Preset | None:
    """The preset of that name."""
    return next((item for item in PRESETS if item.name == name), None)

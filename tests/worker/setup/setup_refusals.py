"""Setup files with something wrong in them, and everything that is said about each."""

from tests.worker.setup.setup_support import SMALLEST, smallest

REFUSED: list[tuple[str, list[str]]] = [
    (
        "",
        [
            "1: source: is missing. Add a table [source]: where time is tracked.",
            "1: billing: is missing. Add a table [billing]: what becomes an invoice.",
        ],
    ),
    (
        "[source\n",
        [
            (
                "1: this is not TOML: Expected ']' at the end of a table declaration. "
                "Write tables as [name] and values as key = value, texts in quotes."
            )
        ],
    ),
    (
        smallest(billing='perod = "month"'),
        ['9: billing.perod: unknown key. Did you mean "period"?'],
    ),
    (
        SMALLEST + "[shedule]\n",
        ['10: shedule: unknown key. Did you mean "schedule"?'],
    ),
    (
        smallest(schedule="zzz = 1"),
        [
            (
                "11: schedule.zzz: unknown key. "
                "Known here: contacts, invoices, reconcile, refresh, settle, settle_max, statuses."
            )
        ],
    ),
    (
        smallest(people="[[people.person]]\nrtae = 1"),
        [
            (
                "11: people.person[1].id: is missing. "
                "Add id = …: the person's record id, as the mapped `person` field holds it."
            ),
            '12: people.person[1].rtae: unknown key. Did you mean "rate"?',
        ],
    ),
    (
        SMALLEST.replace("2026-11-01", '"2026-11-01"'),
        [
            (
                '9: billing.start: "2026-11-01" is no day. '
                "Write it without quotes and without a time, for example 2026-11-01."
            )
        ],
    ),
    (
        SMALLEST.replace("2026-11-01", "2026-11-01T10:00:00Z"),
        [
            (
                "9: billing.start: 2026-11-01 10:00:00+00:00 is no day. "
                "Write it without quotes and without a time, for example 2026-11-01."
            )
        ],
    ),
    (
        SMALLEST.replace("start = 2026-11-01\n", ""),
        ["8: billing.start: is missing. Add start = …: time worked before this day is never billed here."],
    ),
    (
        SMALLEST.replace('hours = "Hours__c"\n', ""),
        ['3: source.fields: no quantity is mapped. Map hours = "…", or minutes = "…", or start = "…" with end = "…".'],
    ),
    (
        smallest(source__fields='minutes = "Minutes__c"'),
        [
            (
                '4: source.fields.minutes: the quantity is already mapped by "hours". '
                'Map hours = "…", or minutes = "…", or start = "…" with end = "…".'
            )
        ],
    ),
    (
        SMALLEST.replace('hours = "Hours__c"', 'start = "Start__c"'),
        ['4: source.fields.start: is mapped without "end". Map end = "…" too.'],
    ),
    (
        smallest(source__fields='billible = "Billable__c"'),
        [
            (
                "4: source.fields.billible: is no known name, and too close to one to be a name of your own. "
                'Did you mean "billable"? Else choose another name.'
            )
        ],
    ),
    (
        smallest(source__fields='Weird-Name = "X__c"\nday = "Y__c"'),
        [
            "4: source.fields.Weird-Name: cannot be a name. Use small letters, digits and _, beginning with a letter.",
            "5: source.fields.day: this name has a meaning of its own. Choose another name.",
        ],
    ),
    (
        smallest(source__fields='project = "Id FROM User WHERE Name LIKE \'%"'),
        [
            (
                '4: source.fields.project: "Id FROM User WHERE Name LIKE \'%" is no path to a field. '
                'Write API names with dots between them, such as "Project__r.Name".'
            )
        ],
    ),
    (
        smallest(
            source__fields='project_name = "Project__c.Name"\nperson_name = "OwnerId.Name"\nproject = "Project__r"'
        ),
        [
            (
                '4: source.fields.project_name: "Project__c.Name" has the field Project__c where a relationship '
                'is needed. Write "Project__r" there.'
            ),
            (
                '5: source.fields.person_name: "OwnerId.Name" has the field OwnerId where a relationship is needed. '
                'Write "Owner" there.'
            ),
            (
                '6: source.fields.project: "Project__r" ends in a relationship. '
                'Add the field to read there, such as "Project__r.Name".'
            ),
        ],
    ),
    (
        smallest(source__fields='project = "A__r.B__r.C__r.D__r.E__r.F__r.G__c"'),
        [
            (
                '4: source.fields.project: "A__r.B__r.C__r.D__r.E__r.F__r.G__c" goes over 6 relationships. '
                "Salesforce follows 5 at most: add a formula field nearer to the entry."
            )
        ],
    ),
    (
        SMALLEST.replace('"Contact_ID__c"', '"link(Project__r)"'),
        [
            (
                '7: source.fields.xero_contact: "Project__r" ends in a relationship. '
                'Add the field to read there, such as "Project__r.Name".'
            )
        ],
    ),
    (
        smallest(
            source__fields='already_billed = "Xero_Invoice_ID__c"',
            source__write_back='invoice_id = "xero_invoice_id__c"',
        ),
        [
            (
                '12: source.write_back.invoice_id: "xero_invoice_id__c" is also read, as already_billed. '
                "Write to a field that nothing else is read from."
            )
        ],
    ),
    (
        smallest(source__write_back='invoice_id = "X__c"\nproblem = "X__c"\nbilled = "A__r.B__c"'),
        [
            '12: source.write_back.problem: "X__c" is already written with invoice_id. Give each a field of its own.',
            (
                '13: source.write_back.billed: "A__r.B__c" is a path. '
                'Write the API name of one field of the object, such as "Status__c".'
            ),
        ],
    ),
    (
        smallest(source__approved='field = "Status__c"\nvalues = []'),
        ['12: source.approved.values: names no value: nothing would ever be billed. Write ["Approved"].'],
    ),
    (
        smallest(source__approved='field = "Status__c"\nvalues = "Approved"'),
        ['12: source.approved.values: "Approved" is not a list. Write it in brackets, such as ["first", "second"].'],
    ),
    (
        smallest(source__approved='field = "Status__c"\nvalues = ["Approved"]\nwithdrawn = ["Approved"]'),
        ['13: source.approved.withdrawn: "Approved" is also among values. Leave it out of one of them.'],
    ),
    (
        smallest(schedule='invoices = "livee"\nsettle = 5\nstatuses = "0s"'),
        [
            (
                '11: schedule.invoices: "livee" is no schedule. Write "preview", "live", "off", a duration such as '
                '"15m", or a cron line such as "0 18 * * 5".'
            ),
            '12: schedule.settle: 5 is no duration. Write a number and a unit: "5s", "15m", "1h" or "5d".',
            '13: schedule.statuses: "0s" is no time at all. Write how often, for example "15m" or "1h".',
        ],
    ),
    (
        smallest(schedule='settle = "2m"'),
        ["11: schedule.settle: settle is longer than settle_max. Make settle shorter, or settle_max longer."],
    ),
    (
        smallest(billing='period = "mont"\namounts = "gross"'),
        [
            (
                '9: billing.period: "mont" is not allowed. Did you mean "month"? '
                'Write "month", "week", "fortnight", "quarter", "day" or "until-approved".'
            ),
            '10: billing.amounts: "gross" is not allowed. Write "", "exclusive", "inclusive" or "no-tax".',
        ],
    ),
    (
        smallest(billing='invoice_per = ["project"]\nline_per = ["persn", "customer"]'),
        [
            '9: billing.invoice_per: "xero_contact" is missing. Write it first: ["xero_contact"].',
            (
                '9: billing.invoice_per[1]: "project" is not mapped. '
                'Map project = "…" in [source.fields], or leave it out here.'
            ),
            '10: billing.line_per[1]: "persn" is no mapped name. Did you mean "person"?',
            (
                '10: billing.line_per[2]: "customer" is no mapped name. '
                "Usable here: day, entry, person, worked_on, xero_contact."
            ),
        ],
    ),
    (
        smallest(source__fields='person_name = "Owner.Name"', billing='line_per = ["person_name"]'),
        ['10: billing.line_per[1]: "person_name" cannot be used here. Write "person".'],
    ),
    (
        smallest(billing='description = "{person} {projct} {hours}"\nreference = "{person!r}"'),
        [
            (
                "9: billing.description: {projct} is no mapped name. "
                "Usable here: day, period, person, worked_on, xero_contact."
            ),
            (
                "9: billing.description: {hours} cannot be used here. "
                "Usable here: day, period, person, worked_on, xero_contact."
            ),
            (
                "10: billing.reference: has a brace or a format that is not understood. "
                "Write names alone in braces, such as {project}."
            ),
        ],
    ),
    (
        smallest(billing='number_prefix = "TIMETRACK"'),
        ['9: billing.number_prefix: "TIMETRACK" has 9 characters. Use at most 8.'],
    ),
    (
        smallest(billing='number_prefix = "€-"'),
        [
            (
                '9: billing.number_prefix: "€-" cannot begin a number. '
                "Use letters, digits and signs without accents or outer blanks."
            )
        ],
    ),
    (
        smallest(billing='number_prefix = ""'),
        [
            (
                "9: billing.number_prefix: is empty: our numbers would mix with the company's own. "
                'Write a prefix such as "TT-".'
            )
        ],
    ),
    (
        smallest(billing="round_minutes = 1441"),
        [
            (
                "9: billing.round_minutes: 1441 minutes are more than a day. "
                "Write a step such as 6 or 15, or 0 for no rounding."
            )
        ],
    ),
    (
        smallest(billing='tracking = {Region = "project", Team = "hours", "" = "x"}'),
        [
            "9: billing.tracking: names 3 categories. Xero takes 2 on a line: leave the others out.",
            (
                '9: billing.tracking.Region: "project" is not mapped. '
                'Map project = "…" in [source.fields], or write an option.'
            ),
            '9: billing.tracking.Team: "hours" cannot be used here. Usable here: person, worked_on, xero_contact.',
            (
                "9: billing.tracking.: is empty. "
                "Write a category of the Xero company, and a mapped name or one of its options."
            ),
        ],
    ),
    (
        smallest(billing='surcharge = [{name = "Travel", percent = "5%"}, {name = "Travel"}, {percent = "1%"}]'),
        [
            '9: billing.surcharge[2].name: "Travel" is there already. Give it a name of its own.',
            '9: billing.surcharge[2].percent: is missing or zero. Write percent = "5%".',
            '9: billing.surcharge[3].name: is missing: it is what the line says. Write name = "Travel".',
        ],
    ),
    (
        smallest(billing='due_days = "soon"\ndefault_rate = "-1"\nminimum_invoice = "x"'),
        [
            '9: billing.due_days: "soon" is no number of days. Write a whole number such as 14, or "".',
            '10: billing.default_rate: "-1" is no amount of 0 or more. Write it like "120.00".',
            '11: billing.minimum_invoice: "x" is no amount. Write it like "120.00".',
        ],
    ),
    (
        smallest(billing="reference = 3\nattach_timesheet = 1\ntracking = 4"),
        [
            "9: billing.reference: 3 is not text. Write it in quotes.",
            "10: billing.attach_timesheet: 1 is neither true nor false. Write true or false, without quotes.",
            "11: billing.tracking: 4 is not a table. Write its keys under a header of its own: [billing.tracking].",
        ],
    ),
    (
        "people = 3\n" + SMALLEST,
        ["1: people: 3 is not a table. Write its keys under a header of its own: [people]."],
    ),
    (
        smallest(people="person = 3"),
        ["11: people.person: 3 is not a list of tables. Begin each with a header of its own: [[people.person]]."],
    ),
    (
        smallest(people='[[people.person]]\nid = "005000000000001AAB"\ncurrency = "pounds"\nfrom = "2026"'),
        [
            (
                '12: people.person[1].id: the last three characters of "005000000000001AAB" do not fit the fifteen '
                "before. Copy it from the record's address in Salesforce."
            ),
            '13: people.person[1].currency: "pounds" is no currency. Write its three letters, such as "GBP".',
            (
                '14: people.person[1].from: "2026" is no day. '
                "Write it without quotes and without a time, for example 2026-11-01."
            ),
        ],
    ),
    (
        smallest(people='[[people.person]]\nid = "005000000000001"\n[[people.person]]\nid = "005000000000001AAA"'),
        [
            (
                "13: people.person[2]: is the same person from the same day in the same currency as on line 11. "
                'Leave one out, or give it another "from".'
            )
        ],
    ),
    (
        smallest(
            contacts='sobject = "TimeEntry__c"\nexternal_id = "ID__c"\nfields = {ID__c = "ContactID", A__c = "Emial"}'
        ),
        [
            '11: contacts.sobject: "TimeEntry__c" is where time is tracked. Name another object.',
            "13: contacts.fields.ID__c: is the external id, which is always written. Leave it out here.",
            (
                '13: contacts.fields.A__c: "Emial" is no field of a Xero contact. '
                "Write it as Xero's API does, such as EmailAddress."
            ),
        ],
    ),
    (
        smallest(contacts='sobject = "C__c"\nexternal_id = "ID__c"\nfields = {A__c = "Phones", B__c = "EmailAdress"}'),
        [
            (
                '13: contacts.fields.A__c: "Phones" holds several fields. '
                "Name one of them, such as Phones.DEFAULT.PhoneNumber or Addresses.STREET.City."
            ),
            '13: contacts.fields.B__c: "EmailAdress" is no field of a Xero contact. Did you mean "EmailAddress"?',
        ],
    ),
    (
        smallest(source='channel = "/topic/Time"'),
        [
            (
                '2: source.channel: "/topic/Time" is no change data capture channel. '
                'Leave it out, or write it like "/data/TimeEntry__ChangeEvent" or "/data/Time__chn".'
            )
        ],
    ),
]

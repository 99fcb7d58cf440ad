"""Setup files for tests: the smallest one, and the documented example."""

from pathlib import Path

from worker.setup import Problem, Setup, SetupError, parse

EXAMPLE = (Path(__file__).parents[3] / "docs" / "setup-example.toml").read_text()

SMALLEST = """\
[source]
sobject = "TimeEntry__c"
[source.fields]
hours = "Hours__c"
worked_on = "Work_Date__c"
person = "OwnerId"
xero_contact = "Contact_ID__c"
[billing]
start = 2026-11-01
"""


def smallest(**sections: str) -> str:
    """The smallest file with lines added to its tables; `source_fields="…"` goes to [source.fields]."""
    text = SMALLEST
    for section, lines in sections.items():
        header = f"[{section.replace('__', '.')}]\n"
        text = text.replace(header, f"{header}{lines}\n") if header in text else f"{text}{header}{lines}\n"
    return text


def parsed(**sections: str) -> Setup:
    """The smallest file with lines added, parsed."""
    return parse(smallest(**sections))


def problems_of(text: str) -> tuple[Problem, ...]:
    """The problems of a file."""
    try:
        parse(text)
    except SetupError as error:
        return error.problems
    return ()


def refused(text: str) -> list[str]:
    """The problems of a file as they are printed, without its name."""
    return [problem.text().removeprefix("setup.toml:") for problem in problems_of(text)]

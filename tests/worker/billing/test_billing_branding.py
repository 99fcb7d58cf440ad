"""The branding theme: the entry's, else the contact's, else the setup's, else the company's own; sent once."""

from typing import Any

import pytest
from billing_support import company, contact, drafted, entry, judge, placed, rules

from worker.billing.model import Waiting

STANDARD, PROJECTS, LEGAL = (f"{number}e0dd7b4-1a3f-4c0e-8f0e-2f0c0a6d1e57" for number in (1, 2, 3))
THEMES = ((STANDARD, "Standard"), (PROJECTS, "Special projects"), (LEGAL, "Legal"))
BOOKS = company(themes=THEMES)


@pytest.mark.parametrize(
    ("own", "client", "setup", "theme", "source"),
    [
        ("Legal", PROJECTS, "Standard", LEGAL, "the entry"),
        (" legal ", "", "", LEGAL, "the entry"),
        (LEGAL, "", "", LEGAL, "the entry"),
        ("", PROJECTS, "Legal", PROJECTS, "the contact"),
        ("", "", "special  PROJECTS", PROJECTS, "the setup"),
        ("", "", "", STANDARD, "the company"),
    ],
)
def test_the_first_that_says_one_is_taken_and_named(own: str, client: str, setup: str, theme: str, source: str) -> None:
    one = placed(entry(extra={"branding": own}), rules(branding=setup), contact=contact(branding=client), company=BOOKS)
    assert (one.branding, one.sources["branding"]) == (theme, source)


@pytest.mark.parametrize(
    ("own", "client", "setup", "cause"),
    [("Old", "", "", "old"), ("", STANDARD[::-1], "", STANDARD[::-1]), ("", "", "Glossy  Paper", "glossy paper")],
)
def test_a_theme_that_the_company_has_not_waits(own: str, client: str, setup: str, cause: str) -> None:
    given: dict[str, Any] = {"contact": contact(branding=client), "company": BOOKS}
    verdict = judge(entry(extra={"branding": own}), rules(branding=setup), **given)
    assert isinstance(verdict, Waiting)
    assert (verdict.reason, verdict.cause) == ("branding-invalid", f"branding:{cause}")


def test_a_document_is_created_with_the_theme_of_its_first_entry() -> None:
    first, second = entry(1, extra={"branding": "Legal"}), entry(2, extra={"branding": "Standard"})
    assert drafted(first, second, company=BOOKS).branding == LEGAL


def test_a_company_without_themes_is_asked_for_none() -> None:
    one = placed(entry())
    assert (one.branding, "branding" in one.sources) == ("", False)

"""docs/setup-file.md names every key there is, and its examples are real."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from tests.worker.setup.setup_support import SMALLEST, refused
from worker.setup import parse, sections

DOCUMENT = (Path(__file__).parents[3] / "docs" / "setup-file.md").read_text()
NAMED = set(re.findall(r"`([a-z_]+)`", DOCUMENT))
SECTIONS = [
    value
    for value in vars(sections).values()
    if isinstance(value, type) and issubclass(value, sections.Section) and value is not sections.Section
]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_every_key_is_described(section: type[BaseModel]) -> None:
    keys = {field.alias or name for name, field in section.model_fields.items()}
    assert keys - NAMED - {"fields", "approved", "write_back", "person", "tracking", "surcharge"} == set()


def test_the_smallest_file_of_the_document_works() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", DOCUMENT, re.DOTALL)
    assert parse(text).source.sobject == "TimeEntry__c"


def test_the_problem_shown_in_the_document_is_what_is_printed() -> None:
    (shown,) = re.findall(r"^    setup\.toml:(.*)$", DOCUMENT, re.MULTILINE)
    assert refused(SMALLEST.replace("start =", 'perod = "month"\nstart =')) == [shown]

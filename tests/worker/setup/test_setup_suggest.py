"""Suggestions which field is which: the obvious one first, wrong types never."""

import pytest

from worker.salesforce.describe import Describe, Field
from worker.setup.suggest import suggestions


def shape(*fields: Field) -> Describe:
    return Describe(name="Time__c", fields=fields)


def named(name: str, kind: str, label: str = "", to: tuple[str, ...] = ()) -> Field:
    return Field(name=name, type=kind, label=label, reference_to=to)


def paths(wanted: str, *fields: Field) -> list[str]:
    return [each.path for each in suggestions(shape(*fields))[wanted]]


def test_the_name_that_says_it_comes_first() -> None:
    fields = (named("Planned_Hours__c", "double"), named("Hours__c", "double"), named("Quantity__c", "double"))
    assert paths("hours", *fields) == ["Hours__c", "Quantity__c", "Planned_Hours__c"]


def test_a_field_of_another_type_is_never_suggested() -> None:
    assert paths("hours", named("Hours__c", "string")) == []
    assert paths("worked_on", named("Work_Date__c", "string")) == []


def test_labels_count_where_names_say_nothing() -> None:
    assert paths("billable", named("X1__c", "boolean", "Billable"), named("Active__c", "boolean")) == ["X1__c"]


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ("person", named("Who__c", "reference", to=("User",))),
        ("project", named("For__c", "reference", to=("Project__c",))),
        ("person", named("OwnerId", "reference", to=("User", "Group"))),
        ("project", named("pse__Project__c", "reference")),
    ],
)
def test_a_lookup_is_known_by_its_name_or_by_what_it_leads_to(wanted: str, field: Field) -> None:
    assert paths(wanted, field) == [field.name]


def test_a_dedicated_lookup_comes_before_the_owner() -> None:
    fields = (named("OwnerId", "reference", to=("User",)), named("Consultant__c", "reference", to=("User",)))
    assert paths("person", *fields) == ["Consultant__c", "OwnerId"]


def test_an_object_without_anything_usable_suggests_nothing() -> None:
    assert set(suggestions(shape(named("Name", "string"))).values()) == {()}

"""What the org says about its objects, and whether the integration user gets at what the setup maps."""

from typing import Any

import pytest
from aiohttp import web
from salesforce_wire import Org, Seen, refused

from worker.salesforce.client import SalesforceClient
from worker.salesforce.errors import InvalidSoql, MappingBroken


def field(name: str, type: str = "string", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": type, "label": name, "createable": True, "updateable": True, "custom": True} | more


def lookup(name: str, relationship: str, *targets: str) -> dict[str, Any]:
    return field(name, "reference", referenceTo=list(targets), relationshipName=relationship)


OBJECTS = {
    "TimeEntry__c": [
        field("Id", "id", createable=False, updateable=False),
        field("Hours__c", "double", precision=18, scale=2),
        field("Total__c", "currency", calculated=True, updateable=False),
        field("Locked__c", updateable=False, createable=False),
        lookup("Project__c", "Project__r", "Project__c"),
        lookup("OwnerId", "Owner", "Group", "User"),
    ],
    "Project__c": [
        field("Name"),
        field("Contact_ID__c", externalId=True, unique=True),
        field("Code__c", externalId=True),
        lookup("Account__c", "Account__r", "Account"),
    ],
    "Account": [field("Name", custom=False)],
    "Group": [field("Name"), field("DeveloperName")],
    "User": [field("Name"), field("Email", "email")],
}


def describing(objects: dict[str, list[dict[str, Any]]], **flags: bool) -> Any:
    def answer(seen: Seen) -> web.Response:
        name = seen.path.split("/")[-2]
        if name not in objects:
            return refused(404, "NOT_FOUND", "The requested resource does not exist")
        about = {"queryable": True, "createable": True, "updateable": True} | flags
        return web.json_response({"name": name, "label": name, "keyPrefix": None, "fields": objects[name]} | about)

    return answer


@pytest.fixture(autouse=True)
def described(org: Org) -> None:
    org.answer = describing(OBJECTS)


async def test_a_description_is_kept_until_a_fresh_one_is_wanted(org: Org, client: SalesforceClient) -> None:
    first = await client.describe("TimeEntry__c")
    assert await client.describe("timeentry__c") is first
    assert len(org.seen) == 1
    await client.describe("TimeEntry__c", fresh=True)
    assert len(org.seen) == 2


async def test_fields_are_found_in_any_case_with_what_they_can_hold(client: SalesforceClient) -> None:
    entry = await client.describe("TimeEntry__c")
    hours = entry.field("hours__C")
    assert hours is not None
    assert (hours.name, hours.type, hours.precision, hours.scale) == ("Hours__c", "double", 18, 2)
    assert entry.field("Minutes__c") is None


async def test_a_missing_object_is_a_broken_mapping(client: SalesforceClient) -> None:
    with pytest.raises(MappingBroken, match="describe Nothing__c"):
        await client.describe("Nothing__c")


async def test_what_is_no_object_name_is_not_asked_for(org: Org, client: SalesforceClient) -> None:
    with pytest.raises(InvalidSoql):
        await client.describe("../limits")
    assert org.seen == []


async def test_the_objects_of_the_org_are_listed(org: Org, client: SalesforceClient) -> None:
    org.answer = lambda _: web.json_response(
        {"encoding": "UTF-8", "sobjects": [{"name": "TimeEntry__c", "label": "Time entry", "custom": True}]}
    )
    (found,) = await client.describe_global()
    assert (found.name, found.label, found.custom) == ("TimeEntry__c", "Time entry", True)


async def test_a_path_is_walked_over_its_lookups(client: SalesforceClient) -> None:
    steps = await client.walk("TimeEntry__c", "Project__r.Account__r.Name")
    assert [(step.sobject, step.field.name) for step in steps] == [
        ("TimeEntry__c", "Project__c"),
        ("Project__c", "Account__c"),
        ("Account", "Name"),
    ]


async def test_an_owner_is_followed_to_the_object_that_has_the_field(client: SalesforceClient) -> None:
    steps = await client.walk("TimeEntry__c", "Owner.Email")
    assert (steps[-1].sobject, steps[-1].field.type) == ("User", "email")


@pytest.mark.parametrize(
    ("path", "what", "remedy"),
    [
        ("Rate__c", "TimeEntry__c has no field Rate__c", "read access"),
        ("Project__r.Rate__c", "Project__c has no field Rate__c", "read access"),
        ("Projekt__r.Name", "no relationship Projekt__r", "Correct the name"),
        ("Project__c.Name", "no relationship Project__c", "Write Project__r"),
        ("Owner.Nickname", "User has no field Nickname", "read access"),
        ("Hours__c; DELETE", "not the path", ""),
    ],
)
async def test_a_path_that_cannot_be_read_is_a_finding(
    client: SalesforceClient, path: str, what: str, remedy: str
) -> None:
    (finding,) = await client.check_access("TimeEntry__c", read=["Hours__c", path])
    assert finding.path == path
    assert what in finding.what
    assert remedy in finding.remedy


async def test_what_can_be_read_and_written_is_no_finding(client: SalesforceClient) -> None:
    assert (
        await client.check_access(
            "TimeEntry__c", read=["Hours__c", "Project__r.Account__r.Name"], edit=["Hours__c"], create=["Project__c"]
        )
        == []
    )


async def test_fields_that_cannot_be_written_are_findings(client: SalesforceClient) -> None:
    found = await client.check_access("TimeEntry__c", edit=["Total__c", "Locked__c", "Gone__c"], create=["Locked__c"])
    assert [finding.path for finding in found] == ["Total__c", "Locked__c", "Gone__c", "Locked__c"]
    assert "formula" in found[0].what
    assert "edit access" in found[1].remedy


async def test_object_permissions_that_lack_are_findings(org: Org, client: SalesforceClient) -> None:
    org.answer = describing(OBJECTS, updateable=False, createable=False)
    found = await client.check_access("TimeEntry__c", edit=["Hours__c"], create=["Hours__c"])
    assert [finding.what for finding in found] == [
        "The integration user may not edit TimeEntry__c.",
        "The integration user may not create TimeEntry__c.",
    ]


async def test_a_missing_object_is_one_finding(client: SalesforceClient) -> None:
    (finding,) = await client.check_access("Nothing__c", read=["A__c", "B__c"])
    assert finding.path == "Nothing__c"


async def test_records_are_upserted_only_by_a_unique_external_id(client: SalesforceClient) -> None:
    assert await client.check_external_id("Project__c", "Contact_ID__c") == []
    (not_unique,) = await client.check_external_id("Project__c", "Code__c")
    (not_external,) = await client.check_external_id("Project__c", "Name")
    (missing,) = await client.check_external_id("Project__c", "Gone__c")
    assert ("not unique" in not_unique.what, "External ID" in not_external.what) == (True, True)
    assert "no field Gone__c" in missing.what


async def test_the_objects_behind_the_paths_are_known_with_the_lookups_to_them(client: SalesforceClient) -> None:
    paths = ["Hours__c", "Project__r.Name", "Project__r.Contact_ID__c", "Project__r.Account__r.Name", "Owner.Email"]
    assert await client.objects_on("TimeEntry__c", paths) == {
        "Project__c": ("Project__r",),
        "Account": ("Project__r.Account__r",),
        "User": ("Owner",),
    }

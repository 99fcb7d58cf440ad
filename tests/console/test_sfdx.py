"""The Salesforce package has what the setup names, and nothing that an org has anyway."""

import io
import json
import zipfile
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from console.sfdx import NAMESPACE, files, package
from worker.setup import parse
from worker.setup.presets import PLACEHOLDER_START, PRESETS

EXAMPLE = (Path(__file__).parents[2] / "docs" / "setup-example.toml").read_text("utf-8")
ROOT = "force-app/main/default"


def tree(text: str) -> Xml.Element:
    return Xml.fromstring(text)


def values(text: str, path: str) -> list[str]:
    steps = "/".join(f"{{{NAMESPACE}}}{step}" for step in path.split("/"))
    return [each.text or "" for each in tree(text).findall(steps)]


def test_the_fields_written_back_are_there_and_long_enough() -> None:
    found = files(parse(EXAMPLE))
    billed = found[f"{ROOT}/objects/TimeEntry__c/fields/Xero_Billed__c.field-meta.xml"]
    assert (values(billed, "type"), values(billed, "length")) == (["LongTextArea"], ["32768"])
    assert f"{ROOT}/objects/TimeEntry__c/fields/Hours__c.field-meta.xml" not in found, "that is the org's own"


def test_contacts_have_their_object_and_a_unique_external_id() -> None:
    found = files(parse(EXAMPLE))
    key = found[f"{ROOT}/objects/Xero_Contact__c/fields/Contact_ID__c.field-meta.xml"]
    assert [values(key, name) for name in ("externalId", "unique", "length")] == [["true"], ["true"], ["36"]]
    assert tree(found[f"{ROOT}/objects/Xero_Contact__c/Xero_Contact__c.object-meta.xml"]).tag.endswith("CustomObject")
    assert f"{ROOT}/objects/Xero_Contact__c/fields/Name.field-meta.xml" not in found


def test_change_events_are_turned_on_for_the_time_object() -> None:
    name = f"{ROOT}/platformEventChannelMembers/ChangeEvents_TimeEntry__ChangeEvent.platformEventChannelMember-meta.xml"
    assert values(files(parse(EXAMPLE))[name], "selectedEntity") == ["TimeEntry__ChangeEvent"]
    own = EXAMPLE.replace("[source]", '[source]\nchannel = "/data/Time__chn"', 1)
    assert not any("platformEventChannelMembers" in each for each in files(parse(own)))


def test_the_permission_set_sees_all_entries_and_edits_only_what_is_ours() -> None:
    text = files(parse(EXAMPLE))[f"{ROOT}/permissionsets/Hourstream.permissionset-meta.xml"]
    objects = dict(
        zip(values(text, "objectPermissions/object"), values(text, "objectPermissions/viewAllRecords"), strict=True)
    )
    assert objects == {"TimeEntry__c": "true", "Xero_Contact__c": "true"}
    assert set(values(text, "objectPermissions/allowDelete")) == {"false"}
    assert "TimeEntry__c.Xero_Billed__c" in values(text, "fieldPermissions/field")
    assert "TimeEntry__c.Hours__c" not in values(text, "fieldPermissions/field")


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_every_preset_gives_a_package_of_well_formed_files(preset: object) -> None:
    text = preset.text.replace(PLACEHOLDER_START, "2026-11-01")  # type: ignore[attr-defined]
    for name, content in files(parse(text)).items():
        if name.endswith(".xml"):
            assert tree(content).tag.startswith(f"{{{NAMESPACE}}}")


def test_the_archive_is_a_project_and_the_same_for_the_same_setup() -> None:
    made = package(parse(EXAMPLE))
    assert made == package(parse(EXAMPLE))
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        assert archive.testzip() is None
        project = json.loads(archive.read("hourstream-salesforce/sfdx-project.json"))
    assert project["packageDirectories"] == [{"path": "force-app", "default": True}]

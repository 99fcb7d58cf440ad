"""The Salesforce package of a setup: write-back fields, the object for Xero contacts, change events, a permission set.

A Salesforce DX project as a zip file. Only what the setup names and an org can lack is in it: custom fields and a
custom object, never standard ones. Source: Salesforce Metadata API (CustomField, CustomObject, PermissionSet,
PlatformEventChannelMember).
"""

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from xml.etree import ElementTree as Xml  # only writes

from worker.setup import Setup
from worker.setup.check_salesforce import CONTACT_ID_LENGTH, LONGEST_NUMBER

NAMESPACE = "http://soap.sforce.com/2006/04/metadata"
API = "67.0"
ROOT = "force-app/main/default"
PERMISSIONS = "Hourstream"
LABELS = {
    "invoice_id": "Xero Invoice ID",
    "invoice_number": "Xero Invoice Number",
    "invoice_status": "Xero Invoice Status",
    "billed": "Xero Billed",
    "problem": "Xero Problem",
}
LENGTHS = {"invoice_id": CONTACT_ID_LENGTH, "invoice_number": max(LONGEST_NUMBER, 40), "invoice_status": 40}
TEXT = 255
LONG_TEXT = 32_768

Tree = Mapping[str, object]  # a value is text, another tree, or a list of trees


def package(setup: Setup) -> bytes:
    """The zip file. The same setup gives the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files(setup).items()):
            entry = zipfile.ZipInfo(f"hourstream-salesforce/{name}", (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return out.getvalue()


def files(setup: Setup) -> dict[str, str]:
    """Names and contents of everything in it."""
    found = {"sfdx-project.json": _project(), "README.md": _readme(setup)}
    found |= {f"{ROOT}/{name}": text for name, text in _metadata(setup)}
    return found


def _metadata(setup: Setup) -> Iterator[tuple[str, str]]:
    source = setup.source.sobject
    for name, field in _written(setup).items():
        yield f"objects/{source}/fields/{field}.field-meta.xml", _xml("CustomField", _write_back_field(name, field))
    if setup.contacts is not None and setup.contacts.sobject.endswith("__c"):
        target = setup.contacts.sobject
        yield f"objects/{target}/{target}.object-meta.xml", _xml("CustomObject", _contact_object(target))
        for field, tree in _contact_fields(setup).items():
            yield f"objects/{target}/fields/{field}.field-meta.xml", _xml("CustomField", tree)
    if not setup.source.channel:
        event = setup.channel.removeprefix("/data/")
        member = {"eventChannel": "ChangeEvents", "selectedEntity": event}
        name = f"platformEventChannelMembers/ChangeEvents_{event}.platformEventChannelMember-meta.xml"
        yield name, _xml("PlatformEventChannelMember", member)
    yield f"permissionsets/{PERMISSIONS}.permissionset-meta.xml", _xml("PermissionSet", _permissions(setup))


# ---- fields --------------------------------------------------------------------------------------------------------


def _written(setup: Setup) -> dict[str, str]:
    """Custom fields that are written on entries."""
    return {name: field for name, field in setup.source.write_back.fields.items() if field.endswith("__c")}


def _write_back_field(name: str, field: str) -> Tree:
    told = {"fullName": field, "label": LABELS[name], "description": "Written by Hourstream."}
    if name == "billed":
        return told | {"type": "LongTextArea", "length": str(LONG_TEXT), "visibleLines": "3"}
    return told | {"type": "Text", "length": str(LENGTHS.get(name, TEXT)), "required": "false"}


def _contact_object(name: str) -> Tree:
    label = _label(name)
    return {
        "label": label,
        "pluralLabel": f"{label}s",
        "nameField": {"label": "Name", "type": "Text"},
        "deploymentStatus": "Deployed",
        "sharingModel": "Read",
        "description": "Contacts of the Xero company, kept by Hourstream.",
    }


def _contact_fields(setup: Setup) -> dict[str, Tree]:
    contacts = setup.contacts
    if contacts is None:
        return {}
    key: Tree = {
        "fullName": contacts.external_id, "label": _label(contacts.external_id), "type": "Text",
        "length": str(CONTACT_ID_LENGTH), "externalId": "true", "unique": "true", "caseSensitive": "false",
        "required": "false",
    }  # fmt: skip
    found = {contacts.external_id: key} if contacts.external_id.endswith("__c") else {}
    for field in contacts.fields:
        if field.endswith("__c") and field != contacts.external_id:
            plain = {"fullName": field, "label": _label(field), "type": "Text", "length": str(TEXT)}
            found[field] = plain | {"required": "false"}
    return found


def _label(name: str) -> str:
    return name.removesuffix("__c").rpartition("__")[2].replace("_", " ")


# ---- permissions ---------------------------------------------------------------------------------------------------


def _permissions(setup: Setup) -> Tree:
    """For the integration user: sees every entry, writes what is written back, keeps the contacts."""
    source = setup.source.sobject
    fields = [_editable(f"{source}.{field}") for field in _written(setup).values()]
    objects = [_object(source, edit=bool(setup.source.write_back.fields), create=False)]
    if setup.contacts is not None:
        target = setup.contacts.sobject
        objects.append(_object(target, edit=True, create=True))
        fields += [_editable(f"{target}.{field}") for field in _contact_fields(setup)]
    return {
        "fieldPermissions": sorted(fields, key=lambda each: str(each["field"])),
        "hasActivationRequired": "false",
        "label": PERMISSIONS,
        "description": "What the integration user of Hourstream needs.",
        "objectPermissions": sorted(objects, key=lambda each: str(each["object"])),
        "userPermissions": [{"enabled": "true", "name": "ApiEnabled"}],
    }


def _editable(field: str) -> Tree:
    return {"editable": "true", "field": field, "readable": "true"}


def _object(name: str, *, edit: bool, create: bool) -> Tree:
    return {
        "allowCreate": _said(create), "allowDelete": "false", "allowEdit": _said(edit), "allowRead": "true",
        "modifyAllRecords": "false", "object": name, "viewAllRecords": "true",
    }  # fmt: skip


def _said(flag: bool) -> str:
    return "true" if flag else "false"


# ---- files ---------------------------------------------------------------------------------------------------------


def _xml(kind: str, tree: Tree) -> str:
    root = Xml.Element(kind, xmlns=NAMESPACE)
    _grow(root, tree)
    Xml.indent(root, "    ")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{Xml.tostring(root, encoding="unicode")}\n'


def _grow(parent: Xml.Element, tree: Tree) -> None:
    for name, value in tree.items():
        for each in value if isinstance(value, list) else [value]:
            child = Xml.SubElement(parent, name)
            if isinstance(each, Mapping):
                _grow(child, each)
            else:
                child.text = str(each)


def _project() -> str:
    made = {"packageDirectories": [{"path": "force-app", "default": True}], "sourceApiVersion": API}
    return f"{json.dumps(made, indent=2)}\n"


def _readme(setup: Setup) -> str:
    return f"""# What Hourstream needs in Salesforce

Deploy it with the Salesforce CLI, from this folder:

    sf project deploy start --source-dir force-app --target-org YOUR-ORG
    sf org assign permset --name {PERMISSIONS} --on-behalf-of INTEGRATION-USER

It adds the fields that Hourstream writes on {setup.source.sobject}, turns on change events for it, and gives the
permission set "{PERMISSIONS}". Fields and objects that the org has already stay as they are where they are the same;
look at the differences first where they are not: `sf project deploy preview --source-dir force-app`.

The permission set does not give access to the fields that are only read: those are yours, and so is who may read them.
`hourstream doctor` names what is missing.
"""

"""Describe, versions and limits: what an org says about itself."""

from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from sandbox.salesforce.api import VERSIONS, Answer, Call, Routes
from sandbox.salesforce.errors import not_found
from sandbox.salesforce.schema import Field, SObject

routes = Routes()
_SOAP = {"string": "string", "textarea": "string", "email": "string", "phone": "string", "url": "string"}
_SOAP |= {"picklist": "string", "currency": "double", "percent": "double", "datetime": "dateTime"}
_RESOURCES = ("composite", "limits", "query", "queryAll", "sobjects")
_SEASONS = ("Spring", "Summer", "Winter")


def versions() -> list[dict[str, str]]:
    """The list that needs no login: three releases a year, Spring '24 being 60.0."""
    rows = []
    for number, version in enumerate(VERSIONS):
        season = _SEASONS[number % 3]
        year = 24 + number // 3 + (season == "Winter")
        rows.append({"label": f"{season} '{year}", "url": f"/services/data/v{version}", "version": version})
    return rows


@routes.on("GET", "")
def resources(call: Call) -> Answer:
    """The version's resources."""
    return Answer(200, {name: f"{call.base}/{name}" for name in _RESOURCES})


@routes.on("GET", "/sobjects")
def describe_global(call: Call) -> Answer:
    """Every object the user sees."""
    rows = [_summary(call, sobject) for sobject in call.org.visible_objects()]
    return Answer(200, {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": rows})


@routes.on("GET", "/sobjects/{name}")
def basic(call: Call, name: str) -> Answer:
    """One object in short."""
    return Answer(200, {"objectDescribe": _summary(call, call.sobject(name)), "recentItems": []})


@routes.on("GET", "/sobjects/{name}/describe")
def describe(call: Call, name: str) -> Answer:
    """One object in full; 304 where it has not changed since If-Modified-Since."""
    sobject = call.org.visible(name)
    if sobject is None:
        raise not_found()
    changed = datetime(2026, 10, 1, tzinfo=UTC)
    since = call.headers.get("If-Modified-Since", "")
    headers = {"Last-Modified": format_datetime(changed, usegmt=True)}
    if since and _parsed(since) >= changed and not call.org.now.extra_fields and not call.org.now.hidden_fields:
        return Answer(304, None, headers)
    more = {
        "fields": [_field(item) for item in sobject.fields],
        "childRelationships": [],
        "recordTypeInfos": [],
        "namedLayoutInfos": [],
        "supportedScopes": [],
    }
    return Answer(200, _summary(call, sobject) | more, headers)


@routes.on("GET", "/limits")
def limits(call: Call) -> Answer:
    """What is left of the org's allocations."""
    behaviour = call.org.now
    calls = {"Max": behaviour.daily_api_requests, "Remaining": behaviour.daily_api_requests - call.state.calls_used()}
    events = {"Max": behaviour.daily_events, "Remaining": behaviour.daily_events - call.state.bus.spent()}
    return Answer(200, {"DailyApiRequests": calls, "DailyDeliveredPlatformEvents": events})


def _parsed(text: str) -> datetime:
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


def _summary(call: Call, sobject: SObject) -> dict[str, object]:
    base = f"{call.base}/sobjects/{sobject.name}"
    return {
        "name": sobject.name,
        "label": sobject.label,
        "labelPlural": sobject.plural,
        "keyPrefix": sobject.prefix,
        "custom": sobject.custom,
        "activateable": False,
        "createable": sobject.createable,
        "updateable": sobject.createable,
        "deletable": sobject.createable and sobject.name != "User",
        "undeletable": sobject.createable and sobject.name != "User",
        "queryable": True,
        "retrieveable": True,
        "replicateable": True,
        "searchable": sobject.custom,
        "mergeable": False,
        "triggerable": True,
        "layoutable": True,
        "feedEnabled": False,
        "hasSubtypes": False,
        "isSubtype": False,
        "customSetting": False,
        "deprecatedAndHidden": False,
        "mruEnabled": True,
        "urls": {
            "sobject": base,
            "describe": f"{base}/describe",
            "rowTemplate": f"{base}/{{ID}}",
        },
    }


def _field(field: Field) -> dict[str, object]:
    sortable = field.filterable
    return {
        "name": field.name,
        "label": field.label,
        "type": field.type,
        "soapType": _soap(field),
        "length": field.length,
        "byteLength": field.length * 3,
        "precision": field.precision,
        "scale": field.scale,
        "digits": field.precision if field.type == "int" else 0,
        "nillable": field.nillable,
        "createable": field.createable,
        "updateable": field.updateable,
        "permissionable": field.custom and field.nillable,
        "defaultedOnCreate": field.default is not None or not field.createable or field.name == "OwnerId",
        "defaultValue": field.default if field.type == "boolean" else None,
        "custom": field.custom,
        "calculated": field.calculated,
        "autoNumber": bool(field.auto_number),
        "externalId": field.external_id,
        "idLookup": field.id_lookup,
        "unique": field.unique,
        "caseSensitive": False,
        "nameField": field.name == "Name",
        "namePointing": False,
        "referenceTo": list(field.reference_to),
        "relationshipName": field.relationship,
        "relationshipOrder": None,
        "cascadeDelete": False,
        "restrictedDelete": False,
        "restrictedPicklist": field.restricted,
        "dependentPicklist": False,
        "picklistValues": [
            {"value": value, "label": value, "active": True, "defaultValue": value == field.default, "validFor": None}
            for value in field.picklist
        ],
        "filterable": field.filterable,
        "sortable": sortable,
        "groupable": sortable and field.type not in {"double", "currency", "datetime"},
        "aggregatable": sortable,
        "htmlFormatted": False,
        "encrypted": False,
        "deprecatedAndHidden": False,
        "inlineHelpText": None,
        "compoundFieldName": field.compound or None,
    }


def _soap(field: Field) -> str:
    if field.type in {"id", "reference"}:
        return "tns:ID"
    return f"xsd:{_SOAP.get(field.type, field.type)}"

"""What the org says of itself: versions, resources, objects, fields, limits, the user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..request import json_reply
from ..wire import Reply
from .call import Call
from .records import Transaction
from .rows import object_named
from .schema import FieldDef, ObjectDef
from .values import make_id

if TYPE_CHECKING:
    from .org import Org

VERSIONS = range(20, 71)
"""API versions that are answered; the simulator's behaviour differs by version in upserts only."""

_SEASONS = ("Spring", "Summer", "Winter")


def versions(_org: Org, _call: Call, _tx: Transaction) -> Reply:
    """GET /services/data: needs no session."""
    known = [
        {"label": f"{_SEASONS[n % 3]} '{10 + (n - 17) // 3}", "url": f"/services/data/v{n}.0", "version": f"{n}.0"}
        for n in VERSIONS
    ]
    return json_reply(200, known)


def resources(_org: Org, call: Call, _tx: Transaction) -> Reply:
    """GET /services/data/vNN.N."""
    names = ("sobjects", "query", "queryAll", "composite", "actions", "limits")
    return json_reply(200, {name: f"{call.root}/{name}" for name in names})


def objects(org: Org, call: Call, _tx: Transaction) -> Reply:
    """GET /sobjects."""
    found = [_summary(obj, call) for obj in org.schema.objects.values()]
    return json_reply(200, {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": found})


def basic(org: Org, call: Call, _tx: Transaction) -> Reply:
    """GET /sobjects/X."""
    obj = object_named(org, call.args[0])
    return json_reply(200, {"objectDescribe": _summary(obj, call), "recentItems": []})


def describe(org: Org, call: Call, _tx: Transaction) -> Reply:
    """GET /sobjects/X/describe."""
    obj = object_named(org, call.args[0])
    return json_reply(200, {**_summary(obj, call), "fields": [_field(f) for f in obj.fields.values()]})


def limits(org: Org, _call: Call, _tx: Transaction) -> Reply:
    """GET /limits."""
    used, most = org.usage.used, org.settings.daily_limit
    return json_reply(200, {"DailyApiRequests": {"Max": most, "Remaining": max(0, most - used)}})


def userinfo(org: Org, call: Call, _tx: Transaction) -> Reply:
    """GET /services/oauth2/userinfo."""
    name = org.sessions.username(call.request)
    return json_reply(
        200,
        {
            "sub": f"{call.request.base_url}/id/{org.settings.organization_id}/{make_id('005', 1)}",
            "user_id": make_id("005", 1),
            "organization_id": org.settings.organization_id,
            "preferred_username": name,
            "email": name,
            "active": True,
        },
    )


def _summary(obj: ObjectDef, call: Call) -> dict[str, Any]:
    root = f"{call.root}/sobjects/{obj.name}"
    return {
        "name": obj.name,
        "label": obj.name,
        "labelPlural": f"{obj.name}s",
        "keyPrefix": obj.prefix,
        "custom": obj.name.endswith("__c"),
        "createable": True,
        "updateable": True,
        "deletable": True,
        "queryable": True,
        "retrieveable": True,
        "urls": {"sobject": root, "describe": f"{root}/describe", "rowTemplate": f"{root}/{{ID}}"},
    }


def _field(field: FieldDef) -> dict[str, Any]:
    return {
        "name": field.name,
        "label": field.name,
        "type": field.type,
        "length": field.length,
        "custom": field.name.endswith("__c"),
        "createable": field.writable,
        "updateable": field.writable,
        "filterable": field.filterable,
        "sortable": field.filterable,
        "nillable": not field.required,
        "externalId": field.external_id,
        "idLookup": field.external_id or field.name == "Id",
        "unique": field.unique,
        "caseSensitive": field.case_sensitive,
        "restrictedPicklist": field.restricted,
        "defaultValue": field.default,
        "relationshipName": field.relationship,
        "referenceTo": list(field.reference_to),
        "picklistValues": [
            {"value": v, "label": v, "active": True, "defaultValue": v == field.default} for v in field.values
        ],
    }

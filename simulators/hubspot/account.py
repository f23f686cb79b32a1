"""What the portal says of itself: tokens, account, owners, properties.

Source: "OAuth API", "Account information", "Owners" and "Properties".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..request import json_reply
from ..wire import Reply
from .call import Call, object_type
from .errors import HubSpotError, invalid
from .schema import ADDED, Property
from .sessions import OAuthError
from .transaction import Transaction

if TYPE_CHECKING:
    from .portal import Portal

_TYPES = ("string", "number", "bool", "date", "datetime", "enumeration")


def token(portal: Portal, call: Call, _tx: Transaction) -> Reply:
    """POST /oauth/v1/token."""
    try:
        return json_reply(200, portal.sessions.grant(call.request.form()))
    except OAuthError as error:
        return json_reply(400, {**error.body, "correlationId": portal.correlation_id(call.request.number)})


def token_info(portal: Portal, call: Call, _tx: Transaction) -> Reply:
    """GET /oauth/v1/access-tokens/{token}."""
    return json_reply(200, portal.sessions.describe(call.args[0]))


def details(portal: Portal, _call: Call, _tx: Transaction) -> Reply:
    """GET /account-info/v3/details."""
    content = {
        "portalId": portal.settings.portal_id,
        "accountType": "STANDARD",
        "timeZone": "UTC",
        "companyCurrency": "EUR",
        "additionalCurrencies": [],
        "utcOffset": "+00:00",
        "utcOffsetMilliseconds": 0,
        "uiDomain": "app.hubspot.com",
        "dataHostingLocation": "na1",
    }
    return json_reply(200, content)


def me(portal: Portal, _call: Call, _tx: Transaction) -> Reply:
    """GET /integrations/v1/me."""
    content = {
        "portalId": portal.settings.portal_id,
        "timeZone": "UTC",
        "accountType": "STANDARD",
        "currency": "EUR",
        "utcOffset": "+00:00",
        "utcOffsetMilliseconds": 0,
    }
    return json_reply(200, content)


def owners(portal: Portal, _call: Call, _tx: Transaction) -> Reply:
    """GET /crm/v3/owners."""
    results = [
        {
            "id": str(number),
            "email": email,
            "firstName": email.partition("@")[0].capitalize(),
            "lastName": "",
            "userId": number,
            "createdAt": "2024-01-01T00:00:00.000Z",
            "updatedAt": "2024-01-01T00:00:00.000Z",
            "archived": False,
        }
        for number, email in enumerate(portal.settings.owners, start=1)
    ]
    return json_reply(200, {"results": results})


def properties(portal: Portal, call: Call, _tx: Transaction) -> Reply:
    """GET /crm/v3/properties/{type}."""
    obj = object_type(portal.schema, call.args[0])
    return json_reply(200, {"results": [prop.describe() for prop in obj.properties.values()]})


def one_property(portal: Portal, call: Call, _tx: Transaction) -> Reply:
    """GET /crm/v3/properties/{type}/{name}."""
    obj, name = object_type(portal.schema, call.args[0]), call.args[1]
    found = obj.properties.get(name)
    if found is None:
        context = {"objectType": [obj.name], "propertyName": [name]}
        raise HubSpotError(404, f'Property "{name}" does not exist', "OBJECT_NOT_FOUND", context=context)
    return json_reply(200, found.describe())


def create_property(portal: Portal, call: Call, _tx: Transaction) -> Reply:
    """POST /crm/v3/properties/{type}; not in the effect log, as it changes no record."""
    obj = object_type(portal.schema, call.args[0])
    body = call.json_object()
    absent = [name for name in ("name", "label", "type", "fieldType", "groupName") if not body.get(name)]
    if absent:
        shown = ", ".join(absent)
        raise invalid(f"Invalid input JSON on line 1, column 1. Some required fields were not set: [{shown}]")
    if body["type"] not in _TYPES:
        raise invalid(f"{body['type']} is not a type of property")
    name = str(body["name"])
    if name in obj.properties:
        message = f"A property named '{name}' already exists."
        raise HubSpotError(409, message, "OBJECT_ALREADY_EXISTS", context={"propertyName": [name]})
    entry = {
        "object": obj.name,
        "name": name,
        "type": str(body["type"]),
        "unique": bool(body.get("hasUniqueValue")),
        "options": [str(option.get("value")) for option in body.get("options") or [] if isinstance(option, dict)],
    }
    portal.records.note(ADDED, entry)
    portal.schema.add(obj.name, Property.from_entry(entry))
    return json_reply(201, obj.properties[name].describe())

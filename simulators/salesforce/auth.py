"""The resources that open and end sessions."""

from __future__ import annotations

from ..request import json_reply
from ..wire import Reply
from . import soap
from .call import Call
from .org import Org
from .records import Transaction
from .sessions import OAuthError


def token(org: Org, call: Call, _tx: Transaction) -> Reply:
    """POST /services/oauth2/token."""
    try:
        return json_reply(200, org.sessions.grant(call.request), ((b"cache-control", b"no-store"),))
    except OAuthError as error:
        return json_reply(error.status, error.body)


def soap_login(org: Org, call: Call, _tx: Transaction) -> Reply:
    """POST /services/Soap/u/{version}."""
    return soap.login(org.settings, org.sessions, call.request, call.args[0])


def revoke(org: Org, call: Call, _tx: Transaction) -> Reply:
    """POST /services/oauth2/revoke: ends the session of the token."""
    org.sessions.end(call.request.form().get("token") or call.request.query.get("token", ""))
    return Reply(200)

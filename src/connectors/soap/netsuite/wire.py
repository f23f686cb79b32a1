"""NetSuite's way of logging in, and reading one record."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import SecretStr

from ....core.adapter import Surroundings
from ....core.errors import BusinessRule, NotFound
from ..._http import HttpClient
from ..exchange import Exchange
from ..models import Values
from ..settings import AuthSettings, SessionLogin
from ..status import RecordStatus
from ..wire import Wire
from .classify import ERRORS, NOT_THERE, SESSION_ENDED
from .records import RecordType, record_of, reference
from .settings import NetSuiteSettings, Passport, Token

READ = RecordStatus(at="readResponse.status")
WRITTEN = RecordStatus(at="writeResponse.status")
FOUND = RecordStatus(at="searchResult.status")


def open_wire(settings: NetSuiteSettings, surroundings: Surroundings, http: HttpClient, *, inline: bool) -> Wire:
    """The port of an account, with its way of logging in.

    Args:
        settings: The connector's settings.
        surroundings: Clock and ids, and where secrets are registered.
        http: The client.
        inline: Whether blocking work is done in the calling thread (simulated time).
    """
    auth = settings.auth
    header: Callable[[], Mapping[str, Any]] | None = None
    login: AuthSettings | None = None
    if isinstance(auth, Token):
        surroundings.secrets.add(auth.consumer_secret.get_secret_value(), auth.token_secret.get_secret_value())
        header = _signing(auth, surroundings)
    elif auth.session:
        login = _login(auth)
    else:
        surroundings.secrets.add(auth.password.get_secret_value())
        header = _carrying(auth)
    return Wire(settings, surroundings, http, auth=login, errors=ERRORS, header=header, inline=inline)


def token_passport(auth: Token, *, nonce: str, timestamp: int) -> dict[str, Any]:
    """The header of a signed request.

    Source: NetSuite Help Center, "TokenPassport Complex Type": HMAC-SHA256 over account, consumer key, token, nonce
    and timestamp, joined by `&`, under both secrets, joined by `&`.

    Args:
        auth: The credentials.
        nonce: 6 to 64 letters and digits, different for each request.
        timestamp: Seconds since the epoch.
    """
    base = "&".join((auth.account, auth.consumer_key, auth.token, nonce, str(timestamp)))
    key = f"{auth.consumer_secret.get_secret_value()}&{auth.token_secret.get_secret_value()}"
    signature = base64.b64encode(hmac.new(key.encode(), base.encode(), hashlib.sha256).digest()).decode()
    return {
        "account": auth.account,
        "consumerKey": auth.consumer_key,
        "token": auth.token,
        "nonce": nonce,
        "timestamp": timestamp,
        "signature": {"_value_1": signature, "algorithm": "HMAC_SHA256"},
    }


def _signing(auth: Token, surroundings: Surroundings) -> Callable[[], Mapping[str, Any]]:
    sources = surroundings.sources

    def header() -> Mapping[str, Any]:
        nonce = hashlib.sha256(sources.new_id("nonce").encode()).hexdigest()[:32]
        return {"tokenPassport": token_passport(auth, nonce=nonce, timestamp=int(sources.clock.now()))}

    return header


def _carrying(auth: Passport) -> Callable[[], Mapping[str, Any]]:
    passport: dict[str, Any] = {
        "email": auth.email,
        "password": auth.password.get_secret_value(),
        "account": auth.account,
    }
    if auth.role is not None:
        passport["role"] = {"internalId": auth.role}
    return lambda: {"passport": passport}


def _login(auth: Passport) -> SessionLogin:
    arguments = {
        "passport.email": SecretStr(auth.email),
        "passport.password": auth.password,
        "passport.account": SecretStr(auth.account),
    }
    if auth.role is not None:
        arguments["passport.role.internalId"] = SecretStr(auth.role)
    return SessionLogin(
        how="session",
        operation="login",
        arguments=arguments,
        status="sessionResponse.status.isSuccess",
        expired=SESSION_ENDED,
    )


async def read_record(
    exchange: Exchange, kind: RecordType, *, internal_id: str | None = None, external_id: str | None = None
) -> Values:
    """Read one record, fresh from the books and not from a search index.

    Args:
        exchange: The requests of the attempt.
        kind: The type of the record.
        internal_id: NetSuite's id.
        external_id: The external id, instead.

    Raises:
        NotFound: There is none; NetSuite's own word, and its only one.
    """
    named = reference(kind, internal_id=internal_id, external_id=external_id)
    try:
        answer = await exchange.call("get", {"baseRef": named}, status=READ)
    except NotFound as error:
        if error.evidence.get("codes") != [NOT_THERE]:
            raise BusinessRule(error.message, code="several", evidence=error.evidence) from None
        raise
    return record_of(answer.value, kind)

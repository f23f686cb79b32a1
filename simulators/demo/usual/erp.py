"""The ERP in the usual way: zeep over requests, in threads."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
import time
from decimal import Decimal
from typing import Any

import requests
import zeep
import zeep.exceptions
from zeep.transports import Transport

from ..lines import Message
from .calling import Again, Do, Failed, Guarded, applied

_BACK_OFF = ("WS_CONCUR_SESSION_DISALLWD", "SESSION_TIMED_OUT", "RCRD_HAS_BEEN_CHANGED")


class Erp:
    """A client of the SOAP API.

    Args:
        facts: URL and token.
        breaker: Whether calls go through a breaker.
    """

    def __init__(self, facts: Message, *, breaker: bool) -> None:
        self._token: dict[str, str] = facts["token"]
        self._guarded = Guarded(breaker=breaker)
        make_transport: Any = Transport
        make_client: Any = zeep.Client
        self._client = make_client(f"{facts['url']}?wsdl", transport=make_transport(timeout=5, operation_timeout=1.0))
        self._port = self._client.bind("ErpService", "ErpPort")

    def actions(self) -> dict[str, Do]:
        """What it can do."""
        return {"create_credit_memo": self._create_credit_memo}

    async def _create_credit_memo(self, request: Message) -> Message:
        return applied(await self._guarded.call(lambda: asyncio.to_thread(self._add, request)))

    def _add(self, request: Message) -> str:
        core, records = "{urn:core.erp.example}", "{urn:records.erp.example}"
        made = {
            name: self._client.get_type(f"{records}{name}")
            for name in ("CreditMemo", "TransactionItem", "TransactionItemList")
        }
        ref = self._client.get_type(f"{core}RecordRef")
        lines = [
            made["TransactionItem"](item=ref(internalId=line["item_id"]), amount=Decimal(line["amount"]))
            for line in request["lines"]
        ]
        memo = made["CreditMemo"](
            entity=ref(internalId=request["customer_id"]),
            currency=ref(internalId=request["currency_id"]),
            memo=request["memo"],
            itemList=made["TransactionItemList"](item=lines),
        )
        try:
            answer = self._port.add(record=memo, _soapheaders=[self._passport()])
        except zeep.exceptions.Fault as fault:
            code = "" if fault.detail is None or not len(fault.detail) else fault.detail[0][0].text
            if code in _BACK_OFF or not code:
                raise Again(code or str(fault)) from fault
            raise Failed(code, refused=True) from fault
        except (requests.RequestException, zeep.exceptions.TransportError) as error:
            raise Again(type(error).__name__) from error
        except zeep.exceptions.Error as error:
            raise Failed("the answer cannot be read", refused=False) from error
        if not answer.status.isSuccess:
            code = answer.status.statusDetail[0].code
            raise Again(code) if code in _BACK_OFF else Failed(code, refused=True)
        return str(answer.baseRef.internalId)

    def _passport(self) -> Any:
        token = self._token
        parts = [token["account"], token["consumer_key"], token["token"], secrets.token_hex(10), str(int(time.time()))]
        key = f"{token['consumer_secret']}&{token['token_secret']}".encode()
        digest = base64.b64encode(hmac.digest(key, "&".join(parts).encode(), hashlib.sha256)).decode()
        signature = self._client.get_type("{urn:core.erp.example}TokenPassportSignature")
        names = ("account", "consumerKey", "token", "nonce", "timestamp")
        element = self._client.get_element("{urn:messages.erp.example}tokenPassport")
        signed = signature(_value_1=digest, algorithm="HMAC-SHA256")
        return element(**dict(zip(names, parts, strict=True)), signature=signed)

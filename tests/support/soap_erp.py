"""What the tests of the NetSuite profile share: answers as an account writes them, and an adapter that gets them."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from seawall.connectors.soap.netsuite import models
from seawall.connectors.soap.netsuite.adapter import NetSuiteAdapter
from seawall.connectors.soap.netsuite.settings import NetSuiteSettings
from seawall.core.adapter import Secrets, Surroundings
from seawall.core.clock import Clock, Sources

from .clock import FakeClock
from .soap import KEY, xml_reply

WSDL = str(Path(__file__).parents[2] / "simulators" / "soap" / "erp.wsdl")
URL = "https://1234567.suitetalk.example.com/services/ErpPort"
TOKEN = {
    "how": "token",
    "account": "1234567",
    "consumer_key": "consumer-key",
    "consumer_secret": "canary-consumer-secret",
    "token": "token-id",
    "token_secret": "canary-token-secret",
}
CREATE = models.CreateCreditMemo(
    reference="return-17",
    customer_id="7",
    lines=(models.CreditLine(item_id="3", amount=Decimal("12.50"), description="Nut"),),
    memo="Sorry",
)
BORN = "2026-03-01T10:00:00.000Z"
LATER = "2026-03-01T10:05:00.000Z"

NAMESPACES = " ".join(
    f'xmlns:{prefix}="{space}"'
    for prefix, space in {
        "e": "http://schemas.xmlsoap.org/soap/envelope/",
        "c": "urn:core.erp.example",
        "r": "urn:records.erp.example",
        "f": "urn:faults.erp.example",
        "m": "urn:messages.erp.example",
        "xsi": "http://www.w3.org/2001/XMLSchema-instance",
    }.items()
)


def envelope(body: str) -> bytes:
    """A SOAP 1.1 envelope."""
    return f"<e:Envelope {NAMESPACES}><e:Body>{body}</e:Body></e:Envelope>".encode()


def status(*codes: str, kind: str = "ERROR") -> str:
    """The status of a record: done, or the reasons why not."""
    details = "".join(
        f'<c:statusDetail type="{kind}"><c:code>{code}</c:code><c:message>about {code}</c:message></c:statusDetail>'
        for code in codes
    )
    return f'<c:status isSuccess="{"false" if codes and kind == "ERROR" else "true"}">{details}</c:status>'


def write_response(*codes: str, internal_id: str = "501", external_id: str = KEY) -> str:
    """One writeResponse."""
    external = f' externalId="{external_id}"' if external_id else ""
    ref = f'<m:baseRef xsi:type="c:RecordRef" internalId="{internal_id}" type="creditMemo"{external}/>'
    return f"<m:writeResponse>{status(*codes)}{'' if codes else ref}</m:writeResponse>"


def wrote(operation: str, *codes: str, **how: str) -> bytes:
    """What add, update or delete answers."""
    return envelope(f"<m:{operation}Response>{write_response(*codes, **how)}</m:{operation}Response>")


def wrote_list(*responses: str, whole: str = "") -> bytes:
    """What upsertList answers."""
    listed = f"<m:writeResponseList>{whole}{''.join(responses)}</m:writeResponseList>"
    return envelope(f"<m:upsertListResponse>{listed}</m:upsertListResponse>")


def memo_record(key: str = KEY, changed: str = BORN, amount: str = "12.50", text: str = "Sorry") -> str:
    """A credit memo as `get` answers it."""
    line = f"<r:item><r:item internalId='3'/><r:description>Nut</r:description><r:amount>{amount}</r:amount></r:item>"
    return (
        f'<m:record xsi:type="r:CreditMemo" internalId="501" externalId="{key}"><r:tranId>CM501</r:tranId>'
        f'<r:entity internalId="7"/><r:total>{amount}</r:total><r:memo>{text}</r:memo>'
        f"<r:itemList>{line}</r:itemList><r:createdDate>{BORN}</r:createdDate>"
        f"<r:lastModifiedDate>{changed}</r:lastModifiedDate></m:record>"
    )


def customer_record(email: str = "ada@example.com", changed: str = BORN, balance: str = "10.00") -> str:
    """A customer as `get` answers it."""
    return (
        f'<m:record xsi:type="r:Customer" internalId="7"><r:companyName>Acme</r:companyName><r:email>{email}</r:email>'
        f"<r:balance>{balance}</r:balance><r:dateCreated>{BORN}</r:dateCreated>"
        f"<r:lastModifiedDate>{changed}</r:lastModifiedDate></m:record>"
    )


def read_answer(record: str = "", *codes: str) -> bytes:
    """What `get` answers."""
    return envelope(f"<m:getResponse><m:readResponse>{status(*codes)}{record}</m:readResponse></m:getResponse>")


def erp_fault(element: str, code: str, side: str = "e:Server", text: str = "no") -> httpx.Response:
    """A fault with the vendor's detail."""
    detail = f"<f:{element}><f:code>{code}</f:code><f:message>{text}</f:message></f:{element}>"
    body = f"<e:Fault><faultcode>{side}</faultcode><faultstring>{text}</faultstring><detail>{detail}</detail></e:Fault>"
    return xml_reply(envelope(body), 500)


class Account:
    """Answers by operation, in order; the last answer of an operation stays."""

    def __init__(self, **answers: list[Any]) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.texts: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        text = request.content.decode()
        found = re.search(r"Body><(?:\w+:)?(\w+)", text)
        assert found is not None
        self.asked.append(found[1])
        self.texts.append(text)
        queue = self.answers[found[1]]
        answer = queue.pop(0) if len(queue) > 1 else queue[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else xml_reply(answer)


def erp(
    answers: Callable[[httpx.Request], httpx.Response],
    *,
    clock: Clock | None = None,
    secrets: Secrets | None = None,
    **settings: Any,
) -> NetSuiteAdapter:
    """A connector whose requests are answered by a function."""
    made = NetSuiteSettings.model_validate({"wsdl": WSDL, "url": URL, "auth": TOKEN, **settings})
    around = Surroundings("erp", Sources(clock=clock or FakeClock()), secrets or Secrets())
    return NetSuiteAdapter.open(made, around, transport=httpx.MockTransport(answers))

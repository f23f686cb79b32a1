"""Simulated SOAP services that are called with plain zeep, as anyone would."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
import requests
import zeep
from zeep.transports import Transport

from seawall.simulators.server import serve_in_thread
from seawall.simulators.soap import BillingSettings, BillingSimulator, ErpSimulator

Client: Any = zeep.Client
MakeTransport: Any = Transport
PASSPORT = {"email": "integration@example.com", "password": "correct-horse", "account": "TSTDRV1"}
ENV_11 = "http://schemas.xmlsoap.org/soap/envelope/"
ENV_12 = "http://www.w3.org/2003/05/soap-envelope"
CORE, RECORDS = "{urn:core.erp.example}", "{urn:records.erp.example}"


class Erp:
    """zeep, logged in to a simulated ERP."""

    def __init__(self, simulator: ErpSimulator, url: str, *, port: str = "ErpPort", log_in: bool = True) -> None:
        self.simulator = simulator
        transport = MakeTransport(timeout=5, operation_timeout=2)
        self.client = Client(f"{url}/services/{port}?wsdl", transport=transport)
        self.port: Any = self.client.bind("ErpService", port)
        if log_in:
            self.port.login(passport=self.core("Passport", **PASSPORT))

    def core(self, name: str, /, **fields: Any) -> Any:
        return self.client.get_type(f"{CORE}{name}")(**fields)

    def record(self, name: str, /, **fields: Any) -> Any:
        return self.client.get_type(f"{RECORDS}{name}")(**fields)

    def ref(self, **fields: Any) -> Any:
        return self.core("RecordRef", **fields)

    def memo(self, customer: str, **fields: Any) -> Any:
        line = self.record("TransactionItem", amount=Decimal("12.50"))
        lines = self.record("TransactionItemList", item=[line])
        return self.record("CreditMemo", entity=self.ref(internalId=customer), itemList=lines, **fields)

    def close(self) -> None:
        self.client.transport.session.close()


@contextmanager
def an_erp(simulator: ErpSimulator, **how: Any) -> Iterator[Erp]:
    with serve_in_thread(simulator) as url:
        erp = Erp(simulator, url, **how)
        try:
            yield erp
        finally:
            erp.close()


@pytest.fixture
def simulator() -> Iterator[ErpSimulator]:
    made = ErpSimulator()
    yield made
    made.close()


@pytest.fixture
def customer(simulator: ErpSimulator) -> str:
    return simulator.add_record("Customer", {"companyName": "Acme", "email": "a@example.com", "externalId": "C-1"})


@pytest.fixture(params=["ErpPort", "ErpPort12"])
def erp(request: pytest.FixtureRequest, simulator: ErpSimulator) -> Iterator[Erp]:
    with an_erp(simulator, port=request.param) as found:
        yield found


def enveloped(content: str, namespace: str = ENV_11, header: str = "") -> str:
    head = f"<e:Header>{header}</e:Header>" if header else ""
    return f'<e:Envelope xmlns:e="{namespace}">{head}<e:Body>{content}</e:Body></e:Envelope>'


def posted(url: str, path: str, body: str, **headers: str) -> requests.Response:
    """Send a body as it is; headers with underscores for hyphens."""
    given = {"Content-Type": "text/xml", "SOAPAction": '""'}
    given.update({name.replace("_", "-"): value for name, value in headers.items()})
    sent = {name: value for name, value in given.items() if value != "none"}
    return requests.post(f"{url}/{path}", data=body.encode(), headers=sent, timeout=5)


def a_billing(**settings: Any) -> BillingSimulator:
    """A billing service with one account, A1, that holds 100 EUR."""
    simulator = BillingSimulator(BillingSettings(**settings))
    simulator.add_account("A1", "Acme", "100")
    return simulator


def a_credit(amount: str = "1.10", currency: str = "EUR", more: str = "") -> str:
    """The content of a request for a credit."""
    return (
        f'<BookCredit xmlns="urn:billing.example"><accountNo>A1</accountNo><reference>r</reference>'
        f"<amount>{amount}</amount><currency>{currency}</currency>{more}</BookCredit>"
    )


def billing(url: str, port: str, **how: Any) -> Any:
    path = {"Billing11": "billing", "Billing12": "billing12", "BillingRpc11": "billing-rpc"}[port]
    return Client(f"{url}/{path}?wsdl", **how).bind("BillingService", port)


def token_passport(erp: Erp, nonce: str, secret: str = "token-secret") -> Any:
    parts = ["TSTDRV1", "seawall-app", "seawall-token", nonce, "1700000000"]
    signature = hmac.digest(f"app-secret&{secret}".encode(), "&".join(parts).encode(), hashlib.sha256)
    signed = erp.core("TokenPassportSignature", _value_1=base64.b64encode(signature).decode(), algorithm="HMAC-SHA256")
    element = erp.client.get_element("{urn:messages.erp.example}tokenPassport")
    names = ("account", "consumerKey", "token", "nonce", "timestamp")
    return element(**dict(zip(names, parts, strict=True)), signature=signed)

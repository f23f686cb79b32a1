"""The simulated billing service, called with plain zeep: references, one-way calls, who is let in."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest
import zeep.exceptions
from lxml import etree  # type: ignore[import-untyped] # it ships none
from zeep.wsse import username

from seawall.simulators.server import serve_in_thread
from seawall.simulators.soap import BillingSettings, BillingSimulator

from .conftest import ENV_12, a_billing, a_credit, billing, enveloped, posted

UsernameToken: Any = username.UsernameToken
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"


def book(port: Any, **how: Any) -> Any:
    return port.BookCredit(accountNo="A1", reference="r", amount=Decimal("1.10"), currency="EUR", **how)


@pytest.mark.parametrize("port", ["Billing11", "Billing12", "BillingRpc11"])
def test_a_reference_is_stored_and_not_kept_unique(port: str) -> None:
    simulator = a_billing()
    with serve_in_thread(simulator) as url:
        called = billing(url, port)
        assert [book(called).newBalance for _ in range(2)] == [Decimal("101.10"), Decimal("102.20")]
    assert [effect.fields["reference"] for effect in simulator.effects] == ["r", "r"]


def test_a_one_way_operation_is_accepted_and_done() -> None:
    simulator = a_billing()
    with serve_in_thread(simulator) as url:
        assert billing(url, "Billing11").NotifyCustomer(accountNo="A1", text="hello") is None
    assert [(one.kind, one.fields["text"]) for one in simulator.effects] == [("invoke", "hello")]


@pytest.mark.parametrize("digest", [True, False], ids=["digest", "text"])
def test_a_username_token_lets_in(digest: bool) -> None:
    simulator = a_billing(security="username_token")
    with serve_in_thread(simulator) as url:
        good = UsernameToken("integration", "correct-horse", use_digest=digest)
        book(billing(url, "Billing11", wsse=good))
        for wrong in (None, UsernameToken("integration", "wrong", use_digest=digest)):
            with pytest.raises(zeep.exceptions.Fault):
                book(billing(url, "Billing11", wsse=wrong))
    assert len(simulator.effects) == 1


def test_a_username_token_is_not_let_in_twice_nor_late() -> None:
    now = [1_700_000_000.0]
    simulator = BillingSimulator(BillingSettings(security="username_token"), now=lambda: now[0])
    simulator.add_account("A1", "Acme")
    with serve_in_thread(simulator) as url:
        called = billing(url, "Billing11", wsse=UsernameToken("integration", "correct-horse", use_digest=True))
        with pytest.raises(zeep.exceptions.Fault, match="has expired") as raised:  # zeep stamps it with the real time
            book(called)
        assert raised.value.code == "sub:MessageExpired"
        now[0] = time.time()
        once = UsernameToken("integration", "correct-horse", use_digest=True, nonce="n", created=None)
        twice = billing(url, "Billing11", wsse=once)
        book(twice)
        with pytest.raises(zeep.exceptions.Fault, match="could not be authenticated"):
            book(twice)
    assert len(simulator.effects) == 1


def test_a_session_in_a_header_ends_after_its_time() -> None:
    now = [1000.0]
    simulator = BillingSimulator(BillingSettings(security="session", session_life=10), now=lambda: now[0])
    simulator.add_account("A1", "Acme")
    with serve_in_thread(simulator) as url:
        called = billing(url, "Billing11")
        session = called.Login(user="integration", password="correct-horse")
        header = {"_soapheaders": {"sessionHeader": {"sessionId": session}}}
        book(called, **header)
        now[0] += 11
        with pytest.raises(zeep.exceptions.Fault) as raised:
            book(called, **header)
    assert raised.value.detail[0][0].text == "SESSION_EXPIRED"
    assert len(simulator.effects) == 1


def test_the_fault_of_the_security_header_is_a_subcode_in_soap_12() -> None:
    with serve_in_thread(a_billing(security="username_token")) as url:
        answer = posted(url, "billing12", enveloped(a_credit(), ENV_12), Content_Type="application/soap+xml")
    subcode = etree.fromstring(answer.content).find(f".//{{{ENV_12}}}Subcode/{{{ENV_12}}}Value")
    assert subcode is not None
    prefix, _, name = (subcode.text or "").partition(":")
    assert (subcode.nsmap[prefix], name) == (WSSE, "InvalidSecurity")


def test_a_plain_password_with_a_nonce_is_let_in_once_and_a_digest_can_be_demanded() -> None:
    token = (
        f'<w:Security xmlns:w="{WSSE}"><w:UsernameToken><w:Username>integration</w:Username>'
        "<w:Password>correct-horse</w:Password><w:Nonce>bg==</w:Nonce></w:UsernameToken></w:Security>"
    )
    simulator, strict = (
        a_billing(security="username_token"),
        a_billing(security="username_token", user={"digest_only": True}),
    )
    with serve_in_thread(simulator) as url:
        answers = [posted(url, "billing", enveloped(a_credit(), header=token)).status_code for _ in range(2)]
    with serve_in_thread(strict) as url:
        refused = posted(url, "billing", enveloped(a_credit(), header=token))
    assert (answers, len(simulator.effects)) == ([200, 500], 1)
    assert ("FailedAuthentication" in refused.text, len(strict.effects)) == (True, 0)


def test_what_other_users_book_is_found_and_is_not_in_the_effect_log() -> None:
    simulator = a_billing()
    credit = simulator.add_credit("A1", "r", "5.00", text="theirs")
    simulator.change_credit(credit, text="changed")
    with serve_in_thread(simulator) as url:
        found = billing(url, "Billing11").FindCredits(reference="r")
        account = billing(url, "Billing11").GetAccount(accountNo="A1")
    assert [(one.creditNo, one.amount, one.text, one.state) for one in found] == [
        (credit, Decimal("5.00"), "changed", "booked")
    ]
    assert (account.balance, account.creditLimit, len(simulator.effects)) == (Decimal("105.00"), None, 0)


def test_a_credit_is_reversed_once() -> None:
    simulator = a_billing()
    credit = simulator.add_credit("A1", "r", "5.00")
    with serve_in_thread(simulator) as url:
        port = billing(url, "Billing12")
        assert port.ReverseCredit(creditNo=credit).newBalance == Decimal("100.00")
        with pytest.raises(zeep.exceptions.Fault, match="is reversed") as raised:
            port.ReverseCredit(creditNo=credit)
    assert raised.value.detail[0].tag == "{urn:billing.example}billingFault"
    assert [effect.kind for effect in simulator.effects] == ["update"]

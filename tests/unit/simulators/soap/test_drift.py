"""Answers and contracts that are not what was published."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import requests

from seawall.simulators.server import serve_in_thread
from seawall.simulators.soap import BillingSettings, BillingSimulator, Change, Drift, ErpSettings, ErpSimulator, Wsdl

from .conftest import Client, a_billing, a_credit, billing, enveloped, posted


@pytest.mark.parametrize(
    ("drift", "shows"),
    [
        (Drift(added=True), "addedInTheNextRelease"),
        (Drift(replaced={"creditNo": "not-a-number"}), ">not-a-number<"),
        (Drift(nil=("creditNo",)), 'nil="true"'),
        (Drift(renamed={"creditNo": "creditNumber"}), "creditNumber>CR1<"),
        (Drift(entities="file"), '<!ENTITY stolen SYSTEM "file:///etc/hostname">'),
        (Drift(entities="bomb"), ">&b11;<"),
    ],
    ids=["added", "replaced", "nil", "renamed", "entity of a file", "entities without end"],
)
def test_an_answer_departs_from_its_contract_although_the_write_landed(drift: Drift, shows: str) -> None:
    assert shows in booked_with(drift)


def test_an_element_is_left_out_of_an_answer_although_the_write_landed() -> None:
    assert "creditNo" not in booked_with(Drift(removed=("creditNo",)))


def test_a_departure_for_other_operations_leaves_an_answer_as_it_is() -> None:
    assert "creditNo" in booked_with(Drift(removed=("creditNo",), operations=("GetAccount",)))


def test_a_departure_begins_at_its_time() -> None:
    now = [1000.0]
    simulator = BillingSimulator(BillingSettings(drift=(Drift(since=60, removed=("creditNo",)),)), now=lambda: now[0])
    simulator.add_account("A1", "Acme")
    with serve_in_thread(simulator) as url:
        before = posted(url, "billing", enveloped(a_credit())).text
        now[0] += 60
        after = posted(url, "billing", enveloped(a_credit())).text
    assert ("creditNo" in before, "creditNo" in after, len(simulator.effects)) == (True, False, 2)


def booked_with(drift: Drift) -> str:
    simulator = a_billing(drift=(drift,))
    with serve_in_thread(simulator) as url:
        answer = posted(url, "billing", enveloped(a_credit()))
    assert (answer.status_code, len(simulator.effects)) == (200, 1)
    return answer.text


@pytest.mark.parametrize(
    ("kind", "shows"),
    [
        ("faithful", b"wsdl:definitions"),
        ("imports_elsewhere", b"elsewhere.xsd"),
        ("doctype", b"file:///etc/hostname"),
        ("bomb", b"&b11;"),
    ],
)
def test_the_wsdl_is_served_as_the_settings_have_it(kind: str, shows: bytes) -> None:
    simulator = ErpSimulator(ErpSettings(wsdl=Wsdl(kind=kind)))
    with serve_in_thread(simulator) as url:
        answer = requests.get(f"{url}/services/ErpPort?wsdl", timeout=5)
    assert (answer.status_code, shows in answer.content) == (200, True)
    assert f"{url}/services/ErpPort12".encode() in answer.content


def test_the_wsdl_can_be_away() -> None:
    with serve_in_thread(ErpSimulator(ErpSettings(wsdl=Wsdl(kind="unavailable")))) as url:
        assert requests.get(f"{url}/services/ErpPort?wsdl", timeout=5).status_code == 503


def test_schemas_can_be_documents_of_their_own() -> None:
    simulator = ErpSimulator(ErpSettings(wsdl=Wsdl(split=True)))
    with serve_in_thread(simulator) as url:
        wsdl = requests.get(f"{url}/services/ErpPort?wsdl", timeout=5).text
        missing = requests.get(f"{url}/services/ErpPort?xsd=9", timeout=5)
        client = Client(f"{url}/services/ErpPort?wsdl")
    assert ("?xsd=1" in wsdl, "SearchResult" in wsdl, missing.status_code) == (True, False, 404)
    assert client.get_type("{urn:records.erp.example}CreditMemo")(memo="m").memo == "m"


def changing(*changes: Change, since: float = 0.0, now: Any = None) -> BillingSimulator:
    settings = BillingSettings(wsdl=Wsdl(kind="changed", changes=changes, since=since))
    simulator = BillingSimulator(settings, now=now)
    simulator.add_account("A1", "Acme")
    return simulator


ADDED = Change(kind="added", within="BookCredit", element="costCentre")
REMOVED = Change(kind="removed", within="BookCredit", element="text")
RENAMED = Change(kind="renamed", within="BookCredit", element="text", name="remark")


@pytest.mark.parametrize(
    ("change", "old", "new"),
    [
        (ADDED, a_credit(), a_credit(more="<costCentre>7</costCentre>")),
        (REMOVED, a_credit(more="<text>t</text>"), a_credit()),
        (RENAMED, a_credit(more="<text>t</text>"), a_credit(more="<remark>t</remark>")),
    ],
    ids=["added", "removed", "renamed"],
)
def test_a_changed_contract_holds_from_its_time_for_the_wsdl_and_for_requests(
    change: Change, old: str, new: str
) -> None:
    now = [1000.0]
    simulator = changing(change, since=60, now=lambda: now[0])
    with serve_in_thread(simulator) as url:
        published = requests.get(f"{url}/billing?wsdl", timeout=5).text
        assert [posted(url, "billing", enveloped(one)).status_code for one in (old, a_credit())] == [200, 200]
        now[0] += 60
        assert requests.get(f"{url}/billing?wsdl", timeout=5).text != published
        assert [posted(url, "billing", enveloped(one)).status_code for one in (old, new)] == [500, 200]
    assert len(simulator.effects) == 3


def test_who_reads_the_changed_wsdl_can_call_by_it() -> None:
    simulator = changing(ADDED, RENAMED)
    content = {"accountNo": "A1", "reference": "r", "amount": Decimal("1.10"), "currency": "EUR"}
    with serve_in_thread(simulator) as url:
        billing(url, "Billing11").BookCredit(**content, remark="t", costCentre="7")
    assert simulator.effects[0].fields["text"] == "t"

"""The kinds of fault that only SOAP services show, on both sides of the commit, judged by the effect log."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from lxml import etree  # type: ignore[import-untyped] # it ships none
from support.virtual import virtual

from seawall.simulators.faults import Plan, PlanError
from seawall.simulators.inprocess import InProcessTransport
from seawall.simulators.soap import BillingSettings, BillingSimulator

from .conftest import ENV_11, ENV_12, a_credit, enveloped

WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
USER = (
    f'<s:Security xmlns:s="{WSSE}"><s:UsernameToken><s:Username>integration</s:Username>'
    "<s:Password>correct-horse</s:Password></s:UsernameToken></s:Security>"
)


async def booked(
    fault: dict[str, Any], *, namespace: str = ENV_11, **settings: Any
) -> tuple[httpx.Response, list[str]]:
    """What a client sees who books a credit, and what really happened."""
    match = {"match": {"operation": "BookCredit"}}
    plan = Plan.model_validate({"faults": [{"id": "f0", **match, **fault}]})
    simulator = BillingSimulator(BillingSettings.model_validate(settings), plan)
    simulator.add_account("A1", "Acme", "100")
    path = "billing" if namespace == ENV_11 else "billing12"
    content_type = "text/xml" if namespace == ENV_11 else "application/soap+xml"
    async with httpx.AsyncClient(base_url="http://erp.test", transport=InProcessTransport(simulator)) as http:
        answer = await http.post(
            f"/{path}",
            content=enveloped(a_credit(), namespace, USER),
            headers={"content-type": content_type, "soapaction": '""'},
        )
    assert simulator.faults.never_fired() == ()
    return answer, [effect.kind for effect in simulator.effects]


def content_of(answer: httpx.Response) -> Any:
    return etree.fromstring(answer.content).find("{*}Body")[0]


def names(element: Any) -> list[str]:
    return [etree.QName(one).localname for one in element.iter()]


@pytest.mark.parametrize(
    ("point", "truth"), [("apply", []), ("before_commit", []), ("after_commit", ["insert"]), ("respond", ["insert"])]
)
@pytest.mark.parametrize("status", [200, 500])
def test_fault_looks_the_same_on_both_sides_of_the_commit(point: str, truth: list[str], status: int) -> None:
    @virtual
    async def check() -> None:
        answer, happened = await booked({"point": point, "kind": "soap_fault", "params": {"status": status}})
        assert answer.status_code == status
        assert names(content_of(answer)) == ["Fault", "faultcode", "faultstring"]
        assert content_of(answer).findtext("faultcode") == "soapenv:Server"
        assert happened == truth

    check()


@pytest.mark.parametrize(
    ("code", "told"),
    [("Server", "Receiver"), ("Client", "Sender"), ("MustUnderstand", "MustUnderstand")],
)
@virtual
async def test_fault_names_its_code_in_the_words_of_its_version(code: str, told: str) -> None:
    fault = {"point": "apply", "kind": "soap_fault", "params": {"code": code}}
    one, happened = await booked(fault)
    assert content_of(one).findtext("faultcode") == f"soapenv:{code}"
    other, _ = await booked(fault, namespace=ENV_12)
    assert content_of(other).findtext(".//{*}Code/{*}Value") == f"soapenv:{told}"
    assert happened == []


@virtual
async def test_fault_may_hold_a_page_of_html() -> None:
    answer, _ = await booked({"point": "apply", "kind": "soap_fault", "params": {"detail": "html"}})
    assert names(content_of(answer).find("detail")) == ["detail", "html", "head", "title", "body", "h1"]


async def drifted(how: str) -> tuple[Any, Any]:
    """The content of the answer as it should be, and as it came."""
    right, _ = await booked({"point": "apply", "kind": "slow", "params": {"seconds": 0}})
    wrong, happened = await booked({"point": "after_commit", "kind": "soap_drift", "params": {"how": how}})
    assert (wrong.status_code, happened) == (200, ["insert"])
    return content_of(right), content_of(wrong)


@virtual
async def test_added_elements_are_in_every_structure() -> None:
    right, wrong = await drifted("added")
    structures = [one for one in right.iter() if len(one)]
    assert names(wrong).count("addedInTheNextRelease") == len(structures)
    assert [name for name in names(wrong) if name != "addedInTheNextRelease"] == names(right)


@virtual
async def test_nil_values_are_said_to_be_nil() -> None:
    right, wrong = await drifted("nil")
    leaves = [one for one in wrong.iter() if not len(one)]
    assert names(wrong) == names(right)
    assert {one.get("{http://www.w3.org/2001/XMLSchema-instance}nil") for one in leaves} == {"true"}
    assert {one.text for one in leaves} == {None}


@virtual
async def test_namespace_is_that_of_another_version() -> None:
    right, wrong = await drifted("namespace")
    assert names(wrong) == names(right)
    assert etree.QName(wrong).namespace == f"{etree.QName(right).namespace}/v2"


@virtual
async def test_order_is_turned_round() -> None:
    right, wrong = await drifted("order")
    assert [name for name in names(right) if name in names(wrong)] == names(right)
    structure = next(one for one in right.iter() if len(one) > 1)
    (turned,) = [one for one in wrong.iter() if etree.QName(one).localname == etree.QName(structure).localname]
    assert names(turned)[1:] == names(structure)[:0:-1]


@virtual
async def test_last_element_is_removed() -> None:
    right, wrong = await drifted("removed")
    assert names(wrong) == names(right)[:-1]


@virtual
async def test_a_fault_does_not_drift() -> None:
    nobody = {"point": "after_commit", "kind": "soap_drift", "match": {"operation": "GetAccount"}}
    plan = Plan.model_validate({"faults": [{"id": "f0", **nobody, "params": {"how": "namespace"}}]})
    service = InProcessTransport(BillingSimulator(plan=plan))
    async with httpx.AsyncClient(base_url="http://erp.test", transport=service) as http:
        asked = enveloped('<GetAccount xmlns="urn:billing.example"><accountNo>nobody</accountNo></GetAccount>')
        answer = await http.post("/billing", content=asked, headers={"content-type": "text/xml", "soapaction": '""'})
    assert names(content_of(answer))[:2] == ["Fault", "faultcode"]


@virtual
async def test_message_that_is_too_old_is_refused_in_the_words_of_ws_security() -> None:
    fault = {"point": "apply", "kind": "ws_security_expired"}
    answer, happened = await booked(fault, security="username_token")
    assert answer.status_code == 500
    assert content_of(answer).findtext("faultcode") == "sub:MessageExpired"
    assert happened == []


def test_service_without_ws_security_refuses_a_plan_with_it() -> None:
    plan = Plan.model_validate({"faults": [{"id": "f0", "point": "apply", "kind": "ws_security_expired"}]})
    with pytest.raises(PlanError) as refused:
        BillingSimulator(plan=plan)
    assert "ws_security_expired befalls services with WS-Security, and billing is none" in str(refused.value)

"""Faults on both sides of the commit, judged by the effect log."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import zeep.exceptions

from seawall.simulators.faults import Plan
from seawall.simulators.server import serve_in_thread
from seawall.simulators.soap import ErpSettings, ErpSimulator

from .conftest import Erp, a_billing, a_credit, an_erp, enveloped, posted, token_passport


def faulty(*faults: dict[str, Any], **settings: Any) -> tuple[ErpSimulator, str]:
    plan = Plan.model_validate({"faults": [{"id": f"f{n}", **fault} for n, fault in enumerate(faults)]})
    simulator = ErpSimulator(ErpSettings(**settings), plan)
    return simulator, simulator.add_record("Customer", {"companyName": "Acme"})


def upsert(erp: Erp, customer: str, **how: Any) -> Any:
    return erp.port.upsert(record=erp.memo(customer, externalId="k1"), **how)


@pytest.mark.parametrize(("point", "effects"), [("apply", 0), ("after_commit", 1)])
def test_a_reset_looks_the_same_before_and_after_the_commit(point: str, effects: int) -> None:
    simulator, customer = faulty({"match": {"lane": "write"}, "point": point, "kind": "reset"})
    with an_erp(simulator) as erp, pytest.raises(requests.ConnectionError):
        upsert(erp, customer)
    assert len(simulator.effects) == effects


def test_a_single_call_may_finish_long_after_the_client_went() -> None:
    late = {"match": {"operation": "upsert"}, "point": "later", "kind": "late_commit"}
    simulator, customer = faulty({**late, "params": {"delay": 0.3, "reply": "reset"}})
    with an_erp(simulator) as erp:
        with pytest.raises(requests.ConnectionError):
            upsert(erp, customer)
        assert len(simulator.effects) == 0
        for _ in range(10_000):  # more than a fast machine asks in the delay
            if not simulator.outstanding:
                break
            erp.port.get(baseRef=erp.ref(internalId=customer, type="customer"))
    assert [effect.cause for effect in simulator.effects] == ["late"]


def test_a_retry_that_meets_the_running_original_is_told_that_the_record_changed() -> None:
    late = {"match": {"operation": "upsert"}, "point": "later", "kind": "late_commit", "trigger": {"nth": 1}}
    simulator, customer = faulty({**late, "params": {"delay": 3, "reply": "reset", "locks": True}})
    with an_erp(simulator) as erp:
        with pytest.raises(requests.ConnectionError):
            upsert(erp, customer)
        assert upsert(erp, customer).status.statusDetail[0].code == "RCRD_HAS_BEEN_CHANGED"


def test_a_list_is_cut_after_a_record_without_an_answer() -> None:
    cut = {
        "match": {"operation": "upsertList"},
        "point": "apply",
        "kind": "cut_batch",
        "params": {"k": 2, "seconds": 0},
    }
    simulator, customer = faulty(cut)
    with an_erp(simulator) as erp, pytest.raises(requests.ConnectionError):
        erp.port.upsertList(record=[erp.memo(customer, externalId=name) for name in "abc"])
    assert [effect.fields["externalId"] for effect in simulator.effects] == ["a", "b"]


def test_a_batch_that_is_cut_needs_a_batch() -> None:
    cut = {"match": {"operation": "upsertList"}, "point": "apply", "kind": "cut_batch"}
    simulator, customer = faulty(cut)
    with an_erp(simulator) as erp:
        upsert(erp, customer)
    assert len(simulator.effects) == 1


@pytest.mark.parametrize(
    ("token", "element", "code"),
    [
        (False, "exceededRequestLimitFault", "WS_CONCUR_SESSION_DISALLWD"),
        (True, "exceededConcurrentRequestLimitFault", "WS_REQUEST_BLOCKED"),
    ],
    ids=["session", "token"],
)
def test_a_concurrency_fault_has_the_code_of_the_way_of_authentication(token: bool, element: str, code: str) -> None:
    simulator, customer = faulty({"match": {"lane": "write"}, "point": "apply", "kind": "throttle"})
    with an_erp(simulator, log_in=not token) as erp, pytest.raises(zeep.exceptions.Fault) as raised:
        upsert(erp, customer, _soapheaders=[token_passport(erp, "n1")] if token else [])
    detail = raised.value.detail[0]
    assert (detail.tag, detail[0].text) == (f"{{urn:faults.erp.example}}{element}", code)
    assert len(simulator.effects) == 0


@pytest.mark.parametrize("port", ["ErpPort", "ErpPort12"])
@pytest.mark.parametrize(("point", "effects"), [("apply", 0), ("after_commit", 1)])
def test_an_unexpected_error_is_no_word_on_what_happened(port: str, point: str, effects: int) -> None:
    broken = {"match": {"operation": "upsert"}, "point": point, "kind": "status", "params": {"status": 500}}
    simulator, customer = faulty(broken)
    with an_erp(simulator, port=port) as erp, pytest.raises(zeep.exceptions.Fault) as raised:
        upsert(erp, customer)
    assert raised.value.detail[0][0].text == "UNEXPECTED_ERROR"
    assert len(simulator.effects) == effects


@pytest.mark.parametrize("operation", ["update", "delete", "upsert"])
def test_a_record_that_is_being_written_is_locked_however_it_is_named(operation: str) -> None:
    slow = {"match": {"operation": "update"}, "point": "later", "kind": "late_commit", "trigger": {"nth": 1}}
    simulator, customer = faulty({**slow, "params": {"delay": 30, "reply": "reset", "locks": True}})
    memo = simulator.add_record("CreditMemo", {"entity": customer, "externalId": "k1"})
    with an_erp(simulator) as erp:
        with pytest.raises(requests.ConnectionError):
            erp.port.update(record=erp.memo(customer, internalId=memo))
        if operation == "delete":
            answered = erp.port.delete(baseRef=erp.ref(externalId="k1", type="creditMemo"))
        else:
            answered = getattr(erp.port, operation)(record=erp.memo(customer, externalId="k1"))
    assert answered.status.statusDetail[0].code == "RCRD_HAS_BEEN_CHANGED"


def test_a_delete_that_still_runs_locks_its_record() -> None:
    late = {"match": {"operation": "delete"}, "point": "later", "kind": "late_commit", "trigger": {"nth": 1}}
    simulator, customer = faulty({**late, "params": {"delay": 30, "reply": "reset", "locks": True}})
    memo = simulator.add_record("CreditMemo", {"entity": customer, "externalId": "k1"})
    with an_erp(simulator) as erp:
        with pytest.raises(requests.ConnectionError):
            erp.port.delete(baseRef=erp.ref(internalId=memo, type="creditMemo"))
        assert upsert(erp, customer).status.statusDetail[0].code == "RCRD_HAS_BEEN_CHANGED"


def test_a_gateways_page_can_stand_in_place_of_an_answer_with_200() -> None:
    simulator, customer = faulty({"match": {"operation": "upsert"}, "point": "respond", "kind": "html_200"})
    with an_erp(simulator) as erp, pytest.raises(zeep.exceptions.XMLSyntaxError, match="html"):
        upsert(erp, customer)
    assert len(simulator.effects) == 1


def test_a_reversal_meets_the_lock_of_the_account() -> None:
    simulator = a_billing()
    credit = simulator.add_credit("A1", "r", "5.00")
    unlock = simulator.store.hold(["Account/A1"])
    ask = f'<ReverseCredit xmlns="urn:billing.example"><creditNo>{credit}</creditNo></ReverseCredit>'
    with serve_in_thread(simulator) as url:
        assert "ACCOUNT_LOCKED" in posted(url, "billing", enveloped(ask)).text
        assert "ACCOUNT_LOCKED" in posted(url, "billing", enveloped(a_credit())).text
        assert len(simulator.effects) == 0
        unlock()
        assert "newBalance>100.00<" in posted(url, "billing", enveloped(ask)).text
    assert len(simulator.effects) == 1

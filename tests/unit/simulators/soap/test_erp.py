"""The simulated ERP: external ids, status inside 200, typed faults, sessions, tokens; judged by its effect log."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import zeep.exceptions

from seawall.simulators.soap import ErpSettings, ErpSimulator

from .conftest import PASSPORT, Erp, an_erp, token_passport


def code_of(response: Any) -> str | None:
    return None if response.status.isSuccess else response.status.statusDetail[0].code


def test_an_upsert_makes_a_record_once_and_changes_it_then(erp: Erp, simulator: ErpSimulator, customer: str) -> None:
    first = erp.port.upsert(record=erp.memo(customer, externalId="k1", memo="first"))
    again = erp.port.upsert(record=erp.memo(customer, externalId="k1", memo="second"))
    assert (code_of(first), first.baseRef.internalId) == (None, again.baseRef.internalId)
    assert [(one.kind, one.fields["memo"]) for one in simulator.effects] == [("insert", "first"), ("update", "second")]
    assert simulator.effects[1].changed == ("memo",)


def test_a_record_that_was_written_is_read_with_exact_amounts(erp: Erp, customer: str) -> None:
    currency = erp.ref(name="EUR")
    erp.port.upsert(record=erp.memo(customer, externalId="k1", memo="Zoë & <co>", currency=currency))
    record = erp.port.get(baseRef=erp.ref(externalId="k1", type="creditMemo")).record
    assert (record.total, record.itemList.item[0].amount) == (Decimal("12.50"), Decimal("12.50"))
    assert (record.memo, record.currency.name, record.entity.name) == ("Zoë & <co>", "EUR", "Acme")


def test_a_taken_external_id_is_refused_for_add(erp: Erp, simulator: ErpSimulator, customer: str) -> None:
    assert code_of(erp.port.add(record=erp.memo(customer, externalId="k1"))) is None
    assert code_of(erp.port.add(record=erp.memo(customer, externalId="k1"))) == "DUP_RCRD"
    assert len(simulator.effects) == 1


def test_an_internal_id_is_not_allowed_for_upsert(erp: Erp, simulator: ErpSimulator, customer: str) -> None:
    made = erp.port.add(record=erp.memo(customer, externalId="k1")).baseRef.internalId
    assert code_of(erp.port.upsert(record=erp.memo(customer, internalId=made))) == "USER_ERROR"
    assert len(simulator.effects) == 1


def test_an_external_id_is_the_same_in_capitals(erp: Erp, simulator: ErpSimulator, customer: str) -> None:
    first = erp.port.upsert(record=erp.memo(customer, externalId="key-a"))
    second = erp.port.upsert(record=erp.memo(customer, externalId="KEY-A"))
    assert first.baseRef.internalId == second.baseRef.internalId
    assert [effect.kind for effect in simulator.effects] == ["insert", "update"]


def test_an_external_id_of_another_kind_of_transaction_is_taken(
    erp: Erp, simulator: ErpSimulator, customer: str
) -> None:
    simulator.add_record("Invoice", {"entity": customer, "externalId": "k1"})
    assert code_of(erp.port.upsert(record=erp.memo(customer, externalId="k1"))) == "DUP_RCRD"
    made = erp.port.add(record=erp.memo(customer, externalId="k2")).baseRef.internalId
    assert code_of(erp.port.update(record=erp.memo(customer, internalId=made, externalId="k1"))) == "DUP_RCRD"
    assert code_of(erp.port.upsert(record=erp.record("Customer", companyName="B", externalId="k1"))) is None
    assert [effect.object for effect in simulator.effects] == ["CreditMemo", "Customer"]


def test_warnings_come_with_successes_and_before_the_error_of_a_refusal() -> None:
    simulator = ErpSimulator(ErpSettings(warnings=("PERIOD_CLOSES_SOON",)))
    owner = simulator.add_record("Customer", {"companyName": "Acme"})
    with an_erp(simulator) as erp:
        made = erp.port.add(record=erp.memo(owner)).status
        refused = erp.port.add(record=erp.record("CreditMemo")).status
    assert (made.isSuccess, [one.type for one in made.statusDetail]) == (True, ["WARN"])
    assert (refused.isSuccess, [one.type for one in refused.statusDetail]) == (False, ["WARN", "ERROR"])
    assert len(simulator.effects) == 1


def test_a_search_with_an_operator_that_does_not_exist_is_a_fault(erp: Erp, customer: str) -> None:
    condition = erp.core("SearchStringField", searchValue="k1", operator="resembles")
    with pytest.raises(zeep.exceptions.Fault, match="operator"):
        erp.port.search(searchRecord=erp.record("TransactionSearchBasic", externalIdString=condition))


@pytest.mark.parametrize("operation", ["update", "delete", "get"])
def test_a_record_that_does_not_exist_is_said_inside_200(erp: Erp, customer: str, operation: str) -> None:
    ref = erp.ref(internalId="77", type="creditMemo")
    content = {"record": erp.memo(customer, internalId="77")} if operation == "update" else {"baseRef": ref}
    assert code_of(getattr(erp.port, operation)(**content)) == "RCRD_DSNT_EXIST"


def test_a_list_answers_for_each_record_and_keeps_the_good_ones(
    erp: Erp, simulator: ErpSimulator, customer: str
) -> None:
    records = [erp.memo(customer, externalId="a"), erp.memo("999", externalId="b"), erp.memo(customer, externalId="c")]
    answered = erp.port.upsertList(record=records).writeResponse
    assert [code_of(one) for one in answered] == [None, "INVALID_KEY_OR_REF", None]
    assert [one.fields["externalId"] for one in simulator.effects] == ["a", "c"]


def test_a_list_that_is_too_long_is_a_typed_fault(customer: str) -> None:
    simulator = ErpSimulator(ErpSettings(largest_list=1))
    owner = simulator.add_record("Customer", {"companyName": "Acme"})
    with an_erp(simulator) as erp, pytest.raises(zeep.exceptions.Fault) as raised:
        erp.port.upsertList(record=[erp.memo(owner, externalId=name) for name in "ab"])
    assert raised.value.detail[0][0].text == "MAX_RCRDS_EXCEEDED"
    assert len(simulator.effects) == 0


def test_a_search_finds_by_external_id(erp: Erp, customer: str) -> None:
    erp.port.upsert(record=erp.memo(customer, externalId="k1"))
    erp.port.upsert(record=erp.memo(customer, externalId="k12"))
    condition = erp.core("SearchStringField", searchValue="k1", operator="is")
    found = erp.port.search(searchRecord=erp.record("TransactionSearchBasic", externalIdString=condition))
    assert [one.externalId for one in found.recordList.record] == ["k1"]


def test_without_a_login_nothing_is_answered(simulator: ErpSimulator, customer: str) -> None:
    with an_erp(simulator, log_in=False) as erp, pytest.raises(zeep.exceptions.Fault) as raised:
        erp.port.upsert(record=erp.memo(customer, externalId="k1"))
    assert raised.value.detail[0].tag == "{urn:faults.erp.example}invalidSessionFault"
    assert raised.value.detail[0][0].text == "WS_LOG_IN_REQD"
    assert len(simulator.effects) == 0


def test_a_wrong_password_is_refused(simulator: ErpSimulator) -> None:
    with an_erp(simulator, log_in=False) as erp, pytest.raises(zeep.exceptions.Fault) as raised:
        erp.port.login(passport=erp.core("Passport", **{**PASSPORT, "password": "wrong"}))
    assert raised.value.detail[0][0].text == "INVALID_LOGIN_CREDENTIALS"


@pytest.mark.parametrize(("idle", "absolute"), [(10.0, 1000.0), (1000.0, 10.0)], ids=["idle", "absolute"])
def test_a_session_ends_after_its_time(idle: float, absolute: float) -> None:
    now = [1000.0]
    settings = ErpSettings(idle_timeout=idle, absolute_timeout=absolute)
    simulator = ErpSimulator(settings, now=lambda: now[0])
    with an_erp(simulator) as erp:
        now[0] += 11.0
        with pytest.raises(zeep.exceptions.Fault) as raised:
            erp.port.get(baseRef=erp.ref(internalId="1", type="customer"))
    assert raised.value.detail[0][0].text == "SESSION_TIMED_OUT"


def test_a_signed_token_is_let_in_once(simulator: ErpSimulator, customer: str) -> None:
    ref = {"internalId": customer, "type": "customer"}
    with an_erp(simulator, log_in=False) as erp:
        header = [token_passport(erp, "n1")]
        assert code_of(erp.port.get(baseRef=erp.ref(**ref), _soapheaders=header)) is None
        for refused in (header, [token_passport(erp, "n2", "wrong")]):
            with pytest.raises(zeep.exceptions.Fault):
                erp.port.get(baseRef=erp.ref(**ref), _soapheaders=refused)


def test_what_other_users_do_is_not_in_the_effect_log(simulator: ErpSimulator, customer: str) -> None:
    memo = simulator.add_record("CreditMemo", {"entity": customer, "externalId": "theirs"})
    simulator.change_record("CreditMemo", memo, {"memo": "changed"})
    simulator.delete_record("CreditMemo", memo)
    assert len(simulator.effects) == 0

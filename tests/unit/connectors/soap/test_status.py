"""A status inside an answer says for a record whether it was done, with several reasons at once."""

from __future__ import annotations

from typing import Any

import pytest

from seawall.connectors.soap.status import RecordStatus
from seawall.core.adapter import Mapped
from seawall.core.errors import Ambiguous, BusinessRule, Conflict, ContractBroken, NotFound, Throttled

NETSUITE = RecordStatus()
SALESFORCE = RecordStatus(at="", success="success", details="errors", code="statusCode", kind=None)
ERRORS = {
    "BUSY": Mapped(Throttled),
    "GONE": Mapped(NotFound),
    "DUP": Mapped(Conflict),
    "UNEXPECTED": Mapped(Ambiguous),
}


def no(*details: tuple[str, str, str]) -> dict[str, Any]:
    rows = [{"type": kind, "code": code, "message": message} for kind, code, message in details]
    return {"status": {"isSuccess": False, "statusDetail": rows}}


def test_a_record_that_was_done_has_no_error() -> None:
    assert NETSUITE.error({"status": {"isSuccess": True, "statusDetail": []}}, ERRORS) is None


def test_a_warning_beside_a_success_is_no_error() -> None:
    answer = {"status": {"isSuccess": True, "statusDetail": [{"type": "WARN", "code": "W", "message": "m"}]}}
    assert NETSUITE.error(answer, ERRORS) is None


def test_an_error_beside_a_success_breaks_the_contract() -> None:
    answer = {"status": {"isSuccess": True, "statusDetail": [{"type": "ERROR", "code": "GONE", "message": "m"}]}}
    assert isinstance(NETSUITE.error(answer, ERRORS), ContractBroken)


@pytest.mark.parametrize("answer", [None, {}, {"status": {}}, {"status": {"isSuccess": None}}, {"status": "ok"}])
def test_an_answer_that_does_not_say_breaks_the_contract(answer: Any) -> None:
    error = NETSUITE.error(answer, ERRORS)
    assert isinstance(error, ContractBroken)
    assert error.effect == "maybe"


def test_a_declared_code_decides_though_another_one_comes_first() -> None:
    error = NETSUITE.error(no(("ERROR", "ODD", "first"), ("ERROR", "GONE", "second")), ERRORS)
    assert isinstance(error, NotFound)
    assert (error.code, error.message) == ("GONE", "first; second")
    assert error.evidence["codes"] == ["ODD", "GONE"]


def test_the_reason_that_leaves_it_open_decides_before_all_others() -> None:
    error = NETSUITE.error(no(("ERROR", "GONE", "a"), ("ERROR", "UNEXPECTED", "b")), ERRORS)
    assert isinstance(error, Ambiguous)


def test_warnings_do_not_decide_where_there_are_errors() -> None:
    error = NETSUITE.error(no(("WARN", "GONE", "a"), ("ERROR", "DUP", "b")), ERRORS)
    assert isinstance(error, Conflict)
    assert error.evidence["codes"] == ["DUP"]


def test_a_refusal_without_a_reason_is_a_refusal() -> None:
    error = NETSUITE.error(no(), ERRORS)
    assert isinstance(error, BusinessRule)
    assert error.code == "refused"


def test_other_vendors_name_it_otherwise() -> None:
    answer = {"success": False, "errors": [{"statusCode": "DUP", "message": "there"}]}
    assert isinstance(SALESFORCE.error(answer, ERRORS), Conflict)
    assert SALESFORCE.error({"success": True, "errors": []}, ERRORS) is None

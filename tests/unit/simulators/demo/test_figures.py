"""A contestant's row: every operation is counted once, and nothing that is open can hide."""

from __future__ import annotations

from typing import Any

from seawall.simulators.demo.figures import Result, Truth, judged, last_words
from seawall.simulators.demo.judge import Claim
from seawall.simulators.demo.workload import Task
from seawall.simulators.effects import Effect

CREATE = Task("REQ-00001", "create", "printer on fire")
CLOSE = Task("REQ-00002", "close", "printer on fire", case="REQ-00001")
BATCH = Task("REQ-00003", "batch", "login fails", items=("REQ-00004", "REQ-00005"))
RUN = {"kills": 0, "seconds": 1.0}


def inserted(seq: int, token: str, text: str, record: str) -> Effect:
    return Effect(seq, 10.0 + seq, "insert", "Case", record, {"Subject": f"{text} {token}"}, ("Subject",), seq)


EFFECTS = [
    inserted(1, "REQ-00001", "printer on fire", "500-1"),
    inserted(2, "REQ-00004", "login fails", "500-2"),
]


def operation(id_: str, status: str, record: str | None = None, **request: Any) -> dict[str, Any]:
    action = "close_case" if "case_id" in request else "create_case"
    return {
        "id": id_,
        "system": "crm",
        "action": action,
        "request": request,
        "status": status,
        "explained": True,
        "record": record,
    }


LEDGER = [
    operation("op-1", "applied", "500-1", reference="REQ-00001"),
    operation("op-2", "parked", case_id="500-1"),
    operation("op-3", "applied", "500-2", reference="REQ-00004"),
    operation("op-4", "rejected", reference="REQ-00005"),
]


def row(operations: list[dict[str, Any]] | None, claims: list[Claim] | None = None) -> Result:
    truths = {"crm": Truth(EFFECTS, 6, 1), "billing": Truth([], 2, 0)}
    return judged([CREATE, CLOSE, BATCH], claims or [], operations, truths, RUN, {})


def test_every_operation_is_counted_once_under_its_last_word() -> None:
    figures = row(LEDGER).figures
    assert figures["operations"] == 4
    assert (figures["applied"], figures["rejected"], figures["parked"], figures["unresolved"]) == (2, 1, 1, 0)
    assert (figures["partial"], figures["calls_per_operation"]) == (1, 2.0)
    assert (figures["duplicates"], figures["lost"], figures["phantom_failures"], figures["unasked"]) == (0, 0, 0, 0)


def test_request_without_any_word_is_unresolved() -> None:
    result = row(LEDGER[:1] + LEDGER[2:])
    assert result.systems["crm"].unresolved == ("REQ-00002",)
    assert result.figures["unresolved"] == 1


def test_open_operation_that_no_request_accounts_for_is_unresolved() -> None:
    assert row([*LEDGER, operation("op-9", "running", case_id="500-77")]).systems["crm"].unresolved == ("op-9",)


def test_unknown_operation_outweighs_an_applied_one_of_the_same_request() -> None:
    both = {"REQ-00001": [operation("a", "unknown"), operation("b", "applied")]}
    assert last_words(both) == {"REQ-00001": "unknown"}


def test_parked_operation_without_evidence_is_unexplained() -> None:
    silent = LEDGER[1] | {"explained": False}
    assert row([LEDGER[0], silent, *LEDGER[2:]]).figures["unexplained"] == 1


def test_seawall_is_held_to_every_claim_and_the_usual_way_to_its_last() -> None:
    claims = [Claim("REQ-00001", "rejected", 12.0), Claim("REQ-00001", "applied", 13.0)]
    assert row(LEDGER, claims).figures["phantom_failures"] == 1
    assert row(None, claims).figures["phantom_failures"] == 0
    assert row(None, claims[:1]).figures["phantom_failures"] == 1


def test_each_system_has_figures_of_its_own() -> None:
    credit = Task("REQ-00009", "credit", "refund late", customer=3)
    effect = Effect(1, 11.0, "insert", "CreditMemo", "9000", {"memo": "refund late REQ-00009"}, ("memo",), 1)
    twice = Effect(2, 12.0, "insert", "CreditMemo", "9001", {"memo": "refund late REQ-00009"}, ("memo",), 2)
    booked = operation("op-5", "applied", "9000", reference="REQ-00009") | {"system": "billing"}
    truths = {"crm": Truth(EFFECTS, 6, 1), "billing": Truth([effect, twice], 2, 0)}
    result = judged([CREATE, CLOSE, BATCH, credit], [], [*LEDGER, booked], truths, RUN, {})
    by_system = result.figures["systems"]
    assert (by_system["crm"]["duplicates"], by_system["billing"]["duplicates"]) == (0, 1)
    assert (by_system["billing"]["operations"], by_system["billing"]["calls_per_operation"]) == (1, 2.0)
    assert (result.figures["operations"], result.figures["duplicates"]) == (5, 1)

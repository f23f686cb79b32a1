"""What an operation was about can be forgotten: the chain stays whole, and nothing is done twice for it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.audited import Audited, intent

from seawall.core.errors import InvalidRequest
from seawall.core.ledger.records import DecisionRow, Status, Verdict
from seawall.core.replay import identity_conflict


async def erase(audited: Audited, operation: str) -> bool:
    one = await audited.open()
    try:
        return await one.erase(operation, by="dpo", reason="she asked for it")
    finally:
        await one.close()


def holds(audited: Audited, text: str) -> bool:
    """Whether the file, its log included, has a text after everything is written to it."""
    with audited.sql() as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.execute("VACUUM")
    return text.encode() in audited.path.read_bytes()


async def test_erased_operation_is_forgotten_and_the_audit_still_verifies(audited: Audited) -> None:
    assert holds(audited, "Ann Example wants 1")
    assert await erase(audited, "op_1") is True
    assert not holds(audited, "Ann Example wants 1")
    report = audited.verify()
    assert report.faults == []
    assert report.erased == 1
    assert "The content of 1 operations was erased" in " ".join(report.limits())
    (row,) = audited.ask("SELECT identity, request, salt, key, status, principal FROM operations WHERE id = 'op_1'")
    assert row == ("{}", "{}", None, "sw-1", "applied", "agent:support")
    assert await erase(audited, "op_1") is False


@pytest.mark.parametrize("operation", ["op_1", "op_2", "op_3"])
async def test_errors_probes_and_words_of_people_are_erased_with_it(audited: Audited, operation: str) -> None:
    assert await erase(audited, operation)
    kept = audited.ask("SELECT error FROM attempts WHERE operation_id = ? AND error IS NOT NULL", operation)
    assert all("Ann" not in error and "[erased]" in error for (error,) in kept)
    words = audited.ask("SELECT reason, detail FROM decisions WHERE operation_id = ? AND by != 'dpo'", operation)
    assert set(words) <= {("[erased]", "{}")}
    assert audited.ask("SELECT reason FROM decisions WHERE by = 'dpo'") == [("she asked for it",)]
    assert audited.verify().faults == []


async def test_same_request_after_the_erasure_is_recognised_and_not_sent_again(audited: Audited) -> None:
    await erase(audited, "op_1")
    one = await audited.open()
    (again,) = await one.begin([intent(1, id="op_10")])
    await one.close()
    assert (again.fresh, again.operation.id) == (False, "op_1")
    told = identity_conflict(again.operation, intent(1).request, "agent:support")
    assert told.error.code == "erased"
    assert "nothing was sent" in told.error.message
    assert "0" * 63 + "1" not in str(audited.ask("SELECT * FROM operations WHERE id = 'op_1'")), "the digest is gone"


async def test_rejected_request_that_was_erased_may_be_made_anew(audited: Audited) -> None:
    one = await audited.open()
    await one.begin([intent(5)])
    await one.finish([Verdict("op_5", 1, Status.REJECTED, error='{"transient":false,"code":"x"}')])
    await one.note([DecisionRow("op_5", 1.0, "policy", "Wait", "Ann Example again")])
    await one.erase("op_5", by="dpo", reason="she asked for it")
    (anew,) = await one.begin([intent(5, id="op_11")])
    assert anew.fresh
    assert anew.operation.salt is not None
    await one.finish([Verdict("op_5", 2, Status.APPLIED, outcome='{"value":{}}')])
    await one.close()
    report = audited.verify()
    assert report.faults == []
    audited.do("UPDATE operations SET request = '{}' WHERE id = 'op_5'")
    assert not audited.verify().intact, "what came after the erasure is compared again"


async def test_erasure_is_itself_in_the_audit(audited: Audited) -> None:
    await erase(audited, "op_1")
    (body,) = audited.ask("SELECT body FROM audit WHERE body LIKE '%\"erased\"%'")[0]
    assert '"by":"dpo"' in body
    assert "she asked" not in body


@pytest.mark.parametrize(
    "change",
    [
        "key = 'sw-other'",
        "digest = 'erased:00'",
        'request = \'{"put":"back"}\'',
        "status = 'rejected'",
        "principal = 'x'",
        "outcome = '{}'",
        "salt = '00'",
    ],
)
@pytest.mark.case(53)
async def test_what_stays_after_an_erasure_is_still_compared(audited: Audited, change: str) -> None:
    await erase(audited, "op_1")
    audited.do(f"UPDATE operations SET {change} WHERE id = 'op_1'")
    assert [fault.kind for fault in audited.verify().faults] == ["row_altered"]


async def test_erasing_without_the_audit_knowing_is_told(audited: Audited) -> None:
    audited.do("UPDATE operations SET salt = NULL, request = '{}', identity = '{}' WHERE id = 'op_1'")
    assert {fault.kind for fault in audited.verify().faults} == {"row_altered"}


@pytest.mark.parametrize(("operation", "code"), [("op_4", "unsettled"), ("op_x", "unknown_operation")])
async def test_operation_that_is_not_settled_or_not_known_is_not_erased(
    audited: Audited, operation: str, code: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await erase(audited, operation)
    assert refused.value.code == code


async def test_commitments_do_not_tell_what_they_are_of(tmp_path: Path) -> None:
    first, second = Audited(tmp_path), Audited(tmp_path)
    second.path = tmp_path / "second.db"
    second.settings = second.settings.model_copy(update={"path": str(second.path)})
    found = []
    for one in (first, second):
        await one.fill()
        bodies = [body for (body,) in one.ask("SELECT body FROM audit")]
        found.append(set(re.findall(r"[0-9a-f]{64}", " ".join(bodies))))
    assert found[0]
    assert not found[0] & found[1], "the same content under other salts is something else"

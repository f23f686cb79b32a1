"""Each way to tamper with an audit, or with what it tells of: the fault is found and named."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.audited import Audited, intent

from seawall.audit.checkpoint import Checkpoint
from seawall.audit.report import Report
from seawall.core.identity import canonical_json
from seawall.core.ledger.records import Status, Verdict
from seawall.keys import public_key, sign


def kinds(report: Report) -> set[str]:
    return {fault.kind for fault in report.faults}


def said(report: Report) -> str:
    return "\n".join(f"{fault.kind} {fault.where}: {fault.said}" for fault in report.faults)


def longest(audited: Audited) -> tuple[str, int]:
    return audited.chains()[0]


def test_ledger_that_nobody_touched_is_intact(audited: Audited) -> None:
    report = audited.verify()
    assert report.faults == []
    assert (report.operations, report.checkpoints) == (4, 3)
    assert report.rows == sum(rows for _, rows in audited.chains())
    assert report.events > report.rows
    assert report.key_confirmed
    assert report.covered_until is not None
    assert all(good == rows for good, rows in report.chains.values())


async def test_verify_says_what_it_cannot_know(audited: Audited) -> None:
    one = await audited.open()
    await one.begin([intent(7)])
    await one.close()
    report = audited.verify(known=False)
    assert report.intact
    assert report.uncovered >= 2
    limits = " ".join(report.limits())
    assert "could be cut off" in limits
    assert "No public key was given" in limits


@pytest.mark.case(53)
def test_body_that_was_edited_is_told_with_its_row(audited: Audited) -> None:
    chain, _ = longest(audited)
    audited.do(
        "UPDATE audit SET body = replace(body, 'agent:support', 'agent:other') WHERE chain = ? AND number = 3", chain
    )
    report = audited.verify()
    assert f"altered audit {chain} 3: row 3 was altered: its content does not have its hash" in said(report)
    assert report.chains[chain][0] == 2, "intact until the row before it"
    assert "row_altered operations op_3" in said(report), "and the table says otherwise"


@pytest.mark.case(53)
@pytest.mark.parametrize("changed", ["at = at + 1", "number = 99"])
def test_row_whose_time_or_number_was_edited_is_told(audited: Audited, changed: str) -> None:
    chain, rows = longest(audited)
    audited.do(f"UPDATE audit SET {changed} WHERE chain = ? AND number = 4", chain)
    report = audited.verify()
    assert kinds(report) & {"altered", "missing"}
    assert report.chains[chain] == (3, rows if "at" in changed else 99)


@pytest.mark.case(53)
def test_hash_that_was_edited_is_told_as_the_hash_and_not_as_the_content(audited: Audited) -> None:
    chain, _ = longest(audited)
    audited.do("UPDATE audit SET hash = ? WHERE chain = ? AND number = 3", "0" * 64, chain)
    assert said(audited.verify()) == f"hash_altered audit {chain} 3: the hash of row 3 was altered"


@pytest.mark.case(53)
def test_rows_taken_out_of_the_middle_are_told(audited: Audited) -> None:
    chain, _ = longest(audited)
    audited.do("DELETE FROM audit WHERE chain = ? AND number IN (3, 4)", chain)
    report = audited.verify()
    assert f"missing audit {chain} 3: rows 3 to 4 are gone" in said(report)
    assert report.chains[chain][0] == 2
    assert "row_added" in kinds(report), "what these told is in the tables, and now nothing tells of it"


@pytest.mark.case(53)
def test_tail_that_was_cut_off_is_told_by_a_checkpoint(audited: Audited) -> None:
    chain, rows = longest(audited)
    audited.do("DELETE FROM audit WHERE chain = ? AND number >= ?", chain, rows - 1)
    report = audited.verify()
    assert f"truncated audit {chain} {rows - 1}: rows {rows - 1} to {rows} are gone: checkpoint 3 saw them" in said(
        report
    )


@pytest.mark.case(53)
def test_tail_that_was_cut_off_after_the_last_checkpoint_is_told_by_the_tables(audited: Audited) -> None:
    audited.do("DELETE FROM checkpoints")
    audited.exported.unlink()
    chain, rows = longest(audited)
    audited.do("DELETE FROM audit WHERE chain = ? AND number >= ?", chain, rows - 2)
    assert "row_added" in kinds(audited.verify())


@pytest.mark.case(53)
def test_chain_that_was_taken_away_is_told_by_a_checkpoint(audited: Audited) -> None:
    chain, rows = longest(audited)
    audited.do("DELETE FROM audit WHERE chain = ?", chain)
    report = audited.verify()
    assert f"chain_missing audit {chain}: the whole chain is gone; it had {rows} rows at checkpoint 3" in said(report)


@pytest.mark.case(53)
@pytest.mark.parametrize("other", [4, 5])
def test_rows_that_were_exchanged_are_told_as_such(audited: Audited, other: int) -> None:
    chain, _ = longest(audited)
    for number, becomes in ((3, -1), (other, 3), (-1, other)):
        audited.do("UPDATE audit SET number = ? WHERE chain = ? AND number = ?", becomes, chain, number)
    report = audited.verify()
    assert f"exchanged audit {chain} {other}: row {other} belongs at 3: rows were exchanged" in said(report)
    assert "altered" not in kinds(report)


@pytest.mark.case(53)
def test_row_that_was_put_in_with_hashes_made_anew_is_told_by_a_checkpoint_and_the_tables(audited: Audited) -> None:
    chain, rows = longest(audited)
    for number in range(rows, 2, -1):
        audited.do("UPDATE audit SET number = ? WHERE chain = ? AND number = ?", number + 1, chain, number)
    forged = json.dumps([{"kind": "verdict", "operation": "op_1", "status": "rejected", "epoch": 1}])
    audited.do("INSERT INTO audit VALUES (?, 3, 1700000000.0, ?, 'x')", chain, forged)
    audited.seal_anew(chain, 3)
    report = audited.verify()
    assert "rewritten" in kinds(report)
    assert "row_altered operations op_1" in said(report)


@pytest.mark.case(53)
def test_chain_and_tables_that_were_written_anew_together_are_told_by_a_checkpoint(audited: Audited) -> None:
    chain, _ = longest(audited)
    audited.do("UPDATE audit SET body = replace(body, 'agent:support', 'agent:other') WHERE chain = ?", chain)
    audited.do("UPDATE operations SET principal = 'agent:other'")
    audited.seal_anew(chain)
    report = audited.verify()
    assert kinds(report) == {"rewritten"}
    assert f"audit {chain}" in said(report)
    audited.do("DELETE FROM checkpoints")
    assert kinds(audited.verify()) == {"rewritten", "checkpoint_missing"}, "what was exported says so all the same"


@pytest.mark.case(53)
async def test_chain_written_anew_is_right_until_the_last_checkpoint_before_it(audited: Audited) -> None:
    one = await audited.open()
    keeper = audited.keeper(one)
    for number in (5, 6, 7):
        await one.begin([intent(number)])
        audited.clock.advance(60.0)
        await keeper.make()
    await keeper.export()
    await one.close()
    before = json.loads(audited.exported.read_text().splitlines()[-3])
    audited.do("UPDATE audit SET at = at + 5 WHERE chain = ? AND number = 2", one.holder)
    audited.seal_anew(one.holder, 2)
    report = audited.verify()
    assert kinds(report) == {"rewritten"}
    assert report.faults[0].since == before["at"]
    assert "written anew somewhere in rows 2 to 2" in said(report)
    assert report.chains[one.holder][0] == 1


@pytest.mark.case(53)
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            "UPDATE operations SET request = '{}' WHERE id = 'op_1'",
            "op_1: not what the audit says.*: request",
        ),
        ("UPDATE operations SET status = 'rejected' WHERE id = 'op_1'", "operations op_1.*: status"),
        ("UPDATE operations SET outcome = '{}' WHERE id = 'op_3'", "operations op_3.*: outcome"),
        ("UPDATE operations SET outcome = NULL WHERE id = 'op_3'", "operations op_3.*: outcome"),
        ("UPDATE operations SET error = '{}' WHERE id = 'op_1'", "operations op_1.*: error"),
        ("UPDATE operations SET principal = 'x' WHERE id = 'op_4'", "operations op_4.*: principal"),
        ("UPDATE operations SET key = 'sw-x' WHERE id = 'op_4'", "operations op_4.*: key"),
        ("UPDATE operations SET epoch = 9 WHERE id = 'op_2'", "operations op_2.*: epoch"),
        ("UPDATE operations SET sent_at = 1 WHERE id = 'op_3'", "operations op_3.*: sent_at"),
        ('UPDATE operations SET policy = \'{"decision":"allow","rule":"x","version":"v1"}\'', "op_1.*: policy"),
        ("UPDATE operations SET salt = NULL WHERE id = 'op_1'", "operations op_1.*: salt"),
        ("UPDATE operations SET salt = 'ab' WHERE id = 'op_1'", "operations op_1.*: .*request"),
        ("DELETE FROM operations WHERE id = 'op_1'", "row_missing operations op_1: the operation is gone"),
        ("DELETE FROM attempts WHERE operation_id = 'op_1'", "row_missing attempts op_1 1 1: the attempt is gone"),
        ("UPDATE attempts SET effect = 'none' WHERE operation_id = 'op_1'", "row_altered attempts op_1 1 1.*: effect"),
        ("UPDATE attempts SET error = NULL WHERE operation_id = 'op_3'", "row_altered attempts op_3 1 1.*: error"),
        ("INSERT INTO attempts VALUES ('op_1',1,9,'send',1,2,'none',NULL,0)", "row_added attempts op_1 1 9"),
        ("DELETE FROM probes", "row_missing probes of op_3: a probe is gone"),
        ("UPDATE probes SET finding = 'present'", "row_added probes"),
        ("UPDATE probes SET detail = '{}'", "row_altered probes .*: detail"),
        ("DELETE FROM decisions WHERE decision = 'deny'", "row_missing decisions: a decision is gone"),
        ("UPDATE decisions SET reason = 'x' WHERE by = 'ann'", "row_altered decisions .* of op_3: .*reason"),
        ("UPDATE decisions SET by = 'bob' WHERE by = 'ann'", "row_added decisions .* of op_3"),
        ("UPDATE decisions SET reason = 'x' WHERE decision = 'deny'", "row_altered decisions .*: .*reason"),
        ("DELETE FROM configurations", "row_missing configurations: a configuration is gone"),
        ("INSERT INTO restores VALUES (NULL, 1, 2, NULL)", "row_added restores"),
    ],
)
def test_table_that_was_edited_without_the_chain_is_told(audited: Audited, change: str, expected: str) -> None:
    assert audited.do(change) > 0
    report = audited.verify()
    assert not report.intact

    assert re.search(expected, said(report)), said(report)
    assert not kinds(report) & {"altered", "missing", "rewritten", "truncated"}, "the chain itself is intact"


@pytest.mark.case(53)
def test_operation_that_the_audit_does_not_know_is_told(audited: Audited) -> None:
    with audited.sql() as db:
        db.execute("CREATE TEMP TABLE one AS SELECT * FROM operations WHERE id = 'op_1'")
        db.execute("UPDATE one SET seq = 99, id = 'op_forged', key = 'sw-forged'")
        db.execute("INSERT INTO operations SELECT * FROM one")
    assert said(audited.verify()) == "row_added operations op_forged: the audit does not know this operation"


def forged(line: str, key: Ed25519PrivateKey, **changes: object) -> str:
    made = Checkpoint.model_validate_json(line).model_copy(update={"key": public_key(key), **changes})
    whole = made.model_copy(update={"signature": sign(key, made.signed)})
    return canonical_json(whole.model_dump(mode="json"))


@pytest.mark.case(53)
def test_checkpoint_signed_with_another_key_is_not_believed(audited: Audited) -> None:
    lines = audited.exported.read_text().splitlines()
    other = Ed25519PrivateKey.generate()
    audited.exported.write_text("\n".join([*lines[:2], forged(lines[2], other)]) + "\n")
    report = audited.verify()
    assert f"it is signed by {public_key(other)}, which is not a given key" in said(report)
    assert "checkpoint_forged" in kinds(report)


@pytest.mark.case(53)
@pytest.mark.parametrize("change", [("rows", "row"), ('"at":', '"at":1')])
def test_checkpoint_that_was_edited_is_told(audited: Audited, change: tuple[str, str]) -> None:
    lines = audited.exported.read_text().splitlines()
    audited.exported.write_text("\n".join([*lines[:2], lines[2].replace(*change)]))
    assert "checkpoint_forged" in kinds(audited.verify())


@pytest.mark.case(53)
def test_old_copy_of_the_exported_checkpoints_is_told(audited: Audited, tmp_path: Path) -> None:
    old = tmp_path / "old.jsonl"
    old.write_text("\n".join(audited.exported.read_text().splitlines()[:2]) + "\n")
    report = audited.verify(exported=old)
    assert kinds(report) == {"checkpoints_old"}
    assert "it ends with checkpoint 2, but 1 more were exported, up to 3" in said(report)


@pytest.mark.case(53)
def test_exported_checkpoints_that_are_gone_are_told(audited: Audited) -> None:
    audited.exported.unlink()
    assert kinds(audited.verify()) == {"checkpoints_old"}


@pytest.mark.case(53)
def test_checkpoint_taken_out_of_the_exported_ones_or_of_the_ledger_is_told(audited: Audited) -> None:
    lines = audited.exported.read_text().splitlines()
    audited.exported.write_text(f"{lines[0]}\n{lines[2]}\n")
    assert "checkpoint 2 before it is missing" in said(audited.verify())
    audited.exported.write_text("\n".join(lines))
    audited.do("DELETE FROM checkpoints WHERE seq = (SELECT max(seq) FROM checkpoints)")
    assert "it was exported to" in said(audited.verify())


@pytest.mark.case(53)
def test_checkpoint_signed_anew_with_the_right_key_is_told_by_the_one_after_it(audited: Audited) -> None:
    lines = audited.exported.read_text().splitlines()
    audited.exported.write_text("\n".join([lines[0], forged(lines[1], audited.key, rows=1), lines[2]]))
    report = audited.verify()
    assert kinds(report) == {"checkpoints_differ"}
    assert "it does not follow checkpoint 2 as that is now" in said(report)


def test_checkpoints_exported_twice_are_no_fault(audited: Audited) -> None:
    lines = audited.exported.read_text().splitlines()
    audited.exported.write_text("\n".join([*lines, lines[1], lines[2]]) + "\n")
    assert audited.verify().intact


async def test_ledger_put_back_from_a_copy_is_told_by_what_was_exported(audited: Audited, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    with audited.sql() as db:
        db.execute("VACUUM INTO ?", (str(copy),))
    await audited.checkpoint()
    for suffix in ("", "-wal", "-shm"):
        audited.path.with_name(f"ledger.db{suffix}").unlink(missing_ok=True)
    shutil.copy(copy, audited.path)
    report = audited.verify()
    assert {"checkpoint_missing", "chain_missing"} <= kinds(report)


@pytest.mark.parametrize("body", ["not json", "{}", "[1]", '[{"no":"kind"}]'])
def test_row_that_cannot_be_read_is_told(audited: Audited, body: str) -> None:
    chain, _ = longest(audited)
    audited.do("UPDATE audit SET body = ? WHERE chain = ? AND number = 2", body, chain)
    assert {"unreadable", "altered"} <= kinds(audited.verify())


async def test_lost_holder_s_late_result_and_its_evidence_agree_with_the_audit(audited: Audited) -> None:
    one = await audited.open()
    (begun,) = await one.begin([intent(8)])
    audited.do("UPDATE operations SET holder = 'nobody' WHERE id = 'op_8'")
    assert await one.finish([Verdict("op_8", begun.operation.epoch, Status.APPLIED, outcome="{}")]) == [False]
    await one.close()
    assert audited.verify().intact
    assert audited.ask("SELECT count(*) FROM decisions WHERE decision = 'stale_result'") == [(2,)]

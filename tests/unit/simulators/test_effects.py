"""The effect log: whole lines, flushed at once, readable after a kill."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seawall.simulators.effects import Effect, EffectLog


def add(log: EffectLog, request_id: int = 1, **other: Any) -> Effect:
    given: dict[str, Any] = {
        "at": 12.5,
        "kind": "insert",
        "object": "Case",
        "record_id": "500",
        "fields": {"Subject": "Zoë"},
        "changed": ("Subject",),
        "cause": "request",
        **other,
    }
    return log.append(request_id=request_id, **given)


def test_log_numbers_effects_in_order() -> None:
    log = EffectLog()
    assert [add(log).seq, add(log).seq] == [1, 2]
    assert len(log) == 2
    assert [effect.seq for effect in log] == [1, 2]
    assert log[-1].seq == 2


def test_file_has_each_effect_before_append_returns(tmp_path: Path) -> None:
    path = tmp_path / "effects.jsonl"
    log = EffectLog(path)
    written = add(log)
    assert EffectLog.read(path) == [written]
    log.close()


def test_closed_log_keeps_its_effects_readable(tmp_path: Path) -> None:
    log = EffectLog(tmp_path / "effects.jsonl")
    add(log)
    log.close()
    log.close()
    assert len(log) == 1


def test_log_on_an_old_file_goes_on_counting(tmp_path: Path) -> None:
    path = tmp_path / "effects.jsonl"
    first = EffectLog(path)
    add(first, request_id=41)
    first.close()
    second = EffectLog(path)
    assert second.last_request_id == 41
    assert add(second).seq == 2
    second.close()
    assert [effect.seq for effect in EffectLog.read(path)] == [1, 2]


def test_line_torn_by_a_kill_is_passed_over_and_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "effects.jsonl"
    log = EffectLog(path)
    add(log)
    log.close()
    path.write_bytes(path.read_bytes() + b'{"seq":2,"at')
    assert len(EffectLog.read(path)) == 1
    again = EffectLog(path)
    add(again)
    again.close()
    assert [effect.seq for effect in EffectLog.read(path)] == [1, 2]


@pytest.mark.parametrize("line", [b"{}\n", b"[]\n", b"nonsense\n", b'{"seq":1,"changed":[],"unknown":1}\n'])
def test_file_that_is_no_effect_log_is_refused(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "effects.jsonl"
    path.write_bytes(line)
    with pytest.raises(ValueError, match="not a line of an effect log"):
        EffectLog.read(path)


def test_of_selects_by_object_and_kind() -> None:
    log = EffectLog()
    add(log)
    add(log, kind="update")
    add(log, object="Task")
    assert len(log.of("Case")) == 2
    assert len(log.of("Case", "update")) == 1


def test_effect_does_not_share_the_fields_it_was_given() -> None:
    log = EffectLog()
    fields = {"Subject": "a"}
    add(log, fields=fields)
    fields["Subject"] = "b"
    assert log[0].fields == {"Subject": "a"}

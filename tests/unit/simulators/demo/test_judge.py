"""The judge must be able to fail: each planted error is found, and nothing is found where there is none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from seawall.simulators.demo.judge import Claim, Verdict, Wanted, Word, judge
from seawall.simulators.effects import Effect

CREATE, UPDATE, LATER = Wanted("REQ-00001", "create"), Wanted("REQ-00002", "update", "REQ-00001", 1), Wanted(
    "REQ-00003", "update", "REQ-00001", 2
)  # fmt: skip
CLOSE = Wanted("REQ-00004", "close", "REQ-00001", 3)
WANTED = [CREATE, UPDATE, LATER, CLOSE]


def insert(seq: int, token: str = "REQ-00001", at: float = 10.0) -> Effect:
    return Effect(seq, at, "insert", "Case", f"500-{seq}", {"Subject": f"Words {token}"}, ("Subject",))


def change(seq: int, token: str, at: float = 20.0, **facts: Any) -> Effect:
    fields = {"Description": f"words {token}"}
    return Effect(seq, at, "update", "Case", "500-1", fields, facts.pop("changed", ("Description",)), **facts)


def judged(effects: list[Effect], *told: tuple[str, Word, float], **final: Word) -> Verdict:
    last: dict[str, Word] = {token.replace("_", "-"): word for token, word in final.items()}
    return judge(WANTED, [Claim(token, word, at) for token, word, at in told], last, effects)


def test_what_happened_once_and_was_called_applied_is_clean() -> None:
    verdict = judged([insert(1), change(2, "REQ-00002")], ("REQ-00001", "applied", 11.0), REQ_00001="applied")
    assert verdict.clean


def test_record_made_twice_is_a_duplicate() -> None:
    assert judged([insert(1), insert(2)], REQ_00001="applied").duplicates == ["REQ-00001"]
    assert judged([insert(1), insert(2), insert(3)], REQ_00001="applied").duplicates == ["REQ-00001"] * 2


def test_flow_run_twice_is_a_duplicate() -> None:
    runs = [Effect(seq, 1.0, "invoke", "Escalate_Case", f"run-{seq}", {"reason": "x REQ-00001"}) for seq in (1, 2)]
    assert judged(runs, REQ_00001="parked").duplicates == ["REQ-00001"]


def test_change_written_twice_with_the_same_values_is_none() -> None:
    again = change(3, "REQ-00002", changed=(), cause="duplicate_delivery")
    assert judged([insert(1), change(2, "REQ-00002"), again], REQ_00002="applied").clean


def test_applied_without_an_effect_is_lost() -> None:
    assert judged([], ("REQ-00001", "applied", 5.0)).lost == ["REQ-00001"]
    assert judged([], REQ_00001="applied").lost == ["REQ-00001"]


def test_rejected_with_an_effect_is_a_phantom_failure_also_when_it_came_later() -> None:
    verdict = judged([insert(1, at=99.0)], ("REQ-00001", "rejected", 5.0), REQ_00001="rejected")
    assert verdict.phantom_failures == ["REQ-00001"]


def test_rejected_after_it_happened_is_a_phantom_failure_although_it_was_called_applied_in_the_end() -> None:
    told: tuple[str, Word, float] = ("REQ-00001", "rejected", 12.0)
    assert judged([insert(1, at=10.0)], told, REQ_00001="applied").phantom_failures == ["REQ-00001"]


def test_rejected_with_a_late_effect_is_a_phantom_failure_although_a_later_try_found_it_applied() -> None:
    late = replace(insert(1, at=12.0), request_id=7, cause="late")
    witness = replace(change(2, "REQ-00002", at=9.0), request_id=8)  # arrived after request 7, and done at 9.0
    told: tuple[str, Word, float] = ("REQ-00001", "rejected", 10.0)
    assert judged([late, witness], told, REQ_00001="applied").phantom_failures == ["REQ-00001"]
    afterwards = replace(late, request_id=9)  # may have been sent after the rejection was told
    assert judged([afterwards, witness], told, REQ_00001="applied").clean


def test_called_applied_before_it_happened_is_lost() -> None:
    told: tuple[str, Word, float] = ("REQ-00001", "applied", 9.0)
    assert judged([insert(1, at=10.0)], told, REQ_00001="applied").lost == ["REQ-00001"]


def test_applied_with_other_words_than_asked_for_is_lost() -> None:
    asked = replace(CREATE, texts=("Words REQ-00001", "Reworded: Words REQ-00001"))
    final: dict[str, Word] = {"REQ-00001": "applied"}
    assert judge([asked], [], final, [insert(1)]).clean
    cut = replace(insert(1), fields={"Subject": "Wor REQ-00001"})
    assert judge([asked], [], final, [cut]).lost == ["REQ-00001"]


def test_record_overwritten_by_a_repetition_in_other_words_is_a_duplicate() -> None:
    again = Effect(2, 11.0, "update", "Case", "500-1", {"Subject": "Reworded REQ-00001"}, ("Subject",))
    assert judged([insert(1), again], REQ_00001="applied").duplicates == ["REQ-00001"]


def test_effect_of_no_request_is_unasked() -> None:
    nobodys = Effect(2, 11.0, "insert", "Task", "00T-1", {"Subject": "no token"}, ("Subject",))
    assert judged([insert(1), nobodys, insert(3, "REQ-00099")], REQ_00001="applied").unasked == [2, 3]


def test_rejected_truthfully_and_applied_by_a_later_try_is_clean() -> None:
    told: tuple[str, Word, float] = ("REQ-00001", "rejected", 8.0)
    assert judged([insert(1, at=10.0)], told, REQ_00001="applied").clean


def test_newer_change_that_an_older_one_overwrote_is_lost() -> None:
    effects = [insert(1), change(2, "REQ-00003"), change(3, "REQ-00002", cause="late")]
    assert judged(effects, REQ_00003="applied", REQ_00002="applied").lost == ["REQ-00003"]


def test_newer_change_that_was_overwritten_is_lost_although_a_third_came_after_all() -> None:
    effects = [insert(1), change(2, "REQ-00003"), change(3, "REQ-00002", cause="late"), change(4, "REQ-00005")]
    third = Wanted("REQ-00005", "update", "REQ-00001", 4)
    final: dict[str, Word] = {"REQ-00003": "applied", "REQ-00002": "applied", "REQ-00005": "applied"}
    assert judge([*WANTED, third], [], final, effects).lost == ["REQ-00003"]


def test_closing_is_recognised_by_its_case() -> None:
    closed = Effect(2, 30.0, "update", "Case", "500-1", {"Status": "Closed"}, ("Status",))
    verdict = judged([insert(1), closed], REQ_00004="rejected", REQ_00001="applied")
    assert verdict.phantom_failures == ["REQ-00004"]

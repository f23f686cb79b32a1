"""Episodes of a whole test run: all are counted, and only a few are kept."""

from __future__ import annotations

from pathlib import Path

from seawall.simulators.chaos import entries
from seawall.simulators.chaos.collected import Collected
from seawall.simulators.chaos.history import History
from seawall.simulators.chaos.report import Shown
from seawall.simulators.chaos.verdicts import Invariant, Judgement, Verdict
from seawall.simulators.faults import DRAWN

PLAN = {
    "faults": [
        {"id": "f1", "point": "after_commit", "kind": "reset"},
        {"id": "f2", "point": "after_commit", "kind": "reset"},
        {"id": "f3", "point": "connect", "kind": "dns"},
    ]
}


def shown(title: str, *, broken: bool = False, fault: str = "f1", drawn: bool = False) -> Shown:
    struck = entries.Wire(0.1, "toy", "create", "write", fault, "after_commit", "reset", 1)
    plan = {**PLAN, "description": DRAWN} if drawn else PLAN
    history = History(entries.Setting(name="toy", seed=1, plan=plan, systems={}), [struck])
    verdict = Verdict(Invariant.NO_DUPLICATE, "invalid" if broken else "valid")
    return Shown(title, history, {}, Judgement((verdict,)))


def test_broken_episodes_come_first_in_the_report_and_all_are_counted(tmp_path: Path) -> None:
    collected = Collected()
    for number in range(40):
        collected.add(shown(f"sound {number}"))
    collected.add(shown("the broken one", broken=True))
    collected.write(tmp_path / "out" / "report.html")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert collected.episodes == 41
    assert page.index("the broken one") < page.index("sound 0")
    assert page.count("<details") == 12


def test_fault_that_struck_in_no_episode_is_named_whatever_others_of_its_kind_did() -> None:
    collected = Collected()
    assert list(collected.never_struck()) == []
    collected.add(shown("one"))
    assert list(collected.never_struck()) == [
        "toy: planned, and never struck: f2 (after_commit/reset), f3 (connect/dns)"
    ]
    collected.add(shown("two", fault="f2"))
    assert list(collected.never_struck()) == ["toy: planned, and never struck: f3 (connect/dns)"]


def test_of_drawn_faults_the_kinds_that_never_struck_are_named() -> None:
    collected = Collected()
    collected.add(shown("one", drawn=True))
    assert list(collected.never_struck()) == ["toy: planned, and never struck: connect/dns"]


def test_drawn_fault_is_not_named_where_a_chosen_one_of_its_kind_struck() -> None:
    collected = Collected()
    collected.add(shown("one", drawn=True, fault="none of them"))
    collected.add(shown("two"))
    (line,) = collected.never_struck()
    assert line.endswith("never struck: connect/dns, f2 (after_commit/reset), f3 (connect/dns)")

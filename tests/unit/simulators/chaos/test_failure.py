"""The text of a failure: one that a person can act on."""

from __future__ import annotations

from seawall.simulators.chaos.entries import Attempted, Setting
from seawall.simulators.chaos.episode import Episode
from seawall.simulators.chaos.failing import Found
from seawall.simulators.chaos.failure import failure_text
from seawall.simulators.chaos.history import History
from seawall.simulators.chaos.scenario import Mishap, People, PlannedCall, Scenario
from seawall.simulators.chaos.shrink import Shrunk
from seawall.simulators.chaos.verdicts import Invariant, Judgement, Verdict, Witness
from seawall.simulators.faults import Plan

LOST = {
    "id": "f1",
    "match": {"operation": "create"},
    "point": "after_commit",
    "kind": "status",
    "params": {"status": 503},
    "trigger": {"nth": 2},
}
SMALLEST = Scenario(
    subject="acme",
    plan=Plan.model_validate({"faults": [LOST]}),
    calls=(PlannedCall(action="create_order", sample=7, again=2),),
    mishaps=(Mishap(what="crash", at=3.0, seconds=1.0),),
    people=People(actions=("create_order",), after=30.0, rejects=0.1),
)
WITNESS = Witness("order A-7 was made 2 times", "acme.create_order/7", ("t=0.00 c1 asks", "t=0.10 EFFECT insert A-7"))


def sent(worker: str, key: str, operation: str = "acme.create_order/7") -> Attempted:
    return Attempted(0.0, 1, worker, "acme", "create_order", operation, "op1", key, "digest", 1)


def found(*verdicts: Verdict, attempts: tuple[Attempted, ...] = ()) -> Found:
    history = History(Setting(name="acme", seed=0, plan={}, systems={}), list(attempts))
    episode = Episode(SMALLEST, history, {}, Judgement(verdicts))
    broken = next((one.invariant for one in verdicts if one.result == "invalid"), None)
    shrunk = Shrunk(SMALLEST, calls=20, faults=9, runs=41, notes=("any kind at this point fails",))
    return Found(broken, episode, shrunk, 1.34)


def test_text_names_the_invariant_the_smallest_form_the_story_and_how_to_see_it_again() -> None:
    broken = found(Verdict(Invariant.NO_DUPLICATE, "invalid", (WITNESS,)))
    text = failure_text(broken, name="test_create[seed=17]", replay="pytest --chaos-replay m.yaml", keep="--chaos-keep")
    assert text.splitlines() == [
        "test_create[seed=17]  I2 no duplicate: order A-7 was made 2 times",
        "minimal: 1 op, 1 fault (from 20 ops, 9 faults; 41 runs, 1.3 s)",
        "  create_order #7, again up to 2 times",
        "  after_commit/status at create (number 2) status=503",
        "  crash of process 1 at 3.0 s for 1.0 s",
        "  people must approve create_order, decide after 30 s, and say no with the chance 0.1",
        "  # any kind at this point fails",
        "  t=0.00 c1 asks",
        "  t=0.10 EFFECT insert A-7",
        "replay:  pytest --chaos-replay m.yaml",
        "keep:    --chaos-keep",
    ]


def test_text_says_what_was_not_the_same_in_all_attempts() -> None:
    attempts = (sent("w1", "key-aaaaaa"), sent("w2", "key-bbbbbb"), sent("w3", "key-cccccc", "acme.create_order/8"))
    lines = failure_text(found(Verdict(Invariant.NO_DUPLICATE, "invalid", (WITNESS,)), attempts=attempts)).splitlines()
    assert lines[-2:] == [
        "  key changed between attempts: …aaaaaa, …bbbbbb",
        "  process changed between attempts: w1, w2",
    ]


def test_text_without_a_test_names_the_subject_and_no_commands() -> None:
    lines = failure_text(found(Verdict(Invariant.DEADLINE, "invalid"))).splitlines()
    assert lines[0] == "acme  I10 deadline"
    assert not any(line.startswith(("replay", "keep")) for line in lines)


def test_text_of_a_test_begins_with_the_invariant() -> None:
    text = failure_text(found(Verdict(Invariant.NO_DUPLICATE, "invalid", (WITNESS,))), name="")
    assert text.startswith("I2 no duplicate: order A-7 was made 2 times\n")


def test_text_of_what_broke_nothing_says_so() -> None:
    assert failure_text(found(Verdict(Invariant.DEADLINE, "valid"))) == "acme: every promise held"

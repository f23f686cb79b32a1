"""The checker's own test: every planted bug is caught by exactly the invariant that names it, and nothing else is."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from chaos.zoo.animals import ANIMALS, Animal
from chaos.zoo.connectors import keeps_a_secret, sends, tells_a_secret
from chaos.zoo.ourselves import undoes_at_once
from seawall import Applied
from seawall.simulators.chaos.checker import check
from seawall.simulators.chaos.entries import Decided, Entry, Journalled, Spent, Wanted
from seawall.simulators.chaos.episode import play
from seawall.simulators.chaos.explore import schedules
from seawall.simulators.chaos.scenario import PlannedCall, Scenario
from seawall.simulators.chaos.stage import Stage
from seawall.simulators.chaos.subjects import SUBJECTS, load_subject
from seawall.simulators.chaos.subjects.netsuite import NetSuiteSubject
from seawall.simulators.chaos.verdicts import Invariant, Judgement
from seawall.simulators.faults import Plan
from seawall.simulators.virtual_time import run


@pytest.mark.parametrize("animal", ANIMALS, ids=lambda animal: animal.name)
def test_planted_bug_is_caught_by_exactly_the_invariant_that_names_it(
    animal: Animal, monkeypatch: pytest.MonkeyPatch
) -> None:
    if animal.plant is not None:
        animal.plant(monkeypatch)
    judgement = play(animal.scenario, animal.subject()).judgement
    assert judgement.broken == (animal.caught_by,), [
        (verdict.invariant.name, witness.says, *witness.lines)
        for verdict in judgement.verdicts
        if verdict.result == "invalid"
        for witness in verdict.witnesses
    ]
    (verdict,) = [one for one in judgement.verdicts if one.result == "invalid"]
    assert all(witness.says for witness in verdict.witnesses)
    assert any(animal.says in witness.says for witness in verdict.witnesses)


@pytest.mark.parametrize("animal", ANIMALS, ids=lambda animal: animal.name)
def test_without_the_bug_the_same_scenario_is_green(animal: Animal) -> None:
    assert play(animal.scenario).judgement.broken == ()


def test_every_invariant_that_can_break_has_an_animal() -> None:
    on_stages = {Invariant.ISOLATION, Invariant.ORDER, Invariant.NO_SECRETS, Invariant.NOT_VACUOUS}
    assert {animal.caught_by for animal in ANIMALS} | on_stages == set(Invariant)


def _on_two_systems(folder: Path, patch: bool) -> Judgement:
    plan = Plan.model_validate(
        {"faults": [{"id": "down", "match": {"system": "salesforce"}, "point": "apply", "kind": "status"}]}
    )

    async def main() -> Judgement:
        subjects = {"crm": load_subject("salesforce"), "support": load_subject("suitecrm")}
        async with Stage(subjects, plan, folder=folder) as stage:
            worker = await stage.start_worker()
            if patch:  # both systems go by one breaker
                worker.wall.systems["support"].gate.breaker = worker.wall.systems["crm"].gate.breaker
            for number in range(6):
                await stage.call(worker, "get_case", await stage.sample("get_case", number, "crm"), system="crm")
            sample = await stage.sample("create_case", 1, "support")
            await stage.call(worker, "create_case", sample, system="support")
            stage.heal()
            await stage.settle()
            return stage.judge()

    return run(main())


@pytest.mark.parametrize("shared", [True, False])
def test_breaker_that_two_systems_share_is_caught_by_isolation(tmp_path: Path, shared: bool) -> None:
    assert _on_two_systems(tmp_path, shared).broken == ((Invariant.ISOLATION,) if shared else ())


def _undone(folder: Path) -> Judgement:
    """An order whose first attempt lands late, and which is undone as soon as it is known."""
    late = {"delay": 60, "reply": "reset"}
    plan = Plan.model_validate(
        {"faults": [{"id": "late", "match": {"operation": "add"}, "point": "later", "kind": "late_commit",
                     "params": late, "trigger": {"nth": 1}}]}
    )  # fmt: skip

    async def main() -> Judgement:
        async with Stage(_ByClientId(), plan, folder=folder) as stage:
            worker = await stage.start_worker()
            sample = await stage.sample("create_credit_memo", 1)
            outcome = await stage.call(worker, "create_credit_memo", sample)
            while not isinstance(outcome, Applied):
                await stage.clock.sleep(2)
                outcome = await stage.call(worker, "create_credit_memo", sample)
            memo = outcome.receipt.record
            assert memo is not None
            wanted = (Wanted("CreditMemo", ("delete",), {"id": memo}),)
            undone: Any = None
            while not isinstance(undone, Applied):
                undone = await stage.compensate(worker, outcome, wanted)
                await stage.clock.sleep(300)
            stage.heal()
            await stage.settle()
            return stage.judge()

    return run(main())


class _ByClientId(NetSuiteSubject):
    """External ids keep a repetition away, so that a lost attempt is sent again at once."""

    extra: ClassVar[dict[str, Any]] = {"lists": False}


@pytest.mark.case(51)
def test_compensation_before_the_horizon_is_caught_by_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    undoes_at_once(monkeypatch)
    assert _undone(tmp_path).broken == (Invariant.ORDER,)


@pytest.mark.case(51)
def test_compensation_after_the_horizon_is_green(tmp_path: Path) -> None:
    assert _undone(tmp_path).broken == ()


def test_secret_in_an_error_is_caught() -> None:
    call = PlannedCall(action="create_case", sample=1)
    animal = Animal(
        "tells", Invariant.NO_SECRETS, Scenario(subject="salesforce", calls=(call,)), spoil=sends(tells_a_secret)
    )
    subject = animal.subject()
    vars(subject)["canaries"] = ("c2Vhd2FsbC1zZWNyZXQ",)
    assert play(animal.scenario, subject).judgement.broken == (Invariant.NO_SECRETS,)


def test_secret_in_the_ledger_is_caught() -> None:
    call = PlannedCall(action="create_case", sample=1)
    animal = Animal(
        "keeps", Invariant.NO_SECRETS, Scenario(subject="salesforce", calls=(call,)), spoil=sends(keeps_a_secret)
    )
    subject = animal.subject()
    assert play(animal.scenario, subject).judgement.broken == ()
    vars(subject)["canaries"] = ("kept-by-the-ledger",)
    judgement = play(animal.scenario, subject).judgement
    assert judgement.broken == (Invariant.NO_SECRETS,)
    (verdict,) = [one for one in judgement.verdicts if one.result == "invalid"]
    says = {witness.says.partition(" at ")[0] for witness in verdict.witnesses}
    assert "a secret is in a row of operations in the ledger" in says


@pytest.mark.case(49)
def test_approval_that_is_spent_twice_or_on_other_content_is_caught_by_key_discipline() -> None:
    call = PlannedCall(action="create_case", sample=1)
    episode = play(Scenario(subject="salesforce", calls=(call,)))
    held = Journalled(1.0, "w1", "x", "op_1", "k", "held", 1)
    for spent in (
        [Spent(1.0, "ap_1", "x", "d", "d"), Spent(2.0, "ap_1", "y", "d", "d")],
        [Spent(1.0, "ap_1", "x", "d", "other")],
        [held, Spent(1.0, "ap_1", "x", "d", "d"), replace(held, operation="y"), Spent(2.0, "ap_1", "y", "d", "d")],
    ):
        history = type(episode.history)(episode.history.setting, [*episode.history.entries, *spent])
        assert check(history, episode.effects).broken == (Invariant.KEY_DISCIPLINE,)
    said = Decided(0.5, "ap_1", approved=True)
    given_back: list[Entry] = [said, held, Spent(1.0, "ap_1", "x", "d", "d"), held, Spent(2.0, "ap_1", "x", "d", "d")]
    history = type(episode.history)(episode.history.setting, [*episode.history.entries, *given_back])
    assert check(history, episode.effects).broken == ()


def test_plan_whose_fault_never_strikes_leaves_the_verdict_open() -> None:
    fault = {"id": "idle", "point": "apply", "kind": "lock_error", "trigger": {"nth": 50}}
    call = PlannedCall(action="create_case", sample=1)
    scenario = Scenario(subject="salesforce", calls=(call,), plan=Plan.model_validate({"faults": [fault]}))
    judgement = play(scenario).judgement
    assert (judgement.worst, judgement.broken) == ("unknown", ())
    verdict = judgement.verdicts[Invariant.NOT_VACUOUS - 1]
    assert verdict.witnesses[0].says == "fault idle was planned, and never struck"


@pytest.mark.slow
@pytest.mark.parametrize("name", SUBJECTS)
def test_correct_connector_stays_green_over_all_seeds(name: str) -> None:
    seeds = random.Random(name).sample(range(10_000, 20_000), 15)
    broken = {one.seed: play(one).judgement.broken for one in schedules(name, seeds)}
    assert {seed: found for seed, found in broken.items() if found} == {}

"""The self-check: it names the first event or effect that differs, and finds what does not follow from the seed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator

import pytest

from seawall.simulators.chaos.entries import Event, Setting, Told
from seawall.simulators.chaos.episode import play
from seawall.simulators.chaos.explore import schedules
from seawall.simulators.chaos.history import History
from seawall.simulators.chaos.kept import lines_of
from seawall.simulators.chaos.scenario import PlannedCall, Scenario
from seawall.simulators.chaos.self_check import Difference, first_difference, lines_elsewhere, self_check
from seawall.simulators.effects import Effect
from seawall.simulators.faults import Fault, Plan, Trigger
from seawall.simulators.virtual_time import run


def setting(seed: int) -> Setting:
    return Setting(name="toy", seed=seed, plan={}, systems={}, wanted={})


def again(scenario: Scenario) -> Iterator[str]:
    played = play(scenario)
    return lines_of(played.history, played.effects)


def test_first_difference_same_lines_is_none() -> None:
    assert first_difference(["a", "b"], iter(["a", "b"])) is None


def test_first_difference_names_the_first_of_several() -> None:
    found = first_difference(['{"at": 1}', '{"at": 2, "who": "w1"}', "x"], ['{"at": 1}', '{"at": 3, "who": "w1"}', "y"])
    assert found == Difference(2, '{"at": 2, "who": "w1"}', '{"at": 3, "who": "w1"}')
    assert found.fields == ("at",)


@pytest.mark.parametrize(("first", "second"), [(["1"], ["1", "{}"]), (["1", "{}"], ["1"])])
def test_first_difference_one_ends_sooner(first: list[str], second: list[str]) -> None:
    found = first_difference(first, second)
    assert found is not None
    assert (found.number, {found.first, found.second}) == (2, {"{}", None})
    assert found.fields == ()
    assert "(ended)" in found.says


def test_self_check_run_that_follows_its_seed_finds_nothing() -> None:
    def play(seed: int) -> Iterator[str]:
        async def main() -> History:
            drawn = random.Random(seed)
            history = History(setting(seed))
            for _ in range(5):
                await asyncio.sleep(drawn.random())
                history.entries.append(Event(asyncio.get_running_loop().time(), "heal", ""))
            return history

        return run(main()).lines()

    assert self_check(play, range(3)) == []


def test_self_check_order_of_addresses_is_found_with_its_seed_and_both_lines() -> None:
    turns = iter([["w1", "w2"], ["w1", "w2"], ["w1", "w2"], ["w2", "w1"]])

    def play(seed: int) -> Iterator[str]:
        return History(setting(seed), [Event(0.5, "crash", name) for name in next(turns)]).lines()

    (found,) = self_check(play, [7, 8])
    assert (found.seed, found.number, found.fields) == (8, 2, ("who",))
    assert '"w1"' in (found.first or "")
    assert '"w2"' in (found.second or "")
    assert found.says.startswith("seed 8: the two runs part at line 2, in who\n")


def test_self_check_effect_that_differs_is_found_where_the_histories_are_the_same() -> None:
    ids = iter(["5001", "5001", "5001", "5002"])

    def play(seed: int) -> Iterator[str]:
        made = [Effect(number, 1.0, "insert", "Case", next(ids), {"Subject": "x"}) for number in (1, 2)]
        return lines_of(History(setting(seed), [Event(0.5, "heal", "")]), {"crm": made})

    (found,) = self_check(play, [4])
    assert found.fields == ("effect.record_id",)
    assert found.says.startswith("seed 4: the two runs part at line 4, effect 2 of crm, in effect.record_id\n")


@pytest.mark.parametrize("name", ["salesforce", "suitecrm", "sql"])
def test_episode_same_seed_under_other_hash_seeds_gives_the_same_bytes(name: str) -> None:
    (scenario,) = schedules(name, [3])
    here = list(again(scenario))
    assert len(here) > 20
    assert any('"event": "Effect"' in line for line in here)
    assert first_difference(here, lines_elsewhere(scenario, hash_seed=1)) is None
    assert self_check(lambda _: again(scenario), [3]) == []


def test_episode_that_names_the_ledgers_file_gives_the_same_bytes() -> None:
    full = Fault(id="full", point="before_journal", kind="ledger_write_fails", trigger=Trigger(nth=1))
    call = PlannedCall(action="create_case", sample=1)
    scenario = Scenario(subject="salesforce", plan=Plan(faults=(full,)), calls=(call,))
    told = play(scenario).history.of(Told)
    assert "disk of the ledger <folder>/ledger.db is full" in told[0].text
    assert self_check(lambda _: again(scenario), [0]) == []


def test_lines_elsewhere_scenario_that_cannot_be_played_says_why() -> None:
    (scenario,) = schedules("salesforce", [3])
    with pytest.raises(RuntimeError, match="there is no subject 'nobody"):
        lines_elsewhere(scenario.model_copy(update={"subject": "nobody"}), hash_seed=1)

from __future__ import annotations

from collections import Counter

from seawall.simulators.demo.workload import scripts


def test_same_seed_gives_the_same_work_and_another_seed_another() -> None:
    assert scripts(200, 8, seed=1) == scripts(200, 8, seed=1)
    assert scripts(200, 8, seed=1) != scripts(200, 8, seed=2)


def test_work_holds_about_as_many_operations_as_asked_for_and_every_kind() -> None:
    tasks = [task for agent in scripts(300, 24, seed=3) for task in agent]
    assert 300 <= sum(len(task.tokens) for task in tasks) < 330
    assert set(Counter(task.kind for task in tasks)) == {
        "create", "batch", "update", "close", "comment", "follow_up", "workflow", "credit", "order", "note", "mention",
    }  # fmt: skip


def test_agents_repeat_and_reword_themselves() -> None:
    tasks = [task for agent in scripts(300, 24, seed=3) for task in agent]
    assert any(task.at_once > 1 for task in tasks)
    assert any(task.again and task.reworded for task in tasks)
    repeated = next(task for task in tasks if task.reworded)
    assert repeated.worded(0) != repeated.worded(1)


def test_every_token_is_used_once() -> None:
    tokens = [token for agent in scripts(500, 10, seed=4) for task in agent for token in task.tokens]
    assert len(tokens) == len(set(tokens))


def test_change_of_a_case_follows_its_creation_in_the_same_agents_work() -> None:
    for agent in scripts(300, 24, seed=5):
        made: set[str] = set()
        for task in agent:
            assert task.case is None or task.case in made
            made.add(task.token)


def test_a_support_case_goes_through_all_other_systems_in_one_agents_work() -> None:
    for agent in scripts(300, 24, seed=6):
        systems = [task.system for task in agent if task.customer is not None]
        assert systems == ["billing", "orders", "support", "sales"] * (len(systems) // 4)

"""The stage: what is asked, sent and written down is in the history, and processes can be lost on it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from seawall import Applied
from seawall.simulators.chaos.entries import Answered, Asked, Attempted, Event, Journalled, Replied, Told, Wire
from seawall.simulators.chaos.stage import Stage
from seawall.simulators.chaos.subjects.salesforce import SalesforceSubject
from seawall.simulators.faults import Plan
from seawall.simulators.virtual_time import run


def on_stage(folder: Path, test: Callable[[Stage], Awaitable[None]], *faults: dict[str, Any], **options: Any) -> None:
    plan = Plan.model_validate({"faults": [{"id": f"f{n}", **fault} for n, fault in enumerate(faults)]})

    async def main() -> None:
        async with Stage(SalesforceSubject(), plan, folder=folder, **options) as stage:
            await test(stage)

    run(main())


LOST = {"match": {"lane": "write"}, "point": "after_commit", "kind": "reset", "trigger": {"nth": 1}}
HANGS = {"match": {"lane": "write"}, "point": "after_commit", "kind": "hang", "trigger": {"nth": 1}}


def test_call_leaves_its_whole_course_in_the_history(tmp_path: Path) -> None:
    async def test(stage: Stage) -> None:
        worker = await stage.start_worker()
        sample = await stage.sample("create_case", 1)
        assert isinstance(await stage.call(worker, "create_case", sample), Applied)
        kinds = [type(entry) for entry in stage.journal.entries]
        assert kinds[:3] == [Asked, Journalled, Attempted]
        assert kinds[-3:] == [Answered, Journalled, Told]
        assert set(kinds[3:-3]) == {Wire, Replied}
        (asked,) = [entry for entry in stage.journal.entries if isinstance(entry, Asked)]
        (told,) = [entry for entry in stage.journal.entries if isinstance(entry, Told)]
        attempts = [entry for entry in stage.journal.entries if isinstance(entry, Attempted)]
        assert {attempt.operation for attempt in attempts} == {asked.operation}
        assert (told.word, told.effect, told.call) == ("applied", "applied", asked.call)
        statuses = [entry.status for entry in stage.journal.entries if isinstance(entry, Journalled)]
        assert statuses == ["running", "applied"]

    on_stage(tmp_path, test)


def test_intent_is_in_the_history_before_the_first_attempt(tmp_path: Path) -> None:
    async def test(stage: Stage) -> None:
        worker = await stage.start_worker()
        await stage.call(worker, "create_case", await stage.sample("create_case", 1))
        order = [type(e) for e in stage.journal.entries if isinstance(e, Journalled | Attempted)]
        assert order.index(Journalled) < order.index(Attempted)

    on_stage(tmp_path, test)


def test_fault_is_in_the_history_with_the_attempt_that_met_it(tmp_path: Path) -> None:
    async def test(stage: Stage) -> None:
        worker = await stage.start_worker()
        await stage.call(worker, "create_case", await stage.sample("create_case", 1))
        (struck,) = [entry for entry in stage.journal.entries if isinstance(entry, Wire) and entry.fault]
        first = next(entry for entry in stage.journal.entries if isinstance(entry, Attempted))
        assert (struck.point, struck.kind, struck.attempt) == ("after_commit", "reset", first.attempt)

    on_stage(tmp_path, test, LOST)


def test_preparing_a_sample_meets_no_fault_and_counts_for_none(tmp_path: Path) -> None:
    async def test(stage: Stage) -> None:
        worker = await stage.start_worker()
        sample = await stage.sample("update_case", 1)
        assert stage.targets["salesforce"].faults.fired == {"f0": 0}
        assert sample.request is not None
        await stage.call(worker, "update_case", sample)
        assert stage.targets["salesforce"].faults.fired == {"f0": 1}

    on_stage(tmp_path, test, {"point": "apply", "kind": "status", "trigger": {"nth": 1}})


def test_killed_worker_leaves_its_operation_running_and_the_next_one_finds_it_out(tmp_path: Path) -> None:
    async def test(stage: Stage) -> None:
        worker = await stage.start_worker()
        sample = await stage.sample("create_case", 1)
        call = asyncio.create_task(stage.call(worker, "create_case", sample))
        await stage.clock.sleep(3)  # sent, and the reply hangs
        stage.kill(worker)
        assert await call is None
        told = [entry for entry in stage.journal.entries if isinstance(entry, Told)]
        assert [one.word for one in told] == ["cut_off"]
        statuses = [entry.status for entry in stage.journal.entries if isinstance(entry, Journalled)]
        assert statuses == ["running"]
        other = await stage.start_worker()
        stage.heal()
        assert await stage.settle() == 0
        again = await stage.call(other, "create_case", sample)
        assert isinstance(again, Applied)
        assert again.replayed
        assert len(stage.effects()["salesforce"]) == 1

    on_stage(tmp_path, test, HANGS)


def test_worker_that_is_paused_before_it_sends_past_its_lease_sends_nothing_any_more(tmp_path: Path) -> None:
    stages: list[Stage] = []
    paused: list[str] = []

    async def pause_the_first(step: str, worker: str, system: str, action: str) -> None:
        if step == "before_send" and not paused:
            paused.append(worker)
            stages[0].pause(stages[0].workers[0])
            await asyncio.sleep(0)

    async def test(stage: Stage) -> None:
        stages.append(stage)
        holder, _ = await stage.start_worker(), await stage.start_worker()
        sample = await stage.sample("create_case", 1)
        call = asyncio.create_task(stage.call(holder, "create_case", sample))
        await stage.clock.sleep(900)  # the other one takes it over, and after the horizon sends it
        assert len(stage.effects()["salesforce"]) == 1
        stage.resume(holder)
        outcome = await call
        assert await stage.settle() == 0
        assert isinstance(outcome, Applied)
        assert len(stage.effects()["salesforce"]) == 1
        writers = [entry.worker for entry in stage.journal.entries if isinstance(entry, Journalled)]
        assert writers[0] == "w1"
        assert set(writers[1:]) == {"w2"}

    on_stage(tmp_path, test, step=pause_the_first)


def test_client_that_goes_hears_nothing_and_the_operation_is_settled(tmp_path: Path) -> None:
    async def test(stage: Stage) -> None:
        worker = await stage.start_worker()
        sample = await stage.sample("create_case", 1)
        assert await stage.call(worker, "create_case", sample, gives_up_after=2.0) is None
        stage.heal()
        assert await stage.settle() == 0
        assert len(stage.effects()["salesforce"]) == 1
        events = [entry.what for entry in stage.journal.entries if isinstance(entry, Event)]
        assert events == ["heal", "settled"]

    on_stage(tmp_path, test, HANGS)


def test_batch_is_in_the_history_item_by_item(tmp_path: Path) -> None:
    async def test(stage: Stage) -> None:
        worker = await stage.start_worker()
        await stage.call(worker, "create_cases", await stage.sample("create_cases", 1))
        (asked,) = [entry for entry in stage.journal.entries if isinstance(entry, Asked)]
        (told,) = [entry for entry in stage.journal.entries if isinstance(entry, Told)]
        assert len(asked.items) == 5
        assert [item.operation for item in told.items] == list(asked.items)
        attempts = [entry for entry in stage.journal.entries if isinstance(entry, Attempted)]
        assert {attempt.operation for attempt in attempts} == set(asked.items)
        assert len({attempt.attempt for attempt in attempts}) == 1

    on_stage(tmp_path, test)

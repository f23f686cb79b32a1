"""Rates of rules: counted with the intents, whoever records them, and never beyond."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Any

import pytest
from support.clock import FakeClock

from seawall.core.clock import Sources
from seawall.core.errors import LedgerUnavailable
from seawall.core.ledger import Ledger, usages
from seawall.core.ledger.records import Begun, Intent, Status, Usage, Verdict

from .conftest import Home

TWO = Usage("two", 2, 60.0)
_numbers = count(1)


def intent(key: str, *used: Usage, **changes: Any) -> Intent:
    fields: dict[str, Any] = {
        "system": "crm", "action": "add", "identity": "{}", "request": "{}", "digest": "d", "principal": "agent:a",
        "adapter_version": "1", "policy": "{}", "deadline_at": 0.0,
    }  # fmt: skip
    return Intent(**(fields | {"id": f"op_u{next(_numbers)}", "key": key, "usages": used or (TWO,)} | changes))


async def begin(ledger: Ledger, *intents: Intent) -> list[Begun]:
    return await ledger.begin(list(intents))


async def one(ledger: Ledger, key: str, *used: Usage, **changes: Any) -> Begun:
    (begun,) = await begin(ledger, intent(key, *used, **changes))
    return begun


async def rows(ledger: Ledger) -> int:
    async def counted(db: Any) -> int:
        # place by place: there is no statement that reads them all, and none is needed
        found = 0
        for rule in ("one", "two", "big"):
            for principal in ("agent:a", "agent:b"):
                values = db.sql.count_usages.values(rule=rule, principal=principal, since=-1.0)
                found += (await db.run(db.sql.count_usages, values)).fetchone()[0]
        return found

    number: int = await ledger._writer.submit(counted, writes=False)
    return number


async def test_rate_lets_so_many_begin_and_nothing_is_recorded_beyond(home: Home) -> None:
    clock = FakeClock()
    async with home.open(clock) as ledger:
        started = clock.now()
        assert [(await one(ledger, f"k{n}")).fresh for n in range(2)] == [True, True]
        clock.advance(20)
        beyond = await one(ledger, "k3")
        assert (beyond.fresh, beyond.used_up) == (False, {"two": started + 60.0})
        assert {operation.key for operation in await ledger.find()} == {"k0", "k1"}
        assert await rows(ledger) == 2


async def test_rate_is_free_again_when_its_window_has_passed_on(home: Home) -> None:
    clock = FakeClock()
    async with home.open(clock) as ledger:
        await one(ledger, "k1")
        clock.advance(30)
        await one(ledger, "k2")
        clock.advance(29.5)
        assert (await one(ledger, "k3")).used_up
        clock.advance(0.5)
        assert (await one(ledger, "k3")).fresh
        assert (await one(ledger, "k4")).used_up
        assert await rows(ledger) == 2, "what no longer counts is removed"


async def test_each_principal_has_its_own_rate_and_each_rule(home: Home) -> None:
    async with home.open(FakeClock()) as ledger:
        await begin(ledger, intent("k1"), intent("k2"))
        assert (await one(ledger, "k3")).used_up
        assert (await one(ledger, "k3", principal="agent:b")).fresh
        assert (await one(ledger, "k4", Usage("one", 1, 60.0))).fresh


async def test_what_is_there_already_uses_nothing(home: Home) -> None:
    clock = FakeClock()
    async with home.open(clock) as ledger:
        first = await one(ledger, "k1")
        for _ in range(3):
            again = await one(ledger, "k1")
            assert (again.fresh, dict(again.used_up), again.operation.id) == (False, {}, first.operation.id)
        conflict = await one(ledger, "k1", digest="other")
        assert not conflict.fresh
        assert await rows(ledger) == 1
        assert (await one(ledger, "k2")).fresh
        replay = await one(ledger, "k1")
        assert (replay.fresh, dict(replay.used_up)) == (False, {}), "also when the rate is used up"


async def test_operation_that_starts_anew_uses_the_rate_again(home: Home) -> None:
    async with home.open(FakeClock()) as ledger:
        for expected in (True, True, False):
            begun = await one(ledger, "k1")
            assert begun.fresh is expected
            if expected:
                verdict = Verdict(
                    begun.operation.id, begun.operation.epoch, Status.REJECTED, error='{"transient":true}'
                )
                assert await ledger.finish([verdict]) == [True]
        assert begun.used_up
        (operation,) = await ledger.find()
        assert operation.status is Status.REJECTED


async def test_batch_beyond_a_rate_is_not_recorded_at_all(home: Home) -> None:
    async with home.open(FakeClock()) as ledger:
        await one(ledger, "k0")
        batch = [
            intent("k1", batch_id="b1"),
            intent("k2", batch_id="b1"),
            intent("k3", Usage("one", 1, 9.0), batch_id="b1"),
        ]
        begun = await begin(ledger, *batch)
        assert [(answer.fresh, set(answer.used_up)) for answer in begun] == [(False, {"two"})] * 3
        assert [operation.key for operation in await ledger.find()] == ["k0"]
        assert await rows(ledger) == 1
        smaller = await begin(ledger, intent("k0", batch_id="b2"), intent("k1", batch_id="b2"))
        assert [answer.fresh for answer in smaller] == [False, True], "what is there already is no part of it"


async def test_operation_may_use_two_rules_and_uses_none_if_one_is_used_up(home: Home) -> None:
    async with home.open(FakeClock()) as ledger:
        both = (TWO, Usage("one", 1, 60.0))
        assert (await one(ledger, "k1", *both)).fresh
        assert set((await one(ledger, "k2", *both)).used_up) == {"one"}
        assert await rows(ledger) == 2
        assert (await one(ledger, "k2")).fresh


async def test_intent_without_a_rate_and_one_that_waits_for_its_entity_use_nothing(home: Home) -> None:
    async with home.open(FakeClock()) as ledger:
        await one(ledger, "k1", entity="n1")
        blocked = await one(ledger, "k2", entity="n1")
        assert blocked.blocked_by is not None
        assert (await one(ledger, "k3", usages=())).fresh
        assert await rows(ledger) == 1


async def test_rate_survives_a_restart(home: Home) -> None:
    clock = FakeClock()
    async with home.open(clock) as ledger:
        await begin(ledger, intent("k1"), intent("k2"))
    async with home.open(clock) as ledger:
        assert (await one(ledger, "k3")).used_up


async def test_rate_holds_for_many_callers_of_two_ledgers_on_one_database(home: Home) -> None:
    ten = Usage("big", 10, 3600.0)
    async with home.open() as first, home.open() as second:
        asked = [one((first, second)[n % 2], f"k{n}", ten) for n in range(80)]
        begun = await asyncio.gather(*asked)
        assert sum(answer.fresh for answer in begun) == 10
        assert all(set(answer.used_up) == {"big"} for answer in begun if not answer.fresh)
        assert len(await first.find()) == 10
        assert await rows(first) == 10


async def test_intent_whose_commit_was_lost_uses_its_rate_once(home: Home) -> None:
    async with home.open(FakeClock()) as ledger:
        lost = intent("k1")
        for _ in range(3):
            (begun,) = await begin(ledger, lost)
            assert begun.fresh
        assert await rows(ledger) == 1


async def test_old_uses_of_those_who_never_came_back_are_forgotten(home: Home) -> None:
    clock = FakeClock()
    async with home.open(clock) as ledger:
        await one(ledger, "k1")
        clock.advance(usages.LONGEST + 1)
        await one(ledger, "k2", principal="agent:b")
        await ledger._writer.submit(usages.forget)
        assert await rows(ledger) == 1


async def test_uses_of_a_rule_are_found_by_an_index(local_home: Home) -> None:
    async with local_home.open(FakeClock()) as ledger:

        async def plan(db: Any) -> str:
            found = db.execute(f"EXPLAIN QUERY PLAN {db.sql.count_usages.text}", ["r", "p", 0.0]).fetchall()
            return " ".join(row[3] for row in found)

        assert "SEARCH usages USING COVERING INDEX" in await ledger._writer.submit(plan, writes=False)


async def test_ledger_that_fails_counts_nothing(local_home: Home) -> None:
    async with local_home.open(FakeClock()) as ledger:
        await ledger._writer.submit(lambda db: db.execute("DROP TABLE usages").rowcount)
        with pytest.raises(LedgerUnavailable):
            await one(ledger, "k1")
        assert await ledger.find() == []


async def test_heartbeat_sweeps_old_uses(local_home: Home) -> None:
    ledger = await Ledger.open(local_home.settings(lease=0.3), Sources())
    try:
        await one(ledger, "k1")
        await ledger._writer.submit(lambda db: db.execute("UPDATE usages SET at = 1").rowcount)
        async with asyncio.timeout(5):
            while await rows(ledger):
                await asyncio.sleep(0.02)
    finally:
        await ledger.close()

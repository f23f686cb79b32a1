"""Writes to real databases: once, whole or not at all, whatever happens around COMMIT."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support.sql import KEY, ORDER, OTHER_KEY, Commit, Database, World, at_commit, connect, driver_error

from seawall.core.adapter import Absent, Present, Sent
from seawall.core.errors import (
    BusinessRule,
    CommitUnknown,
    Conflict,
    IntegrationError,
    NotFound,
    NotSent,
    PreconditionFailed,
)


async def test_an_order_of_three_statements_is_there_once_and_its_probe_finds_it(world: World) -> None:
    assert isinstance(await world.probe("create_order", ORDER), Absent)
    sent = await world.send("create_order", ORDER)
    assert isinstance(sent, Sent)
    assert (sent.value.reference, sent.record) == ("A-1", str(sent.value.order_id))
    assert world.whole() == (1, 1, 97)
    found = await world.probe("create_order", ORDER)
    assert isinstance(found, Present)
    assert (found.value, found.record) == (sent.value, sent.record)


async def test_the_same_key_again_answers_the_first_result_and_changes_nothing(world: World) -> None:
    sent = await world.send("create_order", ORDER)
    again = await world.send("create_order", ORDER, maybe_applied=True)
    assert (again.value, again.record, again.facts["already_there"]) == (sent.value, sent.record, True)
    assert world.whole() == (1, 1, 97)


async def test_the_same_key_with_other_content_is_a_conflict(world: World) -> None:
    await world.send("create_order", ORDER)
    with pytest.raises(Conflict) as caught:
        await world.send("create_order", {**ORDER, "amount": 4})
    assert (caught.value.code, caught.value.effect) == ("key_other_content", "none")
    assert world.whole() == (1, 1, 97)


def lost_before(real: Commit, connection: Any) -> None:
    connection.rollback()


def lost_after(real: Commit, connection: Any) -> None:
    real(connection)


@pytest.mark.case(1)
@pytest.mark.case(46)
@pytest.mark.parametrize(("happens", "there"), [(lost_before, 0), (lost_after, 1)])
async def test_a_lost_answer_to_commit_is_in_doubt_and_the_probe_and_a_repetition_tell_the_truth(
    world: World, happens: Any, there: int
) -> None:
    def act(real: Commit, connection: Any) -> None:
        happens(real, connection)
        raise driver_error(world)

    with at_commit(world, act), pytest.raises(CommitUnknown) as caught:
        await world.send("create_order", ORDER)
    assert caught.value.effect == "maybe"
    if world.database.kind == "postgresql":
        assert caught.value.evidence["transaction"].isdigit()
    assert world.orders == there
    found = await world.probe("create_order", ORDER)
    assert isinstance(found, Present if there else Absent)
    again = await world.send("create_order", ORDER, maybe_applied=True)
    assert again.facts.get("already_there", False) == bool(there)
    assert world.whole() == (1, 1, 97)


@pytest.mark.parametrize("number", [1, 2, 3])
async def test_a_failure_in_any_statement_leaves_nothing_and_is_a_definite_refusal(world: World, number: int) -> None:
    if number == 1:
        world.database.run("INSERT INTO orders (reference, customer) VALUES ('A-1', 1)")
    request = {**ORDER, "amount": 0} if number == 2 else {**ORDER, "article": "anvil"} if number == 3 else ORDER
    before = world.whole()
    with pytest.raises(IntegrationError) as caught:
        await world.send("create_order", request)
    assert type(caught.value) is {1: Conflict, 2: BusinessRule, 3: NotFound}[number]
    assert caught.value.effect == "none"
    assert world.whole() == before
    assert world.database.count("seawall_effects") == 0
    assert isinstance(await world.probe("create_order", request), Absent)


async def test_a_change_at_a_version_that_was_overtaken_is_refused(world: World) -> None:
    order = (await world.send("create_order", ORDER)).value.order_id
    change = {"order_id": order, "status": "sent", "row_version": 1}
    await world.send("set_status", change, OTHER_KEY)
    assert world.database.rows("SELECT status, row_version FROM orders") == [("sent", 2)]
    with pytest.raises(PreconditionFailed) as caught:
        await world.send("set_status", {**change, "status": "lost"}, "sw-" + "c" * 26)
    assert (caught.value.code, caught.value.effect) == ("version", "none")
    assert world.database.rows("SELECT status, row_version FROM orders") == [("sent", 2)]


async def test_a_fence_that_says_no_before_the_first_write_or_before_commit_leaves_nothing(world: World) -> None:
    for allowed in (0, 1):
        answers = iter([True] * allowed + [False] * 9)
        with pytest.raises(NotSent) as caught:
            await world.send("create_order", ORDER, may_send=lambda answers=answers: next(answers))
        assert (caught.value.code, caught.value.transient) == ("lost_lease", True)
        assert world.orders == 0


@pytest.mark.case(3)
async def test_while_the_first_transaction_is_open_nothing_is_called_absent_and_nothing_is_done_twice(
    world: World,
) -> None:
    reached, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def zombie(real: Commit, connection: Any) -> None:
        loop.call_soon_threadsafe(reached.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result()
        real(connection)

    with at_commit(world, zombie):
        first = asyncio.create_task(world.send("create_order", ORDER))
        await reached.wait()
        finding = await world.probe("create_order", ORDER, timeout=1.0)
        assert type(finding).__name__ == "CannotTell"
        second = asyncio.create_task(world.send("create_order", ORDER, maybe_applied=True))
        await asyncio.sleep(0.2)
        assert not second.done()
        go_on.set()
        assert (await first).value == (await second).value
    assert world.whole() == (1, 1, 97)


@pytest.mark.case(33)
async def test_a_driver_that_hangs_before_commit_ends_at_its_time_with_no_effect(made: Database) -> None:
    world = connect(made, lock_timeout=30.0)
    with made.session() as other:
        if made.kind == "sqlite":
            other.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            other.exec_driver_sql("UPDATE stock SET amount = amount WHERE article = 'bolt'")
        started = asyncio.get_running_loop().time()
        with pytest.raises(IntegrationError) as caught:
            await world.send("create_order", ORDER, timeout=1.0)
        assert asyncio.get_running_loop().time() - started < 1.6
        assert caught.value.effect == "none"
        other.rollback()
    assert world.orders == 0
    sent = await world.send("create_order", ORDER)
    assert sent.value.reference == "A-1"
    await world.adapter.close()


async def test_a_commit_that_hangs_is_in_doubt_at_its_time_and_may_still_land(world: World) -> None:
    loop = asyncio.get_running_loop()
    go_on = asyncio.Event()

    def hang(real: Commit, connection: Any) -> None:
        real(connection)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result()

    with at_commit(world, hang):
        with pytest.raises(CommitUnknown) as caught:
            await world.send("create_order", ORDER, timeout=0.5)
        go_on.set()
    assert (caught.value.code, caught.value.effect) == ("timeout", "maybe")
    assert isinstance(await world.probe("create_order", ORDER, key=KEY), Present)
    assert world.orders == 1

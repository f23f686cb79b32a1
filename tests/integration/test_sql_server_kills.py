"""The database server dies at COMMIT, before it or after it, and in full flight: nothing is lost, nothing doubled."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import exc
from support.postgres_server import PostgresServer, postgres_server
from support.sql import ORDER, Commit, Database, World, at_commit, connect, database, driver_error, order_actions
from support.sql_mariadb_server import MariadbServer, mariadb_server

from seawall import Applied, Config, Seawall, Unknown
from seawall.connectors.sql.adapter import SqlAdapter
from seawall.core.adapter import Absent, Present
from seawall.core.errors import CommitUnknown, IntegrationError
from seawall.core.outcome import Pending, Rejected

pytestmark = pytest.mark.slow

Server = PostgresServer | MariadbServer


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[str, Server]]:
    with postgres_server() if request.param == "postgresql" else mariadb_server() as one:
        yield request.param, one


@pytest.fixture
def made(server: tuple[str, Server], tmp_path: Path) -> Iterator[Database]:
    kind, one = server
    if not one.running:
        one.start()
    with database(kind, tmp_path, one.url) as found:
        yield found


@pytest.mark.case(46)
@pytest.mark.parametrize("after", [False, True])
async def test_a_server_killed_at_commit_leaves_a_doubt_that_its_restart_settles(
    server: tuple[str, Server], made: Database, after: bool
) -> None:
    world: World = connect(made)
    one = server[1]

    def dies(real: Commit, connection: Any) -> None:
        if not after:
            one.kill()
        real(connection)
        one.kill()
        raise driver_error(world)

    with at_commit(world, dies), pytest.raises(CommitUnknown) as caught:
        await world.send("create_order", ORDER, timeout=20.0)
    assert caught.value.effect == "maybe"
    one.start()
    assert world.whole() == ((1, 1, 97) if after else (0, 0, 100))
    found = await world.probe("create_order", ORDER)
    assert isinstance(found, Present if after else Absent)
    again = await world.send("create_order", ORDER, maybe_applied=True)
    assert again.facts.get("already_there", False) == after
    assert world.whole() == (1, 1, 97)
    await world.adapter.close()


@pytest.mark.case(46)
async def test_after_a_crash_postgresql_proves_that_a_transaction_never_was_and_not_that_it_was(tmp_path: Path) -> None:
    with postgres_server() as one, database("postgresql", tmp_path, one.url) as made:
        await crashed(made, one.kill, one.start)


@pytest.mark.case(46)
async def test_after_the_crash_of_one_session_postgresql_gives_numbers_anew_and_they_prove_nothing(
    tmp_path: Path,
) -> None:
    with postgres_server() as one, database("postgresql", tmp_path, one.url) as made:

        def crash() -> None:
            with made.session() as other:
                ((session,),) = [tuple(row) for row in other.exec_driver_sql("SELECT pg_backend_pid()")]
                os.kill(int(session), signal.SIGKILL)  # the others are ended, and the log is read again
                until = time.monotonic() + 20.0
                while time.monotonic() < until:
                    time.sleep(0.1)
                    with contextlib.suppress(exc.SQLAlchemyError):
                        made.count("orders")
                        break
                other.invalidate()

        await crashed(made, crash, lambda: None)


async def crashed(made: Database, crash: Callable[[], None], start: Callable[[], None]) -> None:
    actions = {"create_order": {**order_actions(made.kind)["create_order"], "dedupe": "none"}}
    world = connect(made, actions=actions, effects_table=None)
    for number, after in enumerate((False, True)):
        request = {**ORDER, "reference": f"A-{number}"}

        def dies(real: Commit, connection: Any, after: bool = after) -> None:
            if not after:
                crash()
            real(connection)
            crash()
            raise driver_error(world)

        with at_commit(world, dies), pytest.raises(CommitUnknown):
            await world.send("create_order", request, key=f"sw-{number}", timeout=20.0)
        start()
        # Another transaction may take the number that was lost, and commit.
        made.run(*[f"INSERT INTO stock VALUES ('{number}-{more}', 1, 1)" for more in range(20)])
        found = await world.probe("create_order", request, key=f"sw-{number}")
        assert not isinstance(found, Absent if after else Present)
        assert world.orders == int(after)
    await world.adapter.close()


@pytest.mark.case(2)
@pytest.mark.case(46)
async def test_orders_through_seawall_while_the_server_dies_again_and_again_are_there_once_each(
    server: tuple[str, Server], made: Database, tmp_path: Path
) -> None:
    kind, one = server
    world = connect(made)
    config = Config.model_validate(
        {
            "ledger": {"path": str(tmp_path / "ledger.db")},
            "systems": {
                "orders": {
                    "connector": "sql",
                    "attempt_timeout": 3.0,
                    "retry": {"first_wait": 0.05, "budget_reserve": 1000.0},
                    "breaker": {"failures": 1000},
                    "recovery": {"interval": 0.1, "first_probe": 0.1, "longest_wait": 0.5, "attempts": 10_000},
                }
            },
            "policy": [{"name": "all", "decision": "allow"}],
        }
    )
    made.run("UPDATE stock SET amount = 1000000 WHERE article = 'bolt'")
    told: dict[str, Any] = {}
    going = True

    async def caller(wall: Seawall, number: int) -> None:
        turn = 0
        while going:
            turn += 1
            reference = f"C{number}-{turn}"
            told[reference] = await wall.call(
                "orders.create_order", {**ORDER, "reference": reference}, principal="p", deadline=6.0
            )
            await asyncio.sleep(0.01)

    dice = random.Random(kind)
    async with Seawall(config, adapters={"orders": world.adapter}) as wall:
        callers = [asyncio.create_task(caller(wall, number)) for number in range(8)]
        for _ in range(3):
            await asyncio.sleep(0.5 + dice.random() / 2)
            await asyncio.to_thread(one.kill)
            await asyncio.to_thread(one.start)
        async with asyncio.timeout(30):  # on a busy machine the server takes long to start
            while sum(type(one).__name__ == "Applied" for one in told.values()) <= 50:
                await asyncio.sleep(0.1)
        await asyncio.sleep(1.0)
        going = False
        await asyncio.gather(*callers)
        async with asyncio.timeout(40):
            for reference, outcome in list(told.items()):
                while isinstance(outcome, Unknown | Pending):
                    await asyncio.sleep(0.1)
                    outcome = await wall.call(
                        "orders.create_order", {**ORDER, "reference": reference}, principal="p", deadline=6.0
                    )
                told[reference] = outcome
    there = Counter(reference for (reference,) in made.rows("SELECT reference FROM orders"))
    assert max(there.values()) == 1
    words = Counter(type(outcome).__name__ for outcome in told.values())
    assert words["Applied"] > 50, words
    for reference, outcome in told.items():
        assert isinstance(outcome, Applied | Rejected), outcome
        assert there[reference] == int(isinstance(outcome, Applied)), (reference, outcome)
    lines = made.rows("SELECT order_id, COUNT(*) FROM order_lines GROUP BY order_id HAVING COUNT(*) <> 1")
    assert lines == []
    assert made.rows("SELECT amount FROM stock WHERE article = 'bolt'") == [(1_000_000 - 3 * len(there),)]
    assert isinstance(world.adapter, SqlAdapter)


@pytest.mark.case(33)
async def test_a_server_that_hangs_costs_no_more_than_the_time_and_the_connections_place_is_free_again(
    tmp_path: Path,
) -> None:
    with postgres_server() as one, database("postgresql", tmp_path, one.url) as made:
        for pre_ping in (True, False):
            world = connect(made, pool_size=1, pre_ping=pre_ping)
            await world.send("create_order", {**ORDER, "reference": f"{pre_ping}"}, key=f"sw-{pre_ping}")
            ((session,),) = made.rows(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            os.kill(int(session), signal.SIGSTOP)
            try:
                started = time.monotonic()
                with pytest.raises(IntegrationError) as caught:
                    await world.send("create_order", ORDER, timeout=1.0)
                assert time.monotonic() - started < 1.3
                assert caught.value.effect == "none"
                await asyncio.sleep(0.1)
                await world.send("get_order", {"order_id": 1}, key="")
                sent = await world.send("create_order", {**ORDER, "reference": f"2{pre_ping}"}, key=f"sw-2{pre_ping}")
                assert sent.record is not None
            finally:
                os.kill(int(session), signal.SIGCONT)
            await world.adapter.close()
            made.run(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        assert world.orders == 4

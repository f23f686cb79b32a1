"""What goes wrong between a driver and its server, and what it proves; judged by the rows."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from support.sql import KEY, ORDER, OTHER_KEY, Commit, Database, World, at_commit, connect, database, driver_error

from seawall.core.adapter import Absent, Present
from seawall.core.errors import Conflict, ConnectFailed, Forbidden, IntegrationError, InvalidRequest, Throttled


def kill_sessions(made: Database) -> None:
    """End the sessions of everybody else, as an administrator does."""
    if made.kind == "postgresql":
        made.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    elif made.kind == "mariadb":
        for (number,) in made.rows(
            "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()"
        ):
            made.run(f"KILL {number}")


@pytest.mark.parametrize("pre_ping", [True, False])
async def test_a_connection_dropped_while_idle_costs_nothing_or_is_known_to_have_done_nothing(
    served: Database, pre_ping: bool
) -> None:
    world = connect(served, pre_ping=pre_ping)
    await world.send("create_order", ORDER)
    kill_sessions(served)
    request = {**ORDER, "reference": "A-2"}
    if not pre_ping:
        with pytest.raises(IntegrationError) as caught:
            await world.send("create_order", request, OTHER_KEY)
        assert (caught.value.effect, caught.value.transient) == ("none", True)
        assert world.orders == 1
    await world.send("create_order", request, OTHER_KEY)
    assert world.orders == 2
    await world.adapter.close()


async def test_a_session_killed_in_mid_transaction_leaves_nothing_and_is_known_to(served: Database) -> None:
    world = connect(served)
    with served.session() as other:
        other.exec_driver_sql("UPDATE stock SET amount = amount WHERE article = 'bolt'")
        task = asyncio.create_task(world.send("create_order", ORDER))
        await asyncio.sleep(0.3)
        sessions = (
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            if served.kind == "postgresql"
            else "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND info LIKE 'UPDATE stock%'"
        )
        ((session,),) = served.rows(sessions)
        served.run(f"SELECT pg_terminate_backend({session})" if served.kind == "postgresql" else f"KILL {session}")
        with pytest.raises(IntegrationError) as caught:
            await task
        other.rollback()
    assert (caught.value.effect, caught.value.transient) == ("none", True)
    assert world.whole() == (0, 0, 100)
    assert isinstance(await world.probe("create_order", ORDER), Absent)
    await world.adapter.close()


@pytest.mark.case(47)
async def test_a_deadlock_victim_is_rolled_back_whole_and_may_be_tried_again(served: Database) -> None:
    swap = {
        "description": "Moves stock.",
        "effect": "change",
        "identity": ["first", "second"],
        "parameters": {"first": "text", "second": "text"},
        "statements": [
            {"sql": "UPDATE stock SET amount = amount - 1 WHERE article = :first"},
            {"sql": "UPDATE stock SET amount = amount + 1 WHERE article = :second"},
        ],
    }
    world = connect(served, actions={"move": swap}, lock_timeout=20.0)
    with served.session() as other:
        if served.kind == "postgresql":
            other.exec_driver_sql("SET deadlock_timeout = '10s'")
        # More work done: MariaDB chooses the other one as the victim.
        for _ in range(20):
            other.exec_driver_sql("UPDATE orders SET note = note")
            other.exec_driver_sql("UPDATE stock SET row_version = row_version + 1 WHERE article = 'nut'")
            other.exec_driver_sql("INSERT INTO order_lines (order_id, article, amount) VALUES (1, 'x', 1)")
        task = asyncio.create_task(world.send("move", {"first": "bolt", "second": "nut"}, timeout=15.0))
        await asyncio.sleep(0.5)
        await asyncio.to_thread(other.exec_driver_sql, "UPDATE stock SET amount = amount + 0 WHERE article = 'bolt'")
        with pytest.raises(Conflict) as caught:
            await task
        other.rollback()
    assert caught.value.code in ("40P01", "1213")
    assert (caught.value.effect, caught.value.transient) == ("none", True)
    assert served.rows("SELECT article, amount FROM stock ORDER BY 1") == [("bolt", 100), ("nut", 50)]
    await world.send("move", {"first": "bolt", "second": "nut"})
    assert served.rows("SELECT article, amount FROM stock ORDER BY 1") == [("bolt", 99), ("nut", 51)]
    await world.adapter.close()


@pytest.mark.case(47)
async def test_a_serialization_failure_is_rolled_back_whole_and_may_be_tried_again(postgres: Database) -> None:
    world = connect(postgres, isolation_level="SERIALIZABLE")
    with postgres.session() as other:
        other.exec_driver_sql("UPDATE stock SET amount = 90 WHERE article = 'bolt'")
        task = asyncio.create_task(world.send("create_order", ORDER))
        await asyncio.sleep(0.3)
        other.commit()
        with pytest.raises(Conflict) as caught:
            await task
    assert (caught.value.code, caught.value.effect, caught.value.transient) == ("40001", "none", True)
    assert world.whole() == (0, 0, 90)
    await world.send("create_order", ORDER)
    assert world.whole() == (1, 1, 87)
    await world.adapter.close()


async def test_a_lock_that_another_user_keeps_is_a_conflict_that_left_nothing(made: Database) -> None:
    world = connect(made, lock_timeout=0.5)
    with made.session() as other:
        if made.kind == "sqlite":
            other.exec_driver_sql("BEGIN IMMEDIATE")
        other.exec_driver_sql("UPDATE stock SET amount = amount WHERE article = 'bolt'")
        with pytest.raises(Conflict) as caught:
            await world.send("create_order", ORDER)
        other.rollback()
    assert (caught.value.effect, caught.value.transient) == ("none", True)
    assert world.whole() == (0, 0, 100)
    await world.send("create_order", ORDER)
    await world.adapter.close()


async def test_a_statement_that_takes_too_long_is_ended_by_the_server_and_leaves_nothing(served: Database) -> None:
    wait = "pg_sleep(5)" if served.kind == "postgresql" else "SLEEP(5)"
    slow = {
        "description": "Takes its time.",
        "effect": "create",
        "identity": ["reference"],
        "parameters": {"reference": "text"},
        "statements": [
            {"sql": "INSERT INTO orders (reference, customer) VALUES (:reference, 1)"},
            {"sql": f"SELECT {wait}", "rows": "any"},
        ],
    }
    world = connect(served, actions={"slow": slow})
    with pytest.raises(Throttled) as caught:
        await world.send("slow", {"reference": "A-1"}, timeout=1.0)
    assert (caught.value.code, caught.value.effect) == ({"postgresql": "57014", "mariadb": "1969"}[served.kind], "none")
    assert world.orders == 0
    await world.adapter.close()


async def test_a_server_that_became_read_only_refuses_and_its_connections_are_not_used_again(
    postgres: Database,
) -> None:
    world = connect(postgres)
    postgres.run(f"ALTER DATABASE {postgres.url.rsplit('/', 1)[1]} SET default_transaction_read_only = on")
    with pytest.raises(Forbidden) as caught:
        await world.send("create_order", ORDER)
    assert (caught.value.code, caught.value.effect, caught.value.transient, caught.value.outage) == (
        "25006",
        "none",
        True,
        True,
    )
    with postgres.session() as other:
        other.exec_driver_sql("SET default_transaction_read_only = off")
        other.commit()
        name = postgres.url.rsplit("/", 1)[1]
        other.exec_driver_sql(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        other.commit()
    await world.send("create_order", ORDER)
    assert world.orders == 1
    await world.adapter.close()


async def test_no_server_is_not_sent(made: Database) -> None:
    url = {
        "sqlite": made.url.replace("orders.db", "missing/orders.db"),
        "postgresql": "postgresql+psycopg://u@127.0.0.1:1/x",
        "mariadb": "mysql+pymysql://u@127.0.0.1:1/x",
    }[made.kind]
    world = connect(made, url=url, install=False)
    with pytest.raises(IntegrationError) as caught:
        await world.send("create_order", ORDER)
    assert (caught.value.effect, caught.value.transient, caught.value.outage) == ("none", True, True)
    assert isinstance(caught.value, ConnectFailed)
    await world.adapter.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])  # MariaDB checks no constraint at COMMIT
async def test_a_refused_commit_is_no_doubt_where_the_server_itself_says_so(kind: str, tmp_path: Path) -> None:
    with database(kind, tmp_path) as made:
        await refused_at_commit(made)


async def refused_at_commit(made: Database) -> None:
    if made.kind == "postgresql":
        made.run("ALTER TABLE order_lines ADD FOREIGN KEY (order_id) REFERENCES orders DEFERRABLE INITIALLY DEFERRED")
    else:
        made.run(
            "DROP TABLE order_lines",
            "CREATE TABLE order_lines (line_id INTEGER PRIMARY KEY, order_id INTEGER REFERENCES orders (order_id) "
            "DEFERRABLE INITIALLY DEFERRED, article TEXT, amount INTEGER)",
        )
    line = {
        "description": "Adds a line.",
        "effect": "create",
        "identity": ["order_id"],
        "parameters": {"order_id": "integer"},
        "statements": [{"sql": "INSERT INTO order_lines (order_id, article, amount) VALUES (:order_id, 'x', 1)"}],
    }
    world = connect(made, actions={"add_line": line})
    with pytest.raises(IntegrationError) as caught:
        await world.send("add_line", {"order_id": 99})
    assert (type(caught.value).__name__, caught.value.effect) == ("BusinessRule", "none")
    assert made.count("order_lines") == 0
    assert made.count("seawall_effects") == 0
    await world.adapter.close()


@pytest.mark.case(9)
async def test_a_caller_who_leaves_before_commit_leaves_nothing_and_no_place_taken(made: Database) -> None:
    world = connect(made, pool_size=1, lock_timeout=3.0)
    with made.session() as other:
        if made.kind == "sqlite":
            other.exec_driver_sql("BEGIN IMMEDIATE")
        other.exec_driver_sql("UPDATE stock SET amount = amount WHERE article = 'bolt'")
        task = asyncio.create_task(world.send("create_order", ORDER))
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        other.rollback()
    found: Any = await world.probe("create_order", ORDER)
    assert isinstance(found, Absent) or "still open" in found.reason
    await world.send("create_order", {**ORDER, "reference": "A-2"}, OTHER_KEY)
    assert world.whole() == (1, 1, 97)
    assert isinstance(await world.probe("create_order", ORDER, KEY), Absent)
    await world.adapter.close()


async def test_an_open_write_holds_up_nobody_with_the_same_key_in_another_database(
    served: Database, tmp_path: Path
) -> None:
    world = connect(served, lock_timeout=3.0)
    with database(served.kind, tmp_path) as elsewhere, served.session() as session:
        other = connect(elsewhere)
        session.exec_driver_sql("UPDATE stock SET amount = amount WHERE article = 'bolt'")
        open_write = asyncio.create_task(world.send("create_order", ORDER))
        await asyncio.sleep(0.3)
        assert "still open" in (await world.probe("create_order", ORDER)).reason
        assert isinstance(await other.probe("create_order", ORDER), Absent)
        await other.send("create_order", ORDER)
        session.rollback()
        await open_write
        assert world.whole() == other.whole() == (1, 1, 97)
        await other.adapter.close()
    await world.adapter.close()


async def test_a_text_that_no_database_keeps_is_refused_before_anything_is_sent(world: World) -> None:
    for text in ("a\x00b", "\ud800"):
        request = world.adapter.actions["create_order"].request.model_construct(None, **ORDER, note=text)
        attempt = world.attempt("create_order", ORDER)
        with pytest.raises(InvalidRequest):
            await world.adapter.send(
                world.adapter.actions["create_order"],
                type(attempt)(attempt.operation_id, attempt.key, request, timeout=5.0),
            )
    assert world.orders == 0


async def test_all_of_unicode_survives(world: World) -> None:
    note = "Grüße 漢字 🙂 \N{COMBINING ACUTE ACCENT}"
    await world.send("create_order", {**ORDER, "note": note})
    assert world.database.rows("SELECT note FROM orders") == [(note,)]


async def test_what_another_session_took_first_with_the_same_unique_value_is_no_replay(world: World) -> None:
    def act(real: Commit, connection: Any) -> None:
        connection.rollback()
        world.database.run("INSERT INTO orders (reference, customer) VALUES ('A-1', 1)")
        raise driver_error(world)

    with at_commit(world, act), pytest.raises(IntegrationError):
        await world.send("create_order", ORDER)
    assert isinstance(await world.probe("create_order", ORDER), Absent)
    with pytest.raises(Conflict) as caught:
        await world.send("create_order", ORDER, maybe_applied=True)
    assert caught.value.effect == "none"
    assert not isinstance(await world.probe("create_order", ORDER), Present)

"""Reads: read-only, bounded in rows and time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import exc
from support.sql import ORDER, Database, World, connect, database, order_actions

from seawall.core.errors import Conflict, IntegrationError, NotFound, PoolExhausted, ReplyTimeout, Throttled


async def test_a_record_is_read_as_its_model_with_its_version(world: World) -> None:
    order = (await world.send("create_order", ORDER)).value.order_id
    sent = await world.send("get_order", {"order_id": order}, key="")
    assert sent.value.model_dump() == {"order_id": order, "reference": "A-1", "status": "new", "row_version": 1}
    assert sent.record == str(order)


async def test_a_record_that_is_not_there_is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        await world.send("get_order", {"order_id": 99}, key="")


async def test_more_rows_than_allowed_are_not_read_and_the_reply_says_so(made: Database) -> None:
    world = connect(made, max_rows=3)
    for number in range(5):
        made.run(f"INSERT INTO orders (reference, customer) VALUES ('A-{number}', 7)")
    for customer, count, complete in ((7, 3, False), (8, 0, True)):
        value = (await world.send("find_orders", {"customer": customer}, key="")).value
        assert (len(value.rows), value.complete) == (count, complete)
    await world.adapter.close()


EMPTY_STOCK = {
    "postgresql": "RETURNS INT LANGUAGE sql AS 'UPDATE stock SET amount = 0; SELECT 1'",
    "mariadb": "RETURNS INT BEGIN UPDATE stock SET amount = 0; RETURN 1; END",
}


async def test_a_read_of_sqlite_cannot_write(tmp_path: Path) -> None:
    with database("sqlite", tmp_path) as made:
        world = connect(made)
        with world.adapter.wire.reader.connect() as connection, pytest.raises(exc.OperationalError, match="readonly"):
            connection.exec_driver_sql("UPDATE stock SET amount = 0")
        await world.adapter.close()


async def test_a_read_cannot_write_even_where_its_function_would(served: Database) -> None:
    made = served
    made.run(f"CREATE FUNCTION empty_stock() {EMPTY_STOCK[made.kind]}")
    actions = {
        "sneak": {
            "description": "Looks like a read.",
            "effect": "read",
            "returns": {"n": "integer"},
            "statements": [{"sql": "SELECT empty_stock() AS n"}],
        }
    }
    world = connect(made, actions=actions)
    with pytest.raises(IntegrationError) as caught:
        await world.send("sneak", {}, key="")
    assert caught.value.code in ("25006", "1792")
    assert made.rows("SELECT SUM(amount) FROM stock") == [(150,)]
    await world.adapter.close()


SLEEP = {"postgresql": "SELECT 1 AS n FROM pg_sleep(:s)", "mariadb": "SELECT SLEEP(:s) AS n"}
FOREVER = "WITH RECURSIVE c(n) AS (SELECT :s UNION ALL SELECT n + 1 FROM c) SELECT MAX(n) AS n FROM c"


async def test_a_read_that_takes_too_long_is_ended_and_its_place_is_free_again(made: Database) -> None:
    sql = SLEEP.get(made.kind, FOREVER)
    slow: dict[str, Any] = {
        "description": "Takes its time.",
        "effect": "read",
        "parameters": {"s": "integer"},
        "returns": {"n": "integer"},
        "statements": [{"sql": sql}],
    }
    world = connect(made, actions={"slow": slow}, pool_size=1)
    for _ in range(2):
        started = asyncio.get_running_loop().time()
        with pytest.raises((ReplyTimeout, Throttled)) as caught:
            await world.send("slow", {"s": 20}, key="", timeout=1.0)
        assert caught.value.effect == "none"
        assert asyncio.get_running_loop().time() - started < 1.7
        await asyncio.sleep(0.2)
    await world.adapter.close()


@pytest.mark.case(39)
async def test_a_busy_pool_is_told_before_anything_is_sent_and_gives_its_places_back(served: Database) -> None:
    world = connect(served, pool_size=2, pool_patience=0.2, lock_timeout=3.0)
    with served.session() as other:
        other.exec_driver_sql("UPDATE stock SET amount = amount WHERE article = 'bolt'")
        waiting = [
            asyncio.create_task(world.send("create_order", {**ORDER, "reference": f"W-{n}"}, key=f"sw-{n}" + "a" * 25))
            for n in range(2)
        ]
        await asyncio.sleep(0.3)
        with pytest.raises(PoolExhausted) as caught:
            await world.send("create_order", ORDER)
        assert (caught.value.effect, caught.value.outage, caught.value.transient) == ("none", False, True)
        other.rollback()
        await asyncio.gather(*waiting)
    sent = await asyncio.gather(
        *(world.send("create_order", {**ORDER, "reference": f"B-{n}"}, key=f"sw-{n}" + "b" * 25) for n in range(6)),
        return_exceptions=True,
    )
    told = [one for one in sent if isinstance(one, BaseException)]
    assert all(isinstance(one, PoolExhausted | Conflict) for one in told)
    assert world.orders == 2 + len(sent) - len(told)
    await world.adapter.close()


async def test_reads_go_where_read_url_says_and_probes_do_not(made: Database) -> None:
    wrong = {
        "sqlite": made.url.replace("orders.db", "missing/orders.db"),
        "postgresql": "postgresql+psycopg://u@127.0.0.1:1/x",
        "mariadb": "mysql+pymysql://u@127.0.0.1:1/x",
    }[made.kind]
    world = connect(made, read_url=wrong, actions=order_actions(made.kind))
    sent = await world.send("create_order", ORDER)
    assert (await world.probe("create_order", ORDER)).value == sent.value
    with pytest.raises(IntegrationError) as caught:
        await world.send("get_order", {"order_id": 1}, key="")
    assert caught.value.effect == "none"
    await world.adapter.close()

"""What databases do outside of the transaction they were asked for is not called undone, and not done twice."""

from __future__ import annotations

from typing import Any

import pytest
from support.sql import ORDER, Commit, Database, at_commit, connect, driver_error

from seawall.core.adapter import Absent, CannotTell, Present
from seawall.core.errors import (
    Ambiguous,
    BusinessRule,
    CommitUnknown,
    ContractBroken,
    IntegrationError,
    InvalidRequest,
)

CLOSE: dict[str, Any] = {
    "description": "Closes a month.",
    "effect": "opaque",
    "identity": ["month"],
    "parameters": {"month": "integer"},
    "statements": [{"sql": "CALL close_month(:month)"}],
}
NOTE = "INSERT INTO orders (reference, customer) VALUES (CONCAT('M-', n), 1);"
PROCEDURES = {
    "postgresql": "CREATE PROCEDURE close_month(n INT) LANGUAGE plpgsql AS 'BEGIN %s END'",
    "mariadb": "CREATE PROCEDURE close_month(n INT) BEGIN %s END",
}
REFUSE = {
    "postgresql": "RAISE EXCEPTION ''E17'';",
    "mariadb": "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'E17';",
}


def procedure(made: Database, body: str) -> None:
    made.run(PROCEDURES[made.kind].replace("%s", body.replace("'M-'", "''M-''") if made.kind == "postgresql" else body))


async def test_a_procedure_with_a_key_runs_once(served: Database) -> None:
    procedure(served, NOTE)
    world = connect(served, actions={"close": CLOSE})
    await world.send("close", {"month": 3})
    assert (await world.send("close", {"month": 3}, maybe_applied=True)).facts["already_there"]
    assert served.rows("SELECT reference FROM orders") == [("M-3",)]
    await world.adapter.close()


async def test_a_procedure_that_refuses_has_left_nothing_if_the_key_is_not_there(served: Database) -> None:
    procedure(served, NOTE + REFUSE[served.kind])
    world = connect(served, actions={"close": CLOSE})
    with pytest.raises(BusinessRule) as caught:
        await world.send("close", {"month": 3})
    assert caught.value.effect == "none"
    assert (world.orders, served.count("seawall_effects")) == (0, 0)
    await world.adapter.close()


async def test_a_procedure_that_commits_half_way_and_fails_is_seen_by_the_key_it_committed(mariadb: Database) -> None:
    procedure(mariadb, f"{NOTE} COMMIT; {REFUSE['mariadb']}")
    world = connect(mariadb, actions={"close": CLOSE})
    with pytest.raises(ContractBroken) as caught:
        await world.send("close", {"month": 3})
    assert (caught.value.code, caught.value.effect) == ("split", "maybe")
    assert world.orders == 1
    assert isinstance(await world.probe("close", {"month": 3}), CannotTell)
    with pytest.raises(ContractBroken):
        await world.send("close", {"month": 3}, maybe_applied=True)
    assert world.orders == 1
    await world.adapter.close()


async def test_a_procedure_that_changes_the_schema_half_way_is_seen_too(mariadb: Database) -> None:
    procedure(mariadb, f"{NOTE} CREATE TABLE closed (n INT); {REFUSE['mariadb']}")
    world = connect(mariadb, actions={"close": CLOSE})
    with pytest.raises(ContractBroken):
        await world.send("close", {"month": 3})
    assert world.orders == 1
    await world.adapter.close()


async def test_a_session_lost_in_a_procedure_is_in_doubt_where_it_could_have_committed(mariadb: Database) -> None:
    procedure(mariadb, f"{NOTE} COMMIT; KILL CONNECTION_ID();")
    world = connect(mariadb, actions={"close": CLOSE})
    with pytest.raises(IntegrationError) as caught:
        await world.send("close", {"month": 3})
    assert caught.value.effect == "maybe"
    assert world.orders == 1
    await world.adapter.close()


async def test_a_procedure_without_a_key_that_fails_is_in_doubt_unless_its_code_is_declared(mariadb: Database) -> None:
    procedure(mariadb, NOTE + REFUSE["mariadb"])
    bare = {**CLOSE, "dedupe": "none"}
    world = connect(mariadb, actions={"close": bare, "known": {**bare, "errors": {"1644": "business_rule"}}})
    with pytest.raises(Ambiguous) as doubt:
        await world.send("close", {"month": 3})
    assert doubt.value.effect == "maybe"
    with pytest.raises(BusinessRule) as known:
        await world.send("known", {"month": 3})
    assert known.value.effect == "none"
    await world.adapter.close()


async def test_a_procedure_of_postgresql_cannot_commit_inside_our_transaction(postgres: Database) -> None:
    procedure(postgres, f"{NOTE} COMMIT;")
    world = connect(postgres, actions={"close": CLOSE})
    with pytest.raises(BusinessRule) as caught:
        await world.send("close", {"month": 3})
    assert (caught.value.code, caught.value.effect, world.orders) == ("2D000", "none", 0)
    await world.adapter.close()


@pytest.mark.case(46)
@pytest.mark.parametrize("there", [True, False])
async def test_postgresql_tells_what_became_of_an_opaque_action_without_a_key(postgres: Database, there: bool) -> None:
    procedure(postgres, NOTE)
    bare = {"close": {**CLOSE, "dedupe": "none"}}
    world = connect(postgres, actions=bare, effects_table=None)

    def act(real: Commit, connection: Any) -> None:
        if there:
            real(connection)
        else:
            connection.rollback()
        raise driver_error(world)

    with at_commit(world, act), pytest.raises(CommitUnknown):
        await world.send("close", {"month": 3})
    assert isinstance(await world.probe("close", {"month": 3}), Present if there else Absent)
    assert world.orders == int(there)
    other = connect(postgres, actions=bare, effects_table=None)
    assert isinstance(await other.probe("close", {"month": 3}), CannotTell)
    for one in (world, other):
        await one.adapter.close()


async def test_an_aborted_transaction_proves_nothing_once_another_process_may_have_sent_it_too(
    postgres: Database,
) -> None:
    procedure(postgres, NOTE)
    bare = {"close": {**CLOSE, "dedupe": "none"}}
    world, other = (connect(postgres, actions=bare, effects_table=None) for _ in range(2))
    ours = True

    def act(real: Commit, connection: Any) -> None:
        connection.rollback()
        raise driver_error(world)

    with at_commit(world, act), pytest.raises(CommitUnknown):
        await world.send("close", {"month": 3}, may_send=lambda: ours)
    assert isinstance(await world.probe("close", {"month": 3}), Absent)
    ours = False
    await other.send("close", {"month": 3})
    assert isinstance(await world.probe("close", {"month": 3}), CannotTell)
    assert world.orders == 1
    for one in (world, other):
        await one.adapter.close()


def without_transactions(mariadb: Database) -> None:
    mariadb.run("ALTER TABLE order_lines ENGINE = MyISAM")


async def test_a_key_is_not_written_beside_a_table_without_transactions(mariadb: Database) -> None:
    without_transactions(mariadb)
    world = connect(mariadb)
    with pytest.raises(InvalidRequest) as caught:
        await world.send("create_order", ORDER)
    assert caught.value.code == "not_transactional"
    assert world.whole() == (0, 0, 100)
    (problem,) = await world.adapter.check()
    assert "order_lines" in problem
    await world.adapter.close()


async def test_a_failure_after_a_table_without_transactions_was_written_is_no_refusal(mariadb: Database) -> None:
    without_transactions(mariadb)
    statements = [
        {"sql": "INSERT INTO order_lines (order_id, article, amount) VALUES (1, :article, 1)"},
        {"sql": "UPDATE stock SET amount = amount - 1 WHERE article = :article"},
    ]
    take = {
        "description": "Takes an article.",
        "effect": "opaque",
        "identity": ["article"],
        "parameters": {"article": "text"},
        "dedupe": "none",
        "statements": statements,
    }
    safe = {**take, "statements": statements[1:]}
    world = connect(mariadb, actions={"take": take, "safe": safe})
    with pytest.raises(Ambiguous) as caught:
        await world.send("take", {"article": "anvil"})
    assert caught.value.effect == "maybe"
    assert mariadb.count("order_lines") == 1, "the rollback could not take it back"
    with pytest.raises(IntegrationError) as none:
        await world.send("safe", {"article": "anvil"})
    assert none.value.effect == "none"
    await world.adapter.close()


async def test_a_driver_that_commits_each_statement_by_itself_is_not_used_that_way(served: Database) -> None:
    world = connect(served, driver_options={"autocommit": True}, install=False)
    await connect(served).adapter.close()
    with pytest.raises(InvalidRequest) as caught:
        await world.send("create_order", {**ORDER, "article": "anvil"})
    assert (caught.value.code, caught.value.effect) == ("autocommit", "none")
    assert world.whole() == (0, 0, 100)
    await world.adapter.close()


LATIN = {
    "postgresql": ("?client_encoding=latin1", {}),
    "mariadb": ("", {"charset": "latin1"}),
}


async def test_a_connection_that_would_lose_characters_is_not_used(served: Database) -> None:
    query, options = LATIN[served.kind]
    world = connect(served, url=served.url + query, driver_options=options, install=False)
    with pytest.raises(InvalidRequest) as caught:
        await world.send("create_order", ORDER)
    assert caught.value.code == "charset"
    assert world.orders == 0
    await world.adapter.close()

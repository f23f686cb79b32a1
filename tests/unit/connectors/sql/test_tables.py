"""Writes to a row of a table, and dedupe means where no table of ours may be made."""

from __future__ import annotations

from typing import Any

import pytest
from support.sql import KEY, OTHER_KEY, Commit, Database, at_commit, connect, driver_error

from seawall.core.adapter import Absent, CannotTell, Many, Present
from seawall.core.errors import BusinessRule, CommitUnknown, Conflict, NotFound, PreconditionFailed

COLUMNS = {"reference": "text", "customer": "integer", "note": {"type": "text", "optional": True}}
ADD: dict[str, Any] = {
    "description": "Adds an order.",
    "effect": "create",
    "identity": ["reference"],
    "parameters": {**COLUMNS, "amount": {"type": "decimal", "optional": True}},
    "returns": {"order_id": "integer", "status": "text"},
    "record": "order_id",
    "table": {"name": "orders", "write": "insert", "key": ["reference"]},
}
SET: dict[str, Any] = {
    "description": "Sets the status.",
    "effect": "set",
    "identity": ["reference", "row_version"],
    "version": "row_version",
    "entity": "reference",
    "parameters": {"reference": "text", "status": "text", "row_version": "integer"},
    "table": {"name": "orders", "write": "update", "key": ["reference"]},
}
PUT: dict[str, Any] = {
    "description": "Sets the stock of an article.",
    "effect": "set",
    "identity": ["article"],
    "parameters": {"article": "text", "amount": "integer", "row_version": "integer"},
    "table": {"name": "stock", "write": "upsert", "key": ["article"]},
}
DROP: dict[str, Any] = {
    "description": "Deletes an order.",
    "effect": "delete",
    "identity": ["reference", "row_version"],
    "version": "row_version",
    "parameters": {"reference": "text", "row_version": "integer"},
    "table": {"name": "orders", "write": "delete", "key": ["reference"]},
}
ALL = {"add": ADD, "set": SET, "put": PUT, "drop": DROP}
A1 = {"reference": "A-1", "customer": 7}


async def test_insert_update_upsert_and_delete_need_no_sql(made: Database) -> None:
    world = connect(made, actions=ALL)
    added = await world.send("add", {**A1, "amount": "12.50"}, key="sw-1")
    assert (added.value.status, added.record) == ("new", str(added.value.order_id))
    await world.send("set", {"reference": "A-1", "status": "sent", "row_version": 1}, key="sw-2")
    assert made.rows("SELECT status, note, row_version FROM orders") == [("sent", None, 2)]
    for number, amount in enumerate((5, 6), 3):
        await world.send("put", {"article": "cog", "amount": amount, "row_version": 1}, key=f"sw-{number}")
    assert made.rows("SELECT amount FROM stock WHERE article = 'cog'") == [(6,)]
    with pytest.raises(PreconditionFailed):
        await world.send("drop", {"reference": "A-1", "row_version": 1}, key="sw-5")
    await world.send("drop", {"reference": "A-1", "row_version": 2}, key="sw-6")
    assert world.orders == 0
    await world.adapter.close()


async def test_content_that_the_column_does_not_keep_is_noticed_and_nothing_is_written(made: Database) -> None:
    if made.kind == "sqlite":
        made.run("CREATE TRIGGER cut AFTER INSERT ON orders BEGIN UPDATE orders SET note = substr(note, 1, 3); END")
        note = "more than three"
    elif made.kind == "mariadb":
        made.run("ALTER TABLE orders MODIFY note VARCHAR(200) CHARACTER SET latin1")
        note = "漢字"
    else:
        made.run(
            "CREATE FUNCTION cut() RETURNS TRIGGER LANGUAGE plpgsql AS "
            "'BEGIN NEW.note := substr(NEW.note, 1, 3); RETURN NEW; END'",
            "CREATE TRIGGER cut BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION cut()",
        )
        note = "more than three"
    world = connect(made, actions=ALL)
    with pytest.raises(BusinessRule) as caught:
        await world.send("add", {**A1, "note": note})
    assert caught.value.code == ("1366" if made.kind == "mariadb" else "content_lost")
    assert (caught.value.effect, world.orders, made.count("seawall_effects")) == ("none", 0, 0)
    await world.adapter.close()


def lost(world: Any, *, there: bool) -> Any:
    def act(real: Commit, connection: Any) -> None:
        if there:
            real(connection)
        else:
            connection.rollback()
        raise driver_error(world)

    return act


WITHOUT_TABLE = {
    "add": {**ADD, "dedupe": {"client_id": "external_key"}},
    "mark": {**ADD, "dedupe": {"marker": "mark"}, "table": {"name": "orders", "write": "insert"}},
    "natural": {**ADD, "dedupe": {"natural_key": ["reference"]}},
    "set": {**SET, "dedupe": {"natural_key": ["status"], "pre_image": True}},
    "drop": {**DROP, "dedupe": {"natural_key": ["reference"], "pre_image": True}},
}


@pytest.mark.case(46)
@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("name", ["add", "mark"])
async def test_a_key_in_a_column_tells_after_a_lost_answer(made: Database, name: str, there: bool) -> None:
    world = connect(made, actions=WITHOUT_TABLE, effects_table=None)
    with at_commit(world, lost(world, there=there)), pytest.raises(CommitUnknown):
        await world.send(name, A1)
    found = await world.probe(name, A1)
    if there:
        assert isinstance(found, Present)
        assert (found.value.status, found.record is not None, found.differs) == ("new", True, ())
    else:
        assert isinstance(found, Absent)
    assert world.orders == int(there)
    await world.adapter.close()


@pytest.mark.case(10)
async def test_a_unique_key_in_a_column_refuses_a_second_delivery_and_a_mark_shows_both(made: Database) -> None:
    made.run("CREATE TABLE plain AS SELECT * FROM orders")
    actions = {**WITHOUT_TABLE, "mark": {**WITHOUT_TABLE["mark"], "table": {"name": "plain", "write": "insert"}}}
    actions["mark"] = {**actions["mark"], "returns": {"reference": "text"}, "record": None}
    world = connect(made, actions=actions, effects_table=None)
    sent = await world.send("add", A1)
    again = await world.send("add", A1, maybe_applied=True)
    assert (again.value, again.facts["already_there"]) == (sent.value, True)
    with pytest.raises(Conflict):
        await world.send("add", A1, key=OTHER_KEY)
    assert world.orders == 1
    with made.session() as other:
        for _ in range(2):
            other.exec_driver_sql(f"INSERT INTO plain (reference, customer, mark) VALUES ('A-1', 7, '{KEY}')")
        other.commit()
    assert isinstance(await world.probe("mark", A1), Many)
    await world.adapter.close()


@pytest.mark.case(7)
async def test_a_look_alike_of_somebody_else_is_not_claimed_as_ours(made: Database) -> None:
    world = connect(made, actions=WITHOUT_TABLE, effects_table=None)
    assert isinstance(await world.probe("natural", A1), Absent)
    made.run("INSERT INTO orders (reference, customer) VALUES ('A-1', 7)")
    assert isinstance(await world.probe("natural", A1), CannotTell)
    await world.adapter.close()


@pytest.mark.case(46)
@pytest.mark.parametrize("there", [True, False])
async def test_a_change_at_a_version_is_judged_by_its_pre_image(made: Database, there: bool) -> None:
    world = connect(made, actions=WITHOUT_TABLE, effects_table=None)
    made.run("INSERT INTO orders (reference, customer) VALUES ('A-1', 7)")
    change = {"reference": "A-1", "status": "sent", "row_version": 1}
    with at_commit(world, lost(world, there=there)), pytest.raises(CommitUnknown):
        await world.send("set", change)
    assert isinstance(await world.probe("set", change), Present if there else Absent)
    # Another process knows nothing of the transaction, and has the rows alone.
    other = connect(made, actions=WITHOUT_TABLE, effects_table=None)
    assert isinstance(await other.probe("set", change), Present if there else Absent)
    made.run("UPDATE orders SET status = 'lost', row_version = row_version + 1")
    assert isinstance(await other.probe("set", change), CannotTell)
    for one in (world, other):
        await one.adapter.close()


@pytest.mark.parametrize("there", [True, False])
async def test_a_deletion_is_judged_by_what_is_gone(made: Database, there: bool) -> None:
    world = connect(made, actions=WITHOUT_TABLE, effects_table=None)
    made.run("INSERT INTO orders (reference, customer) VALUES ('A-1', 7)")
    drop = {"reference": "A-1", "row_version": 1}
    with at_commit(world, lost(world, there=there)), pytest.raises(CommitUnknown):
        await world.send("drop", drop)
    assert isinstance(await world.probe("drop", drop), Present if there else Absent)
    await world.adapter.close()


async def test_a_change_of_a_record_that_is_not_there_is_not_found_or_overtaken(made: Database) -> None:
    loose = {**SET, "version": None, "identity": ["reference"], "parameters": {"reference": "text", "status": "text"}}
    world = connect(made, actions={"set": SET, "loose": loose})
    with pytest.raises(PreconditionFailed):
        await world.send("set", {"reference": "A-1", "status": "sent", "row_version": 1})
    with pytest.raises(NotFound):
        await world.send("loose", {"reference": "A-1", "status": "sent"})
    await world.adapter.close()

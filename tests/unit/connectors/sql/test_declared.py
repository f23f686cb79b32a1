"""Actions declared in the configuration or in Python: models, facts, and what is refused."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from seawall.connectors.sql.adapter import SqlAdapter
from seawall.connectors.sql.loading import UnusableActions
from seawall.connectors.sql.settings import SqlSettings
from seawall.core.adapter import (
    ClientId,
    Done,
    EffectClass,
    NaturalKey,
    NoDedupe,
    Surroundings,
    Transactional,
    Upsert,
)

INSERT = "INSERT INTO orders (reference, customer) VALUES (:reference, :customer)"
ADD: dict[str, Any] = {
    "description": "Adds an order.",
    "effect": "create",
    "identity": ["reference"],
    "parameters": {"reference": {"type": "text", "max_length": 10}, "customer": "integer"},
    "statements": [{"sql": INSERT}],
}
URLS = {"sqlite": "sqlite:///x.db", "postgresql": "postgresql+psycopg://u@h/d", "mariadb": "mysql+pymysql://u@h/d"}


def opened(action: dict[str, Any], *, kind: str = "sqlite", others: Any = None, **settings: Any) -> SqlAdapter:
    actions = {"add_order": action, **(others or {})}
    made = SqlSettings.model_validate({"url": URLS[kind], "actions": actions, **settings})
    return SqlAdapter.open(made, Surroundings("orders"))


def test_a_declared_action_has_typed_models_and_is_transactional() -> None:
    add = opened(ADD).actions["add_order"]
    assert (add.effect, add.identity, add.dedupe) == (EffectClass.CREATE, ("reference",), Transactional())
    assert add.probe is not None
    assert add.probe.absent_is_final
    schema = add.request.model_json_schema()
    assert schema["properties"]["customer"]["type"] == "integer"
    assert schema["required"] == ["reference", "customer"]
    for wrong in (
        {"reference": "A"},
        {"reference": "A" * 11, "customer": 1},
        {"reference": "A", "customer": 1, "x": 1},
    ):
        with pytest.raises(ValidationError):
            add.request.model_validate(wrong)


def test_types_of_parameters_are_what_they_say() -> None:
    parameters = {
        "reference": {"type": "text", "pattern": "[A-Z]-[0-9]+"},
        "customer": {"type": "integer", "minimum": 1},
        "price": {"type": "decimal", "digits": 6, "places": 2},
        "kind": {"type": "text", "choices": ["new", "old"]},
        "day": {"type": "date", "optional": True},
        "id": "uuid",
    }
    sql = "INSERT INTO orders VALUES (:reference, :customer, :price, :kind, :day, :id)"
    request = opened({**ADD, "parameters": parameters, "statements": [{"sql": sql}]}).actions["add_order"].request
    good = {
        "reference": "A-1",
        "customer": 1,
        "price": "12.50",
        "kind": "old",
        "id": "0" * 8 + "-0000" * 3 + "-" + "0" * 12,
    }
    assert request.model_validate(good).model_dump()["price"] == Decimal("12.50")
    for name, wrong in (("reference", "A-1x"), ("customer", 0), ("price", "1.234"), ("kind", "odd"), ("id", "x")):
        with pytest.raises(ValidationError, match=name):
            request.model_validate({**good, name: wrong})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"statements": [{"sql": INSERT.replace(":customer", ":custmer")}]}, "nobody declares: custmer"),
        ({"statements": []}, "either statements or a table"),
        ({"effect": "read", "identity": []}, "A read takes SELECT"),
        ({"statements": [{"sql": f"{INSERT}; DELETE FROM orders"}]}, "several statements"),
        ({"identity": ["nothing"]}, "identity field 'nothing'"),
        ({"identity": []}, "needs identity"),
        ({"dedupe": {"natural_key": ["reference"]}}, "needs a look"),
        ({"parameters": {"model_x": "text", "reference": "text", "customer": "integer"}}, "cannot be the name"),
        ({"effect": "set", "dedupe": "none"}, "may overwrite what the caller has not seen"),
        ({"compensation": {"by": "undo", "request": {}}}, "no action 'undo'"),
        (
            {"dedupe": {"marker": "mark"}, "look": {"sql": "DELETE FROM orders WHERE mark = :seawall_key"}},
            "a probe only reads",
        ),
        ({"statements": [{"sql": INSERT, "columns": ["a"], "rows": "any"}]}, "leave `rows` at 1"),
        ({"table": {"name": "orders; DROP", "write": "insert"}, "statements": []}, "letters, digits"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_to_mend(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(UnusableActions, match=reason):
        opened({**ADD, **change})


def test_without_an_effects_table_transactional_is_refused_and_nothing_is_the_default() -> None:
    with pytest.raises(UnusableActions, match="effects_table"):
        opened({**ADD, "dedupe": "transactional"}, effects_table=None)
    assert opened(ADD, effects_table=None).actions["add_order"].dedupe == NoDedupe()


@pytest.mark.parametrize(("kind", "probes"), [("sqlite", False), ("postgresql", True), ("mariadb", False)])
def test_an_opaque_action_without_dedupe_is_probed_only_where_the_database_tells_a_transactions_fate(
    kind: str, probes: bool
) -> None:
    call = {
        **ADD,
        "effect": "opaque",
        "dedupe": "none",
        "statements": [{"sql": "CALL add_order(:reference, :customer)"}],
    }
    assert (opened(call, kind=kind).actions["add_order"].probe is not None) == probes


@pytest.mark.parametrize(("kind", "locks", "final"), [("mariadb", True, True), ("mariadb", False, False)])
def test_an_absence_is_final_only_behind_a_lock_on_the_key(kind: str, locks: bool, final: bool) -> None:
    probe = opened(ADD, kind=kind, key_locks=locks).actions["add_order"].probe
    assert probe is not None
    assert probe.absent_is_final is final


def test_dedupe_means_are_declared_by_their_columns() -> None:
    look = {"sql": "SELECT reference FROM orders WHERE mark = :seawall_key"}
    found = {
        "client": opened({**ADD, "dedupe": {"client_id": "mark"}, "look": look}).actions["add_order"].dedupe,
        "natural": opened({**ADD, "dedupe": {"natural_key": ["reference"]}, "look": look}).actions["add_order"].dedupe,
        "upsert": opened({**ADD, "dedupe": {"upsert": "reference"}}).actions["add_order"].dedupe,
    }
    assert found == {
        "client": ClientId("mark"),
        "natural": NaturalKey(("reference",), False),
        "upsert": Upsert("reference"),
    }


def test_a_compensation_makes_its_request_from_what_was_done() -> None:
    undo = {
        "description": "Deletes an order.",
        "effect": "delete",
        "identity": ["reference"],
        "parameters": {"reference": "text"},
        "table": {"name": "orders", "write": "delete", "key": ["reference"]},
    }
    add = {**ADD, "compensation": {"by": "delete_order", "request": {"reference": "request.reference"}}}
    adapter = opened(add, others={"delete_order": undo})
    action = adapter.actions["add_order"]
    assert action.compensation is not None
    done = Done(action.request.model_validate({"reference": "A-1", "customer": 1}), action.reply(), None)
    assert action.compensation.request(done).model_dump() == {"reference": "A-1"}


MODULE = """
from seawall.connectors.sql.models import SqlAction, Statement
from seawall.core.adapter import Action, EffectClass, Mapped, Reply, Request, Transactional, fresh
from seawall.core.errors import BusinessRule


class Added(Reply):
    reference: str


class AddOrder(Request[Added]):
    reference: str
    customer: int


ADD = SqlAction(
    action=Action(
        name="add_order", description="Adds an order.", request=AddOrder, reply=Added, effect=EffectClass.CREATE,
        identity=("reference",), dedupe=Transactional(), probe=fresh(absent_is_final=True), horizon=60.0,
    ),
    statements=(Statement(sql="INSERT INTO orders (reference, customer) VALUES (:reference, :customer)"),),
)
ACTIONS = {"add_order": ADD}
ERRORS = {"P0001": Mapped(BusinessRule)}
"""


SET_CUSTOMER: dict[str, Any] = {
    "description": "Changes the customer of an order.",
    "effect": "set",
    "identity": ["reference", "customer"],
    "parameters": {"reference": "text", "customer": "integer"},
    "statements": [{"sql": "UPDATE orders SET customer = :customer WHERE reference = :reference"}],
    "observation": {"by": "get_order", "request": {"reference": "reference"}, "version": "version"},
}
GET_ORDER: dict[str, Any] = {
    "description": "Reads an order.",
    "effect": "read",
    "parameters": {"reference": "text"},
    "returns": {"customer": "integer", "version": "integer"},
    "statements": [{"sql": "SELECT customer, version FROM orders WHERE reference = :reference"}],
}


def test_a_declared_observation_reads_what_the_write_is_about_to_change() -> None:
    action = opened(SET_CUSTOMER, others={"get_order": GET_ORDER}).actions["add_order"]
    assert action.observation is not None
    asked = action.request.model_validate({"reference": "o-1", "customer": 7})
    question = action.observation.request(asked)
    assert question is not None
    assert question.model_dump() == {"reference": "o-1"}
    assert action.observation.version == "version"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"by": "nobody"}, "no reading action 'nobody'"),
        ({"by": "add_order"}, "no reading action 'add_order'"),
        ({"request": {"reference": "order"}}, "no parameter 'order'"),
        ({"request": {"order": "reference"}}, "takes no parameter 'order'"),
        ({"version": "changed_at"}, "answers no 'changed_at'"),
    ],
)
def test_an_observation_that_cannot_be_meant_is_refused(change: dict[str, Any], reason: str) -> None:
    observation = {**SET_CUSTOMER["observation"], **change}
    with pytest.raises(UnusableActions, match=reason):
        opened({**SET_CUSTOMER, "observation": observation}, others={"get_order": GET_ORDER})


def test_actions_declared_in_python_have_the_authors_own_models(tmp_path: Path) -> None:
    path = tmp_path / "actions.py"
    path.write_text(MODULE)
    settings = SqlSettings.model_validate({"url": URLS["sqlite"], "actions": str(path)})
    action = SqlAdapter.open(settings, Surroundings("orders")).actions["add_order"]
    assert action.request.__name__ == "AddOrder"
    assert "P0001" in action.errors
    path.with_name("others.py").write_text("ACTIONS = {'x': 1}")
    settings = SqlSettings.model_validate({"url": URLS["sqlite"], "actions": str(path.with_name("others.py"))})
    with pytest.raises(UnusableActions, match="no SqlAction of this name"):
        SqlAdapter.open(settings, Surroundings("orders"))


@pytest.mark.parametrize("url", ["orders.db", "nosuch://u@h/d", "sqlite://", "sqlite:///:memory:"])
def test_an_url_that_cannot_be_used_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ValidationError) as caught:
        SqlSettings.model_validate({"url": url, "actions": {}})
    assert caught.value.errors(include_input=False)[0]["loc"] == ("url",)


def test_the_urls_password_is_registered_as_a_secret() -> None:
    surroundings = Surroundings("orders")
    url = "postgresql+psycopg://user:canary-p%40ss@h/d"
    SqlAdapter.open(SqlSettings.model_validate({"url": url, "actions": {"add_order": ADD}}), surroundings)
    assert "canary" not in surroundings.secrets.scrub(f"cannot connect to {url} with canary-p@ss")

"""The wire proxy between real drivers and real servers; the truth comes from the database itself."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, exc, text
from support.legacy_server import SERVERS, Server, legacy_server

COMMIT: dict[str, Any] = {"match": {"operation": "commit"}}


@pytest.fixture(params=list(SERVERS))
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with legacy_server(request.param) as found:
        yield found


def change(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE orders SET note = :note WHERE order_no = 'O0001'"), {"note": uuid.uuid4().hex})
        connection.execute(text("INSERT INTO order_history (order_no, what, entered_by) VALUES ('O0001', 'x', 'me')"))


def test_without_faults_everything_passes_unchanged(server: Server) -> None:
    proxy = server.proxy()
    with proxy.serve_in_thread() as port:
        engine = server.engine(port)
        for _ in range(5):
            change(engine)
        with engine.connect() as connection:
            rows = connection.execute(text("SELECT a.sku, b.sku FROM stock a CROSS JOIN stock b")).all()
            big = connection.execute(text("SELECT :value"), {"value": "é" * 300_000}).scalar_one()
        engine.dispose()
    assert (len(rows), big) == (400, "é" * 300_000)
    assert len(server.database.effects()) == 10
    assert proxy.statements > 20


@pytest.mark.case(46)
@pytest.mark.parametrize(
    ("fault", "effects"),
    [
        ({**COMMIT, "point": "apply", "kind": "reset"}, 0),
        ({**COMMIT, "point": "after_commit", "kind": "reset"}, 2),
        ({**COMMIT, "point": "apply", "kind": "hang", "params": {"seconds": 0.2}}, 0),
        ({**COMMIT, "point": "after_commit", "kind": "hang", "params": {"seconds": 0.2}}, 2),
        ({**COMMIT, "point": "after_commit", "kind": "truncate", "params": {"fraction": 0.5}}, 2),
        ({**COMMIT, "point": "before_commit", "kind": "reset"}, 0),
        ({**COMMIT, "point": "before_commit", "kind": "hang", "params": {"seconds": 0.2}}, 0),
        ({**COMMIT, "point": "before_commit", "kind": "sql_error", "params": {"error": "in_doubt"}}, 0),
        ({**COMMIT, "point": "after_commit", "kind": "sql_error", "params": {"error": "in_doubt"}}, 2),
        ({**COMMIT, "point": "before_commit", "kind": "sql_error", "params": {"error": "completion_unknown"}}, 0),
        ({**COMMIT, "point": "after_commit", "kind": "sql_error", "params": {"error": "completion_unknown"}}, 2),
        (
            {
                "match": {"operation": "insert"},
                "point": "apply",
                "kind": "sql_error",
                "params": {"error": "killed_session"},
            },
            0,
        ),
        ({"match": {"operation": "update"}, "point": "send", "kind": "reset"}, 0),
        ({"match": {"operation": "insert"}, "point": "after_commit", "kind": "reset"}, 0),
        ({"match": {"operation": "update"}, "point": "apply", "kind": "reset"}, 0),
    ],
    ids=str,
)
def test_a_break_looks_the_same_and_the_truth_is_what_the_server_says(
    server: Server, fault: dict[str, Any], effects: int
) -> None:
    proxy = server.proxy({**fault, "trigger": {"first": 1}})
    with proxy.serve_in_thread() as port:
        engine = server.engine(port)
        with pytest.raises(exc.DBAPIError):
            change(engine)
        assert len(server.database.effects()) == effects
        change(engine)  # over a new connection
        engine.dispose()
    assert len(server.database.effects()) == effects + 2
    assert proxy.faults.never_fired() == ()


def test_a_commit_is_carried_out_after_its_client_was_cut_off(server: Server) -> None:
    late = {**COMMIT, "point": "later", "kind": "late_commit", "params": {"delay": 0.5, "reply": "reset"}}
    with server.proxy(late).serve_in_thread() as port:
        engine = server.engine(port)
        with pytest.raises(exc.OperationalError):
            change(engine)
        assert server.database.effects() == []
        engine.dispose()
    assert len(server.database.effects()) == 2  # the proxy ends when nothing is outstanding


@pytest.mark.case(47)
@pytest.mark.parametrize("error", ["deadlock", "serialization"])
def test_the_victim_of_a_deadlock_is_really_rolled_back(server: Server, error: str) -> None:
    victim = {"match": {"operation": "insert"}, "point": "apply", "kind": "sql_error", "params": {"error": error}}
    with server.proxy({**victim, "trigger": {"nth": 1}}).serve_in_thread() as port:
        engine = server.engine(port)
        with pytest.raises(exc.OperationalError) as raised:
            change(engine)
        assert server.database.effects() == []
        change(engine)  # over the same connection
        engine.dispose()
    state = getattr(raised.value.orig, "sqlstate", None) or raised.value.orig.args[0]  # type: ignore[union-attr]
    assert state in ("40P01", "40001", 1213)
    assert len(server.database.effects()) == 2


def test_idle_connections_are_cut_at_once(server: Server) -> None:
    proxy = server.proxy()
    with proxy.serve_in_thread() as port:
        engine = server.engine(port)
        change(engine)
        assert proxy.drop_idle() == 1
        with pytest.raises(exc.OperationalError):
            change(engine)
        engine.dispose()
    assert len(server.database.effects()) == 2

"""Transactions on PostgreSQL: shared, repeated when the server ends them, and read back when their answer is lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
import pytest_asyncio
from psycopg import errors
from support.postgres_server import PostgresServer

from seawall.audit.verifying import verify_ledger
from seawall.core.errors import BusinessRule, LedgerUnavailable
from seawall.core.ledger import Ledger
from seawall.core.ledger.database import Database
from seawall.core.ledger.postgres import transactions, writer
from seawall.core.ledger.postgres.transactions import Ending
from seawall.core.ledger.postgres.writer import RemoteWriter
from seawall.core.ledger.records import AttemptRow, Begun, DecisionRow, Intent, ProbeRow, Status, Verdict
from seawall.core.ledger.statements import Statement

from ..conftest import Home

INTENT = Intent(
    id="op_1",
    system="crm",
    action="add",
    key="k1",
    identity="{}",
    request="{}",
    digest="d",
    principal="p",
    adapter_version="1",
    policy="{}",
    deadline_at=0.0,
)
REFUSED = json.dumps(BusinessRule("no").to_record())


@pytest_asyncio.fixture
async def one(remote_home: Home) -> AsyncIterator[Ledger]:
    async with remote_home.open(busy_timeout=2.0) as ledger:
        yield ledger


def intents(number: int) -> list[Intent]:
    return [replace(INTENT, id=f"op_{n}", key=f"k{n}", entity=f"e{n}" if n % 2 else None) for n in range(number)]


def writer_of(one: Ledger) -> RemoteWriter:
    assert isinstance(one._writer, RemoteWriter)
    return one._writer


def statement(text: str) -> Statement:
    return Statement(text, (), {})


@contextmanager
def losing(one: Ledger, *, committed: bool, until: float = 1) -> Iterator[None]:
    """The connection is lost in the next commit, before or after the server did it."""
    transactions = writer_of(one)._transactions
    transact, left = transactions._transact, [until]

    async def lost(connection: Any, database: Any, jobs: Sequence[Any]) -> Ending:
        if left[0] <= 0:
            return await transact(connection, database, jobs)
        left[0] -= 1
        if committed:
            assert (await transact(connection, database, jobs)).trouble is None
        else:
            execute = connection.execute

            async def instead(query: Any, *values: Any) -> Any:
                return await execute("ROLLBACK" if query == "COMMIT" else query, *values)

            with patch.object(connection, "execute", instead):
                await transact(connection, database, jobs)
        await connection.close()
        return Ending(psycopg.OperationalError("the answer is lost"), committing=True)

    with patch.object(transactions, "_transact", lost):
        yield


@pytest.mark.case(15)
@pytest.mark.case(53)
@pytest.mark.parametrize("committed", [True, False])
async def test_audit_goes_on_after_an_answer_that_was_lost(remote_home: Home, committed: bool) -> None:
    async with remote_home.open() as one:
        await one.begin(intents(2))
        with losing(one, committed=committed):
            begun = await asyncio.gather(one.begin([replace(INTENT, id="op_x", key="x")]), one.begin(intents(4)[2:]))
        assert [first.fresh for some in begun for first in some] == [True, True, True]
        with losing(one, committed=committed):
            assert await one.finish([Verdict("op_x", 1, Status.APPLIED, outcome="{}")]) == [True]
        await one.finish([Verdict("op_0", 1, Status.REJECTED, error="{}")])
    report = verify_ledger(remote_home.settings())
    assert report.faults == []
    assert report.operations == 5


async def test_callers_that_ask_together_share_a_transaction(one: Ledger) -> None:
    await one.begin([replace(INTENT, id="op_first", key="first")])
    before = writer_of(one)._transactions._number
    begun = await asyncio.gather(*(one.begin([intent]) for intent in intents(64)))
    assert all(first.fresh for (first,) in begun)
    verdicts = [Verdict(f"op_{n}", 1, Status.APPLIED) for n in range(64)]
    assert await asyncio.gather(*(one.finish([verdict]) for verdict in verdicts)) == [[True]] * 64
    assert writer_of(one)._transactions._number - before <= 4


async def test_each_caller_gets_its_own_answer_when_jobs_are_done_together(one: Ledger) -> None:
    await one.begin([replace(INTENT, id="op_a"), replace(INTENT, id="op_b", key="k2")])
    wanted = [
        [replace(INTENT, id="op_c")],
        intents(5),
        [replace(INTENT, id="op_x", key="k2"), replace(INTENT, id="op_y", key="new")],
    ]
    answers: list[Any] = await asyncio.gather(
        one.finish([Verdict("op_b", 1, Status.APPLIED), Verdict("op_a", 7, Status.APPLIED)]),
        *(one.begin(some) for some in wanted),
    )
    assert answers[0] == [True, False]
    found = [[(begun.operation.key, begun.fresh) for begun in some] for some in answers[1:]]
    assert found == [
        [("k1", False)],
        [("k0", True), ("k1", False), ("k2", False), ("k3", True), ("k4", True)],
        [("k2", False), ("new", True)],
    ]


async def test_job_that_fails_harms_none_of_its_neighbours(one: Ledger) -> None:
    async def mistake(db: Database) -> None:
        await db.run(statement("SELECT 1 / 0"), ())

    good = one.begin([replace(INTENT, id="op_a")])
    answers: Any = await asyncio.gather(
        good, one._writer.submit(mistake), one.begin(intents(2)), return_exceptions=True
    )
    assert isinstance(answers[1], LedgerUnavailable)
    assert "division by zero" in answers[1].message
    assert [begun.fresh for begun in (*answers[0], *answers[2])] == [True, True, False]


async def test_mistake_in_a_job_is_its_callers_alone(one: Ledger) -> None:
    async def mistake(db: Database) -> None:
        raise ZeroDivisionError

    answers = await asyncio.gather(one._writer.submit(mistake), one.begin([INTENT]), return_exceptions=True)
    assert isinstance(answers[0], ZeroDivisionError)
    assert isinstance(answers[1], list)


@pytest.mark.case(47)
@pytest.mark.parametrize("ended", [errors.SerializationFailure, errors.DeadlockDetected])
async def test_transaction_that_the_server_ended_is_made_again(one: Ledger, ended: type[psycopg.Error]) -> None:
    runs = []

    async def victim(db: Database) -> str:
        runs.append(await db.time())
        if len(runs) < 3:
            code = "40001" if ended is errors.SerializationFailure else "40P01"
            text = f"DO $$ BEGIN RAISE EXCEPTION 'ended' USING ERRCODE = '{code}'; END $$"
            await db.run(statement(text), ())
        return "done"

    answers = await asyncio.gather(one._writer.submit(victim), one.begin([INTENT]))
    assert (answers[0], answers[1][0].fresh, len(runs)) == ("done", True, 3)


async def test_real_deadlock_ends_well(remote_home: Home) -> None:
    async with remote_home.open() as one, remote_home.open() as other:
        await one.begin(intents(2))
        gates = [asyncio.Event(), asyncio.Event()]

        def crossing(mine: int) -> Any:
            async def job(db: Database) -> str:
                for number in (mine, 1 - mine):
                    text = f"UPDATE operations SET principal = 'x' WHERE id = 'op_{number}'"
                    await db.run(statement(text), ())
                    gates[mine].set()
                    await gates[1 - mine].wait()
                return "done"

            return job

        async with asyncio.timeout(20):
            ended: Any = await asyncio.gather(one._writer.submit(crossing(0)), other._writer.submit(crossing(1)))
        assert ended == ["done", "done"]


@pytest.mark.case(15)
@pytest.mark.parametrize("committed", [True, False])
@pytest.mark.parametrize("together", [1, 5])
async def test_intent_whose_acknowledgement_was_lost_is_read_back_as_ours(
    one: Ledger, committed: bool, together: int
) -> None:
    await one.begin([replace(INTENT, id="op_first", key="first")])
    with losing(one, committed=committed):
        answers = await asyncio.gather(*(one.begin([intent]) for intent in intents(together)))
    assert [(begun.fresh, begun.operation.id) for (begun,) in answers] == [(True, f"op_{n}") for n in range(together)]
    assert await one.counts() == {("crm", Status.RUNNING): together + 1}


@pytest.mark.case(15)
@pytest.mark.parametrize("committed", [True, False])
async def test_very_first_transaction_of_a_process_is_read_back_too(one: Ledger, committed: bool) -> None:
    with losing(one, committed=committed):
        (begun,) = await one.begin([INTENT])
    assert begun.fresh
    assert await one.counts() == {("crm", Status.RUNNING): 1}


@pytest.mark.case(15)
@pytest.mark.parametrize("committed", [True, False])
async def test_intent_that_started_anew_and_lost_its_acknowledgement_is_ours(one: Ledger, committed: bool) -> None:
    await one.begin([INTENT])
    await one.finish([Verdict("op_1", 1, Status.REJECTED, error=REFUSED)])
    anew = [replace(INTENT, id="op_2", digest="e"), replace(INTENT, id="op_3", digest="e")]
    with losing(one, committed=committed):
        first, second = await asyncio.gather(*(one.begin([intent]) for intent in anew))
    assert sorted((begun.fresh, begun.operation.id, begun.operation.epoch) for begun in (*first, *second)) == [
        (False, "op_1", 2),
        (True, "op_1", 2),
    ]


@pytest.mark.case(15)
@pytest.mark.parametrize("committed", [True, False])
async def test_verdict_whose_acknowledgement_was_lost_is_recorded_once(one: Ledger, committed: bool) -> None:
    await one.begin([INTENT])
    verdict = Verdict(
        "op_1",
        1,
        Status.APPLIED,
        outcome="{}",
        attempts=(AttemptRow("op_1", 1, 1, "send", 1.0, 2.0, "applied"),),
        probes=(ProbeRow("op_1", 1, 3.0, "present", "{}"),),
        decisions=(DecisionRow("op_1", 4.0, "pipeline", "ProvenApplied", "there"),),
    )
    with losing(one, committed=committed):
        assert await one.finish([verdict]) == [True]
    story = await one.story("op_1")
    assert story is not None
    assert (story.operation.status, story.attempts, story.probes, story.decisions) == (
        Status.APPLIED,
        verdict.attempts,
        verdict.probes,
        verdict.decisions,
    )


@pytest.mark.case(15)
@pytest.mark.parametrize("committed", [True, False])
async def test_claim_whose_acknowledgement_was_lost_is_still_worked_on(one: Ledger, committed: bool) -> None:
    await one.begin([INTENT])
    await one.finish([Verdict("op_1", 1, Status.UNKNOWN, next_check_at=0.0)])
    with losing(one, committed=committed):
        assert [(operation.id, operation.epoch) for operation in await one.claim_due(limit=9)] == [("op_1", 2)]
    assert await one.hold("op_1", 2)


@pytest.mark.case(15)
async def test_answer_that_stays_lost_is_told_and_what_was_begun_reaches_somebody_later(
    remote_home: Home, postgres: PostgresServer
) -> None:
    async with remote_home.open(busy_timeout=0.2) as one:
        await one.begin([replace(INTENT, id="op_first", key="first")])
        line = writer_of(one)._writing
        orphans: list[Begun] = []
        with losing(one, committed=True), patch.object(line, "get") as get:
            get.side_effect = [line._connection, *[LedgerUnavailable("it is away")] * 50]
            with pytest.raises(LedgerUnavailable, match=r"it is away.*answer to a commit was lost.*read back"):
                await one.begin([INTENT], orphaned=orphans.extend)
        assert orphans == []
        assert (await one.begin([replace(INTENT, id="op_2", key="k2")]))[0].fresh
        assert [(begun.operation.id, begun.fresh) for begun in orphans] == [("op_1", True)]


async def test_answer_that_stays_lost_and_was_no_commit_concerns_nobody(remote_home: Home) -> None:
    async with remote_home.open(busy_timeout=0.2) as one:
        await one.begin([replace(INTENT, id="op_first", key="first")])
        line = writer_of(one)._writing
        orphans: list[Begun] = []
        with losing(one, committed=False), patch.object(line, "get") as get:
            get.side_effect = [line._connection, *[LedgerUnavailable("it is away")] * 50]
            with pytest.raises(LedgerUnavailable, match="it is away"):
                await one.begin([INTENT], orphaned=orphans.extend)
        assert (await one.begin([replace(INTENT, id="op_2")]))[0].fresh, "the key was never taken"
        assert orphans == []


async def kill_connections(server: PostgresServer, one: Ledger) -> None:
    writer = writer_of(one)
    with psycopg.connect(server.dsn, autocommit=True) as admin:
        for line in (writer._writing, writer._reading):
            if line._connection is not None:
                admin.execute("SELECT pg_terminate_backend(%s)", (line._connection.info.backend_pid,))


async def test_connection_that_was_lost_between_two_calls_is_opened_again_unnoticed(
    one: Ledger, postgres: PostgresServer
) -> None:
    await one.begin([INTENT])
    await one.get("op_1")
    await kill_connections(postgres, one)
    await asyncio.sleep(0.1)
    assert await one.finish([Verdict("op_1", 1, Status.APPLIED)]) == [True]
    found = await one.get("op_1")
    assert found is not None
    assert found.status is Status.APPLIED


async def test_connection_that_is_lost_in_mid_transaction_is_made_again_from_the_start(
    one: Ledger, postgres: PostgresServer
) -> None:
    runs = []

    async def victim(db: Database) -> int:
        runs.append(1)
        await db.run(statement("UPDATE operations SET principal = principal || 'x'"), ())
        if len(runs) == 1:
            await kill_connections(postgres, one)
        return (await db.run(statement("SELECT 1"), ())).rowcount

    await one.begin([INTENT])
    assert await one._writer.submit(victim) == 1
    found = await one.get("op_1")
    assert found is not None
    assert (found.principal, len(runs)) == ("px", 2)


@pytest.mark.parametrize("writes", [True, False])
async def test_server_that_hangs_is_given_up_and_the_next_call_succeeds(
    one: Ledger, monkeypatch: pytest.MonkeyPatch, writes: bool
) -> None:
    hung: list[int] = []

    async def hang(db: Database) -> None:
        hung.append(1)
        await db.run(statement("SELECT pg_sleep(30)"), ())

    async with asyncio.timeout(10):
        with monkeypatch.context() as quick:
            for module in (transactions, writer):
                quick.setattr(module, "GRACE", -3.8)  # 0.2 s in all
            with pytest.raises(LedgerUnavailable, match="connection was lost"):
                await one._writer.submit(hang, writes=writes)
        assert (await one.begin([INTENT]))[0].fresh
        assert await one.get("op_1") is not None
    assert len(hung) == 1, "what hangs is not tried again"


async def test_text_that_a_database_cannot_hold_costs_nothing(one: Ledger) -> None:
    odd = replace(INTENT, key="k\x00\ud800", entity="e\x00")
    fine = replace(INTENT, id="op_2", key="k2")
    (first,), (second,) = await asyncio.gather(one.begin([odd]), one.begin([fine]))
    assert (first.fresh, second.fresh) == (True, True)
    told = Verdict("op_1", 1, Status.PARKED, parked_because="a\x00b", error='{"m": "\ud800"}')
    assert await one.finish([told]) == [True]
    found = await one.get("op_1")
    assert found is not None
    assert (found.parked_because, found.error) == ("a\ufffdb", '{"m": "\ufffd"}')
    (again,) = await one.begin([replace(odd, id="op_3")])
    assert (again.fresh, again.operation.id) == (False, "op_1")


async def test_row_that_the_server_refuses_is_told_as_such(one: Ledger) -> None:
    await one.begin([INTENT])
    wrong = AttemptRow("op_1", 1, 1, "send", 1.0, 2.0, None)  # type: ignore[arg-type]  # what no row may hold
    with pytest.raises(LedgerUnavailable) as told:
        await one.finish([Verdict("op_1", 1, Status.APPLIED, attempts=(wrong,))])
    assert told.value.code == "ledger_row"
    assert len(one.unrecorded) == 1
    one.unrecorded.clear()


async def test_closing_finishes_what_is_queued(remote_home: Home) -> None:
    async with remote_home.open() as one:
        for intent in intents(20):
            one.note_soon([DecisionRow(intent.id, 1.0, "policy", "allow", "a rule")])
        await one.close()
        await one.close()
    async with remote_home.open() as again:
        rows = await again._writer.submit(lambda db: db.run(statement("SELECT 1 FROM decisions"), ()), writes=False)
        assert rows.rowcount == 20


async def test_closed_writer_refuses_work(remote_home: Home) -> None:
    async with remote_home.open() as one:
        await one.close()
        with pytest.raises(LedgerUnavailable, match="closed"):
            await one.get("op_1")

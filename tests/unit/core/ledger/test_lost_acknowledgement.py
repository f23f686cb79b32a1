"""Commits of the ledger whose acknowledgement was lost: each caller learns what really became of its own rows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from seawall.core.clock import Sources
from seawall.core.errors import BusinessRule
from seawall.core.ledger import Ledger
from seawall.core.ledger.records import AttemptRow, DecisionRow, Intent, ProbeRow, Status, Verdict
from seawall.core.settings import LedgerSettings

from .test_writer import Failing

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
async def one(tmp_path: Path) -> AsyncIterator[Ledger]:
    ledger = await Ledger.open(LedgerSettings(path=str(tmp_path / "l.db"), lease=0.2), Sources(), heartbeat=False)
    yield ledger
    await ledger.close()


def lose_next_acknowledgement(one: Ledger) -> None:
    writer: Any = one._writer
    writer._connection = Failing(writer._connection, COMMIT_done=1)


@pytest.mark.case(15)
@pytest.mark.parametrize("together", [1, 3])
async def test_intent_whose_acknowledgement_was_lost_is_ours_and_not_somebody_elses(one: Ledger, together: int) -> None:
    lose_next_acknowledgement(one)
    intents = [replace(INTENT, id=f"op_{n}", key=f"k{n}", entity=f"e{n}") for n in range(together)]
    answers = await asyncio.gather(*(one.begin([intent]) for intent in intents))
    assert [(begun.fresh, begun.operation.id) for (begun,) in answers] == [(True, f"op_{n}") for n in range(together)]
    (again,) = await one.begin([replace(INTENT, id="op_9", key="k0")])
    assert (again.fresh, again.operation.status) == (False, Status.RUNNING), "only for the intent itself"


@pytest.mark.case(15)
async def test_intent_that_started_anew_and_lost_its_acknowledgement_is_ours(one: Ledger) -> None:
    await one.begin([INTENT])
    await one.finish([Verdict("op_1", 1, Status.REJECTED, error=REFUSED)])
    lose_next_acknowledgement(one)
    intents = [replace(INTENT, id="op_2", digest="e"), replace(INTENT, id="op_3", digest="e")]
    first, second = await asyncio.gather(*(one.begin([intent]) for intent in intents))
    assert [(begun.fresh, begun.operation.id, begun.operation.epoch) for begun in (*first, *second)] == [
        (True, "op_1", 2),
        (False, "op_1", 2),
    ]


@pytest.mark.case(15)
@pytest.mark.parametrize("status", [Status.APPLIED, Status.REJECTED, Status.UNKNOWN, Status.PARKED])
async def test_verdict_whose_acknowledgement_was_lost_counts_as_recorded_and_is_recorded_once(
    one: Ledger, status: Status
) -> None:
    await one.begin([INTENT])
    verdict = Verdict(
        "op_1",
        1,
        status,
        error=REFUSED,
        attempts=(AttemptRow("op_1", 1, 1, "send", 1.0, 2.0, "maybe"),),
        probes=(ProbeRow("op_1", 1, 3.0, "absent", "{}"),),
        decisions=(DecisionRow("op_1", 4.0, "pipeline", "Wait", "not yet"),),
        next_check_at=None if status is not Status.UNKNOWN else 5.0,
    )
    lose_next_acknowledgement(one)
    assert await one.finish([verdict]) == [True]
    story = await one.story("op_1")
    assert story is not None
    assert (story.operation.status, story.operation.holder) == (status, None)
    assert (story.attempts, story.probes, story.decisions) == (verdict.attempts, verdict.probes, verdict.decisions)


@pytest.mark.case(15)
async def test_claim_whose_acknowledgement_was_lost_is_still_worked_on(one: Ledger) -> None:
    await one.begin([INTENT])
    await one.finish([Verdict("op_1", 1, Status.UNKNOWN, next_check_at=0.0)])
    lose_next_acknowledgement(one)
    assert [(operation.id, operation.epoch) for operation in await one.claim_due(limit=9)] == [("op_1", 2)]
    assert await one.hold("op_1", 2)


@pytest.mark.case(15)
async def test_commit_that_failed_for_certain_is_made_again(one: Ledger) -> None:
    writer: Any = one._writer
    writer._connection = Failing(writer._connection, COMMIT=1)
    answers = await asyncio.gather(*(one.begin([replace(INTENT, id=f"op_{n}", key=f"k{n}")]) for n in range(3)))
    assert [begun.fresh for (begun,) in answers] == [True] * 3

"""The PostgreSQL server of a ledger is killed and started again in mid-commit: nothing is lost, nothing doubled."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator

import psycopg
import pytest
from support.postgres_server import PostgresServer, postgres_server

from seawall.audit.verifying import verify_ledger
from seawall.core.clock import Sources
from seawall.core.errors import LedgerUnavailable
from seawall.core.ledger import Ledger
from seawall.core.ledger.records import AttemptRow, Begun, Intent, Status, Verdict
from seawall.core.settings import LedgerSettings

CALLERS, KILLS = 16, 5


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    with postgres_server() as one:
        yield one


class Work:
    """Callers who begin and finish operations as fast as they can, and remember what they were told.

    Args:
        ledger: Shows life, and records by itself what it could not.
        sources: Ids.
    """

    def __init__(self, ledger: Ledger, sources: Sources) -> None:
        self.ledger = ledger
        self.told: dict[str, str] = {}
        self.sentences: Counter[str] = Counter()
        self.going = True
        self._sources = sources

    async def caller(self) -> None:
        while self.going:
            operation_id = self._sources.new_id("op")
            intent = Intent(
                id=operation_id, system="crm", action="add", key=operation_id, identity="{}", request="x" * 300,
                digest="d", principal="p", adapter_version="1", policy="{}", deadline_at=0.0,
            )  # fmt: skip
            try:
                (begun,) = await self.ledger.begin([intent], orphaned=self._abandoned)
            except LedgerUnavailable as error:
                self.told[operation_id] = "not begun"
                self.sentences[error.message.partition("(")[0]] += 1
                await asyncio.sleep(0.02)
                continue
            assert begun.fresh, "nobody else ever asks for it"
            self.told[operation_id] = "begun"
            attempt = AttemptRow(operation_id, 1, 1, "send", 1.0, 2.0, "applied")
            verdict = Verdict(operation_id, 1, Status.APPLIED, outcome="{}", attempts=(attempt,))
            try:
                assert await self.ledger.finish([verdict]) == [True]
            except LedgerUnavailable:
                self.told[operation_id] = "kept"
            else:
                self.told[operation_id] = "finished"

    def _abandoned(self, begun: list[Begun]) -> None:
        self.ledger.finish_soon(
            [Verdict(one.operation.id, one.operation.epoch, Status.REJECTED, error="{}") for one in begun if one.fresh]
        )


async def all_recorded(ledger: Ledger) -> None:
    """The ledger records by itself what it could not; while it does, that is no longer in `unrecorded`."""
    while ledger.unrecorded or await ledger.find(status=Status.RUNNING, limit=1):
        await asyncio.sleep(0.05)


@pytest.mark.slow
@pytest.mark.case(15)
@pytest.mark.case(13)
@pytest.mark.case(53)
@pytest.mark.parametrize("how", ["power cut", "postmaster only", "fast shutdown"])
async def test_server_killed_in_full_flight_loses_and_doubles_nothing(server: PostgresServer, how: str) -> None:
    sources, dice = Sources(), random.Random(how)
    settings = LedgerSettings.model_validate({"url": server.dsn, "lease": 60.0, "busy_timeout": 10.0})
    ledger = await Ledger.open(settings, sources)
    work = Work(ledger, sources)
    callers = [asyncio.create_task(work.caller()) for _ in range(CALLERS)]
    for _ in range(KILLS):
        await asyncio.sleep(0.1 + 0.3 * dice.random())
        stop = {"power cut": server.kill, "postmaster only": server.kill_postmaster, "fast shutdown": server.stop}[how]
        await asyncio.to_thread(stop)
        await asyncio.to_thread(server.start)
    async with asyncio.timeout(60):  # on a busy machine a server takes long to start
        while Counter(work.told.values())["finished"] <= 100:
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)
        work.going = False
        await asyncio.gather(*callers)
        await all_recorded(ledger)
    found = {operation.id: operation for operation in await ledger.find(limit=1_000_000)}
    word = Counter(work.told.values())
    for operation_id, said in work.told.items():
        if said == "not begun":
            assert operation_id not in found or found[operation_id].status is Status.REJECTED, said
        else:
            assert found[operation_id].status is Status.APPLIED, said
    assert {operation.holder for operation in found.values()} == {None}, "nothing stays behind in our hands"
    with psycopg.connect(server.dsn) as judge:
        doubled = judge.execute("SELECT operation_id FROM attempts GROUP BY 1 HAVING count(*) > 1").fetchall()
        applied = judge.execute("SELECT count(*) FROM attempts").fetchone()
        stale = judge.execute("SELECT count(*) FROM decisions WHERE decision = 'stale_result'").fetchone()
    assert (doubled, stale) == ([], (0,))
    assert applied == (word["finished"] + word["kept"],)
    for sentence in work.sentences:
        assert sentence.startswith("the ledger at 127.0.0.1"), sentence
    await ledger.close()
    report = verify_ledger(settings)
    assert report.faults == [], "the audit tells of each of them, and of each once"
    assert report.operations == len(found)


async def test_verdicts_wait_for_a_server_that_is_away_and_are_recorded_by_themselves(server: PostgresServer) -> None:
    sources = Sources()
    settings = LedgerSettings.model_validate({"url": server.dsn, "busy_timeout": 0.5})
    ledger = await Ledger.open(settings, sources)
    work = Work(ledger, sources)
    intents = [
        Intent(
            id=f"op_{n}", system="crm", action="add", key=f"k{n}", identity="{}", request="{}", digest="d",
            principal="p", adapter_version="1", policy="{}", deadline_at=0.0,
        )
        for n in range(50)
    ]  # fmt: skip
    await ledger.begin(intents)
    server.kill()
    for n in range(50):
        ledger.finish_soon([Verdict(f"op_{n}", 1, Status.APPLIED, outcome="{}")])
    with pytest.raises(LedgerUnavailable, match=r"cannot be reached|connection was lost|starting up"):
        await ledger.get("op_1")
    await asyncio.sleep(1.0)
    assert len(ledger.unrecorded) == 50
    assert not work.told
    await asyncio.to_thread(server.start)
    async with asyncio.timeout(15):
        await all_recorded(ledger)
    assert await ledger.counts() == {("crm", Status.APPLIED): 50}
    await ledger.close()

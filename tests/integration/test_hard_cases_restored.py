"""Hard case 28: the ledger comes back from a backup that is older than what was done since."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from chaos.kills.crew import Crew, crew
from chaos.kills.judge import judge
from chaos.kills.records import Kind, Times

from seawall import Sources
from seawall.core.ledger import Ledger
from seawall.core.ledger.records import Status
from seawall.core.settings import LedgerSettings

TIMES = Times(lease=1.0, attempt=0.4, horizon=0.8, deadline=4.0)
SETTLED = 20.0  # seconds that recovery may take


@pytest_asyncio.fixture(name="crew")
async def _crew() -> AsyncIterator[Crew]:
    with tempfile.TemporaryDirectory(prefix="seawall-hard-") as name:  # a socket's path must be short
        ledger = {"path": str(Path(name) / "ledger.db")}
        async with crew(Path(name), ledger, calm=True, times=TIMES) as found:
            yield found
            assert found.mistakes == []
            assert "Traceback" not in found.log.read_text()


def copy(source: Path, target: Path) -> None:
    """What a backup does, and what restoring one does."""
    for name in (target, *(target.with_name(target.name + ending) for ending in ("-wal", "-shm"))):
        name.unlink(missing_ok=True)
    one, other = sqlite3.connect(source), sqlite3.connect(target)
    one.backup(other)
    one.close()
    other.close()


async def lost_an_hour(crew: Crew) -> None:
    """Work, a backup, more work that the backup does not know, and the backup in place of the ledger."""
    path, backup = Path(crew.ledger["path"]), Path(crew.ledger["path"]).with_name("backup.db")
    before = await crew.worker()
    await crew.ask(before, "marked", "known")
    crew.target.script["open"] = ["late:0.3"]
    await crew.ask(before, "marked", "open")
    copy(path, backup)
    backup_at = time.time()
    after = await crew.worker()
    kinds: tuple[Kind, ...] = ("marked", "keyed", "plain")
    for kind in kinds:
        await crew.ask(after, kind, f"{kind} since")
    assert await after.settle(SETTLED) == 0
    crew.target.script["cut off"] = ["late:0.5"]
    after.arm("sent", "SIGKILL")
    await crew.ask(after, "marked", "cut off")
    await before.close()
    assert Counter(one.reference for one in crew.target.effects) == Counter(
        ("known", "open", "marked since", "keyed since", "plain since")
    ), "and one more is on its way"
    copy(backup, path)
    settings = LedgerSettings.model_validate({**crew.ledger, "lease": TIMES.lease})
    ledger = await Ledger.open(settings, Sources(), heartbeat=False)
    await asyncio.sleep(max(0.0, backup_at + TIMES.lease - time.time()))  # whoever was alive then is not any more
    await ledger.restored(backup_at)
    await ledger.close()
    crew.asks.clear()  # the ledger cannot know what it told since


@pytest.mark.case(28)
async def test_what_was_done_after_the_backup_is_looked_up_and_not_done_again(crew: Crew) -> None:
    """Case 28: operations newer than the backup are treated as possibly sent; probe first."""
    await lost_an_hour(crew)
    sent = Counter(one.reference for one in crew.target.arrivals)
    worker = await crew.worker()
    asked: list[tuple[Kind, str]] = [
        ("marked", "known"), ("marked", "open"), ("marked", "marked since"), ("keyed", "keyed since"),
        ("plain", "plain since"), ("marked", "cut off"),
    ]  # fmt: skip
    await asyncio.gather(*(crew.ask(worker, kind, reference) for kind, reference in asked))
    assert await worker.settle(SETTLED) == 0
    statuses = {one.identity: one.status for one in await crew.operations()}
    assert [name for name, status in statuses.items() if status is not Status.APPLIED] == [
        '{"reference":"plain since"}'
    ]
    assert statuses['{"reference":"plain since"}'] is Status.PARKED
    again = Counter(one.reference for one in crew.target.arrivals)
    assert {name for name in again if again[name] != sent[name]} <= {"keyed since"}, (
        "only where the target knows the key"
    )
    assert judge(await crew.evidence()).found() == []


@pytest.mark.case(28)
async def test_what_was_not_done_before_the_restore_is_done_once_when_the_horizon_is_over(crew: Crew) -> None:
    """Case 28: a request that is new to ledger and target waits until nothing can come any more, and is sent then."""
    await lost_an_hour(crew)
    worker = await crew.worker()
    started = time.monotonic()
    await crew.ask(worker, "marked", "new")
    assert await worker.settle(SETTLED) == 0
    (arrival,) = (one for one in crew.target.arrivals if one.reference == "new")
    assert arrival.at - started > TIMES.horizon / 2
    status = {one.identity: one.status for one in await crew.operations()}
    assert status['{"reference":"new"}'] is Status.APPLIED
    assert Counter(one.reference for one in crew.target.effects)["new"] == 1


@pytest.mark.case(28)
async def test_restored_ledger_that_nobody_told_of_would_have_done_it_twice(crew: Crew) -> None:
    """The test's own test: without the word that the ledger was restored, the same requests are sent again."""
    crew.times = replace(TIMES, deadline=2.0)
    path = Path(crew.ledger["path"])
    before = await crew.worker()
    copy(path, path.with_name("backup.db"))
    await crew.ask(before, "marked", "since")
    await before.close()
    copy(path.with_name("backup.db"), path)
    worker = await crew.worker()
    await crew.ask(worker, "marked", "since")
    assert len(crew.target.effects) == 2

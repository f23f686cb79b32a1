"""Worker processes are killed and stopped, at named steps and at any instant; the target's effect log is the judge.

Every campaign: several processes with one ledger, faults of the target on both sides of its commits, requests that
are asked twice by different processes. At the end: nothing twice, nothing lost, nothing that failed and yet happened,
nothing open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from support.postgres_server import PostgresServer, postgres_server

from chaos.kills import show
from chaos.kills.campaign import Campaign
from chaos.kills.crew import Crew, crew
from chaos.kills.judge import Evidence, Figures, judge
from chaos.kills.steps import STEPS
from seawall.core.ledger.records import Status
from seawall.core.settings import LedgerSettings

SHORT, LONG = 60, 1000


@pytest.fixture(name="long")
def _long(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--chaos-kills"))


@pytest.fixture(name="postgres")
def _postgres() -> Iterator[PostgresServer]:
    if "url" not in LedgerSettings.model_fields:
        pytest.skip("the ledger on PostgreSQL is not part of this version")
    with postgres_server() as server:
        yield server


def carry_out(
    title: str,
    folder: Path,
    ledger: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    *,
    long: bool,
    database: PostgresServer | None = None,
) -> None:
    kills = LONG if long else SHORT
    with capsys.disabled() if long else nullcontext(), show.progress(title, kills) if long else nullcontext() as bar:

        def struck(so_far: int) -> None:
            if bar is not None:
                bar.update(bar.task_ids[0], completed=so_far)

        async def run() -> tuple[Evidence, Figures, Crew]:
            async with crew(folder, ledger) as found:
                campaign = Campaign(found, kills=kills, database=database, progress=struck)
                return *await campaign.run(), found

        evidence, figures, workers = asyncio.run(run())
    verdict = judge(evidence)
    with capsys.disabled():
        print(f"\n{show.line(title, figures, verdict)}")
        if long:
            show.table(title, figures, verdict)
    log = workers.log.read_text()
    assert verdict.found() == []
    assert workers.mistakes == [], log
    assert "Traceback" not in log, log
    assert figures.killed >= kills
    assert {step for step, _ in figures.kills} == {*STEPS, "any instant"}
    assert figures.superseded > 0, "somebody went on and found its operation taken"
    for kind in ("keyed", "marked"):
        assert figures.share(kind, Status.APPLIED) > 0.8, "not by refusing or parking everything"
        assert figures.share(kind, Status.PARKED) < 0.03
    if database is not None:
        assert figures.power_cuts >= 3


@pytest.mark.slow
@pytest.mark.case(16)
@pytest.mark.case(17)
def test_kills_of_workers_that_share_a_file_break_no_promise(
    kills_folder: Path, capsys: pytest.CaptureFixture[str], long: bool
) -> None:
    carry_out("SQLite", kills_folder, {"path": str(kills_folder / "ledger.db"), "busy_timeout": 1.0}, capsys, long=long)


@pytest.mark.slow
@pytest.mark.case(16)
@pytest.mark.case(17)
def test_kills_of_workers_and_of_their_database_server_break_no_promise(
    kills_folder: Path, capsys: pytest.CaptureFixture[str], long: bool, postgres: PostgresServer
) -> None:
    carry_out("PostgreSQL", kills_folder, {"url": postgres.url}, capsys, long=long, database=postgres)

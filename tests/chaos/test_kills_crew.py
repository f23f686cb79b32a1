"""What the campaign hears of its workers, also in their last moment."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from chaos.kills.crew import crew


def test_last_words_of_a_worker_that_is_told_something_after_its_death_are_heard(kills_folder: Path) -> None:
    async def run() -> list[str]:
        async with crew(kills_folder, {"path": str(kills_folder / "ledger.db")}, calm=True) as workers:
            life = await workers.worker()
            life.arm("intent", "SIGKILL")
            asking = asyncio.create_task(workers.ask(life, "marked", "R"))
            while not life.answers:
                await asyncio.sleep(0)
            time.sleep(1.0)  # noqa: ASYNC251 -- it springs its trap and dies, and this process reads nothing meanwhile
            life.disarm()
            await asking
            await life.gone.wait()
            return [f"{one.step} {one.by}" for one in workers.strikes]

    assert asyncio.run(run()) == ["intent SIGKILL"]

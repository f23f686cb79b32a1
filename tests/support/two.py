"""A wall around two toy targets, and a way to kill it, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from seawall import Config, Seawall

from .toy import ADD, Target, ToyAdapter
from .virtual import sources

NAMES = ("toy", "other")


@asynccontextmanager
async def two_walls(
    folder: Path, targets: dict[str, Target], *, seed: int = 1, background: bool = False, **system: Any
) -> AsyncIterator[tuple[Seawall, dict[str, ToyAdapter]]]:
    """An open wall around the targets `toy` and `other`, its ledger working inline."""
    adapters = {name: ToyAdapter(targets[name], ADD) for name in NAMES}
    config = Config.model_validate(
        {
            "ledger": {"path": str(folder / "ledger.db"), "lease": 30.0},
            "systems": {name: {"connector": "toy", **system, **system.get(name, {})} for name in NAMES},
            "policy": [{"name": "everything", "decision": "allow"}],
        }
    )
    wall = Seawall(config, adapters=adapters, sources=sources(seed), recovery=background, inline_ledger=True)
    async with wall:
        yield wall, adapters


async def kill(wall: Seawall, *tasks: asyncio.Task[Any]) -> None:
    """Let the process end without a word: nothing that it would still record reaches the ledger."""

    async def lost(*_: object, **__: object) -> Any:
        await asyncio.Event().wait()

    ledger: Any = wall.ledger
    ledger.finish, ledger.finish_soon, ledger.claim_due = lost, lambda verdicts: None, lost
    ledger._leave = lambda: asyncio.sleep(0)
    for task in ledger._tasks.values():
        task.cancel()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

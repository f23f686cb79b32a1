"""Tests in virtual time, and a wall around a toy target for them."""

from __future__ import annotations

import functools
import random
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from itertools import count
from pathlib import Path
from typing import Any, ParamSpec

from seawall import Config, Seawall, Sources
from seawall.core.action import Action
from seawall.simulators.virtual_time import LoopClock, run

from .toy import ADD, Target, ToyAdapter

P = ParamSpec("P")


def virtual(test: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """Run an async test in virtual time."""

    @functools.wraps(test)
    def in_virtual_time(*args: P.args, **kwargs: P.kwargs) -> None:
        async def main() -> None:
            await test(*args, **kwargs)

        run(main())

    return in_virtual_time


def sources(seed: int = 1) -> Sources:
    """The loop's time, a seeded random and counted ids."""
    numbers, salts = count(1), random.Random(f"salts {seed}")
    return Sources(
        LoopClock(),
        random.Random(seed),
        lambda prefix: f"{prefix}_{seed}_{next(numbers)}",
        lambda: f"{salts.getrandbits(128):032x}",
    )


def config(folder: Path, **system: Any) -> Config:
    """A configuration with one system `toy` and a policy that allows everything."""
    return Config.model_validate(
        {
            "ledger": {"path": str(folder / "ledger.db"), "lease": 30.0},
            "overrides": {"interval": 1e6},  # nobody acts from outside; a test that does says otherwise
            "systems": {"toy": {"connector": "toy", **system}},
            "policy": [{"name": "everything", "decision": "allow"}],
        }
    )


def make_all_due(folder: Path) -> None:
    """Let every operation in the ledger be looked at now."""
    with closing(sqlite3.connect(folder / "ledger.db")) as db, db:
        db.execute("UPDATE operations SET next_check_at = 0")


@asynccontextmanager
async def toy_wall(
    folder: Path,
    *,
    script: list[str] | None = None,
    action: Action = ADD,
    background: bool = False,
    seed: int = 1,
    target: Target | None = None,
    **system: Any,
) -> AsyncIterator[tuple[Seawall, Target, ToyAdapter]]:
    """An open wall around a toy target, its ledger working inline."""
    given = sources(seed)
    target = target or Target(given.clock)
    target.script.extend(script or [])
    adapter = ToyAdapter(target, action)
    wall = Seawall(
        config(folder, **system), adapters={"toy": adapter}, sources=given, recovery=background, inline_ledger=True
    )
    async with wall:
        yield wall, target, adapter

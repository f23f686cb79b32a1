"""An agent's tools over a toy target, in virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from seawall import Config, Seawall
from seawall.agents import Dispatcher, Reach
from seawall.core.action import Action

from .toy import ADD, Target, ToyAdapter
from .virtual import sources

ADA, BOB = "agent:ada", "agent:bob"


@asynccontextmanager
async def toy_agent(
    folder: Path,
    *,
    script: list[str] | None = None,
    action: Action = ADD,
    policy: list[dict[str, Any]] | None = None,
    agents: dict[str, Any] | None = None,
    scopes: tuple[Reach, ...] = tuple(Reach),
    adapter: ToyAdapter | None = None,
    background: bool = False,
    **system: Any,
) -> AsyncIterator[tuple[Dispatcher, Target, Seawall]]:
    """A dispatcher for `agent:ada`, the target that its calls reach, and the wall between them."""
    given = sources()
    target = Target(given.clock) if adapter is None else adapter.target
    target.script.extend(script or [])
    config = Config.model_validate(
        {
            "ledger": {"path": str(folder / "ledger.db"), "lease": 30.0},
            "systems": {"toy": {"connector": "toy", **system}},
            "agents": agents or {},
            "policy": policy or [{"name": "everything", "decision": "allow"}],
        }
    )
    adapters = {"toy": adapter or ToyAdapter(target, action)}
    wall = Seawall(config, adapters=adapters, sources=given, recovery=background, inline_ledger=True)
    async with wall:
        yield Dispatcher(wall, ADA, scopes=scopes), target, wall

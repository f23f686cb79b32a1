"""A process that asks, approves and carries out one write, and dies by SIGKILL at a named step if told so.

Run as `python approved_worker.py FOLDER VARIANT STEP`. The target is a file that outlives the process. The last line
printed is what the caller was told in the end, and how many approvals there are.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.file_target import FileAdapter, die
from support.toy import AddNote, variant

from seawall import Config, Pending, Seawall
from seawall.core.errors import InvalidRequest

NOTE = AddNote(reference="R-1")


async def main(folder: Path, name: str, step: str) -> None:
    """Ask, approve as Eve, let Seawall carry it out, and say what became of it."""
    action = variant(name)
    if action.horizon is not None:
        action = replace(action, horizon=0.4)
    config = Config.model_validate(
        {
            "ledger": {"path": str(folder / "ledger.db"), "lease": 0.6},
            "systems": {
                "toy": {
                    "connector": "toy",
                    "attempt_timeout": 0.5,
                    "recovery": {"interval": 0.1, "first_probe": 0.05, "crashes": 99},
                }
            },
            "people": {"eve": {"roles": ["lead"]}},
            "approvals": {"interval": 0.05},
            "policy": [{"name": "ask", "decision": "require_approval", "approval": {"role": "lead"}}],
        }
    )
    wall = Seawall(config, adapters={"toy": FileAdapter(folder / "effects", step, action)})
    async with wall:
        release, finish = wall.ledger.approvals.release, wall.ledger.finish

        async def dying_release(*given: Any, **options: Any) -> Any:
            if step == "before spending":
                die()
            released = await release(*given, **options)
            if step == "spent":
                die()
            return released

        async def dying_finish(verdicts: Any, **options: Any) -> Any:
            if step == "reply read":
                die()
            recorded = await finish(verdicts, **options)
            if step == "outcome written":
                die()
            return recorded

        wall.ledger.approvals.release = dying_release  # type: ignore[method-assign]  # the step of death
        wall.ledger.finish = dying_finish  # type: ignore[method-assign]  # the step of death
        outcome = await wall.call("toy.add_note", NOTE, deadline=5.0)
        if isinstance(outcome, Pending) and outcome.approval is not None and not outcome.approval.approved:
            if step == "asked":
                die()
            with suppress(InvalidRequest):  # decided by the process before
                await wall.approvals.approve(outcome.approval.approval_id, by="eve")
            if step == "approved":
                die()
        for _ in range(100):
            outcome = await wall.call("toy.add_note", NOTE, deadline=5.0)
            if not isinstance(outcome, Pending) or outcome.waits_for == "person":
                break
            await asyncio.sleep(0.1)
        await wall.settle(10.0)
        outcome = await wall.call("toy.add_note", NOTE, deadline=5.0)
        print(type(outcome).__name__, len(await wall.approvals.find()))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))

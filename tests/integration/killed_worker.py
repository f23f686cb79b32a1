"""A process that makes one request and, if told so, dies by SIGKILL at a named step of the pipeline.

Run as `python killed_worker.py FOLDER VARIANT STEP`. The target is a file that outlives the process; a line in it
is an effect. The last line printed is what the caller was told.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.file_target import FileAdapter, die
from support.toy import AddNote, variant

from seawall import Config, Seawall


async def main(folder: Path, name: str, step: str) -> None:
    """Make the request, wait until everything is settled, and say what became of it."""
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
            "policy": [{"name": "everything", "decision": "allow"}],
        }
    )
    wall = Seawall(config, adapters={"toy": FileAdapter(folder / "effects", step, action)})
    async with wall:
        begin, finish = wall.ledger.begin, wall.ledger.finish

        async def dying_begin(intents: Any, **options: Any) -> Any:
            if step == "before intent":
                die()
            return await begin(intents, **options)

        async def dying_finish(verdicts: Any, **options: Any) -> Any:
            if step == "reply read":
                die()
            recorded = await finish(verdicts, **options)
            if step == "outcome written":
                die()
            return recorded

        wall.ledger.begin = dying_begin  # type: ignore[method-assign]  # the step of death
        wall.ledger.finish = dying_finish  # type: ignore[method-assign]  # the step of death
        await wall.call("toy.add_note", AddNote(reference="R-1"), deadline=5.0)
        await wall.settle(10.0)
        outcome = await wall.call("toy.add_note", AddNote(reference="R-1"), deadline=5.0)
        print(type(outcome).__name__)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))

"""A process with many callers of one request. Run as `python crowd_worker.py FOLDER CALLERS`.

Prints the kinds of outcome its callers were told, with counts, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.file_target import FileAdapter
from support.toy import AddNote, variant

from seawall import Config, Seawall
from seawall.core.adapter import Action, Attempt, Sent


class SlowAdapter(FileAdapter):
    """Takes its time, so that the others arrive while one is at it."""

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        await asyncio.sleep(0.5)
        return await super().send(action, attempt)


async def main(folder: Path, callers: int) -> None:
    """Let everybody ask at once."""
    config = Config.model_validate(
        {
            "ledger": {"path": str(folder / "ledger.db")},
            "systems": {"toy": {"connector": "toy"}},
            "policy": [{"name": "everything", "decision": "allow"}],
        }
    )
    async with Seawall(config, adapters={"toy": SlowAdapter(folder / "effects", "never", variant("marker"))}) as wall:
        asked = (wall.call("toy.add_note", AddNote(reference="R-1"), deadline=10.0) for _ in range(callers))
        outcomes = await asyncio.gather(*asked)
        print(json.dumps(Counter(type(outcome).__name__ for outcome in outcomes)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))

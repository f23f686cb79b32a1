"""A process with callers of many requests under one rate.

Run as `python rate_worker.py FOLDER PLACE NAME CALLERS CALLS`. PLACE is the ledger: a path, or the address of a
PostgreSQL database. Prints the kinds of outcome that its callers were told, with counts, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.file_target import FileAdapter
from support.toy import AddNote, variant

from seawall import Config, Seawall


def both_ready(folder: Path, name: str) -> bool:
    """Say that this process is ready, and look whether the other one is."""
    (folder / f"ready.{name}").touch()
    return len(list(folder.glob("ready.*"))) == 2


async def main(folder: Path, place: str, name: str, callers: int, calls: int) -> None:
    """Let everybody ask for something else at once, and for some of it twice."""
    config = Config.model_validate(
        {
            "ledger": {"url" if "://" in place else "path": place, "busy_timeout": 20.0},
            "systems": {"toy": {"connector": "toy"}},
            "policy": [{"name": "some", "decision": "allow", "rate": {"calls": calls, "per": "1h"}}],
        }
    )
    adapter = FileAdapter(folder / "effects", "never", variant("marker"))
    async with Seawall(config, adapters={"toy": adapter}, recovery=False) as wall:
        while not both_ready(folder, name):
            await asyncio.sleep(0.005)
        asked = (wall.call("toy.add_note", AddNote(reference=f"{name}-{n}"), deadline=30.0) for n in range(callers))
        outcomes = await asyncio.gather(*asked)
        print(json.dumps(Counter(type(outcome).__name__ for outcome in outcomes)))


if __name__ == "__main__":
    _, _folder, _place, _name, _callers, _calls = sys.argv
    asyncio.run(main(Path(_folder), _place, _name, int(_callers), int(_calls)))

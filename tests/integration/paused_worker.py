"""A process that writes in a loop, several calls at a time. Run as `python paused_worker.py FOLDER LEDGER RECOVERS`.

`LEDGER` is the URL of a ledger in PostgreSQL, or `-` for a file in the folder. Each effect at the target is a line of
the file `effects`, with the time at which its attempt reached the target. It ends when its folder has a file `enough`.
"""

from __future__ import annotations

import asyncio
import sys
from itertools import count
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.file_target import FileAdapter
from support.toy import AddNote, variant

from seawall import Applied, Config, Seawall, Sources
from seawall.core.adapter import Action, Attempt, Sent

_CALLERS = 4


class TimedAdapter(FileAdapter):
    """Notes when each write reached the target."""

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        at = Sources().clock.now()
        await asyncio.sleep(0.002)
        sent = await super().send(action, attempt)
        with (self.path.parent / "times").open("a") as file:
            file.write(f"{at}\n")
        return sent


def config(folder: Path, ledger: str) -> Config:
    """The configuration of all processes."""
    place = {"path": str(folder / "ledger.db")} if ledger == "-" else {"url": ledger}
    return Config.model_validate(
        {
            "ledger": place,
            "systems": {"toy": {"connector": "toy"}},
            "policy": [{"name": "everything", "decision": "allow"}],
        }
    )


async def main(folder: Path, ledger: str, recovers: str) -> None:
    """Write until it is enough."""
    adapter = TimedAdapter(folder / "effects", "never", variant("marker"))
    wall = Seawall(config(folder, ledger), adapters={"toy": adapter}, recovery=recovers == "recovers")
    numbers = count()

    async def caller() -> None:
        while not (folder / "enough").exists():
            outcome = await wall.call("toy.add_note", AddNote(reference=f"R-{next(numbers)}"))
            if not isinstance(outcome, Applied):
                await asyncio.sleep(0.005)

    async with wall:
        await asyncio.gather(*(caller() for _ in range(_CALLERS)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))

"""A process that writes to a ledger as fast as it can, with checkpoints, until it is killed.

Run as `python audited_worker.py FOLDER NAME`. When it is under way it makes the file `ready NAME`.
"""

from __future__ import annotations

import asyncio
import sys
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.audited import OUTCOME, intent

from seawall.audit.keeping import Checkpoints
from seawall.core.clock import Sources
from seawall.core.ledger import Ledger
from seawall.core.ledger.records import AttemptRow, DecisionRow, Status, Verdict
from seawall.core.settings import AuditSettings, LedgerSettings
from seawall.keys import load_key


async def main(folder: Path, name: str) -> None:
    """Write until the end."""
    sources, numbers = Sources(), count()
    ledger = await Ledger.open(LedgerSettings(path=str(folder / "ledger.db")), sources)
    settings = AuditSettings(key="audit.pem", checkpoints=str(folder / "checkpoints.jsonl"), every=0.05)
    Checkpoints(ledger, settings, load_key(folder / "audit.pem"), sources.clock).start()

    async def work() -> None:
        while True:
            number = next(numbers)
            operation_id = f"op_{name}_{number}"
            await ledger.begin([intent(number, id=operation_id, key=f"sw-{name}-{number}")])
            attempt = AttemptRow(operation_id, 1, 1, "send", 1.0, 2.0, "applied")
            seen = DecisionRow(operation_id, 3.0, "pipeline", "ProvenApplied", "it is there")
            verdict = Verdict(
                operation_id, 1, Status.APPLIED, outcome=OUTCOME, attempts=(attempt,), decisions=(seen,) * (number % 2)
            )
            await ledger.finish([verdict])
            if number == 10:
                (folder / f"ready {name}").touch()

    await asyncio.gather(*(work() for _ in range(8)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))

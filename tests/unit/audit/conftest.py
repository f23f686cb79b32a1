from __future__ import annotations

from pathlib import Path

import pytest_asyncio
from support.audited import Audited


@pytest_asyncio.fixture
async def audited(tmp_path: Path) -> Audited:
    """A ledger with a bit of everything, and three exported checkpoints."""
    made = Audited(tmp_path)
    await made.fill()
    await made.checkpoint(times=3)
    return made

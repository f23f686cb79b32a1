"""Where files go that need not outlive the process."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from ...core.ledger.connection import connect
from ...core.settings import LedgerSettings


def in_memory() -> str | None:
    """A folder that lies in memory, where the system has one: what is simulated need not reach a disk."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 -- a fresh folder is made in it


@cache
def blank_ledger() -> bytes:
    """The file of a ledger in which nothing is: a copy is there sooner than its tables are made."""
    with tempfile.TemporaryDirectory(prefix="seawall-blank-", dir=in_memory()) as folder:
        path = Path(folder, "ledger.db")
        connection, _ = connect(LedgerSettings(path=str(path)), flush=False)
        connection.close()
        return path.read_bytes()

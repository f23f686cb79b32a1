"""Keeps a simulator's records over a restart: an append-only file of committed changes, replayed at the start."""

from __future__ import annotations

import json
import os
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

Entry = dict[str, Any]


class Journal:
    """Committed changes, one JSON line a transaction, so that a transaction is there whole or not at all.

    Args:
        path: The file; it is made if it does not exist.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._close = weakref.finalize(self, os.close, self._fd)

    def replay(self) -> Iterator[Entry]:
        """The entries of every whole transaction; a last line torn by a kill is cut off the file."""
        content = self._path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole != len(content):
            os.truncate(self._path, whole)
        for line in content[:whole].splitlines():
            yield from json.loads(line)

    def append(self, entries: Iterable[Entry]) -> None:
        """Write one transaction."""
        line = json.dumps(list(entries), ensure_ascii=False, separators=(",", ":"))
        os.write(self._fd, line.encode() + b"\n")

    def close(self) -> None:
        """Close the file."""
        self._close()

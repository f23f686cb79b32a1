"""Where checkpoints are exported to: a file that is appended to, or a URL that is posted to."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Protocol

from ..core.errors import ConnectionLost, IntegrationError

_PATIENCE = 10.0  # seconds for one export


class Target(Protocol):
    """A place that keeps checkpoints."""

    async def put(self, line: str) -> None:
        """Hand over one line; when this returns, it was taken.

        Raises:
            IntegrationError: It was not, or nobody knows.
            OSError: The same, of a file.
        """
        ...

    async def close(self) -> None:
        """Let go of it."""
        ...


class FileTarget:
    """A file; each line is flushed to the disk.

    Args:
        path: The file; made when it is not there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    async def put(self, line: str) -> None:
        """See `Target`."""
        await asyncio.to_thread(self._append, line)

    def _append(self, line: str) -> None:
        # One write to a file that is only appended to: lines of several processes stay whole.
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            whole = f"{line}\n".encode()
            if os.write(file, whole) != len(whole):
                raise OSError(f"{self._path} took only a part of a checkpoint; it is written again")
            os.fsync(file)
        finally:
            os.close(file)

    async def close(self) -> None:
        """See `Target`."""


class UrlTarget:
    """A URL; any answer of 200 to 299 says that the line was taken.

    Args:
        url: With http or https.
    """

    def __init__(self, url: str) -> None:
        from ..connectors._http import HttpClient  # only for those who export to one

        self._url = url
        self._client = HttpClient(max_connections=1)

    async def put(self, line: str) -> None:
        """See `Target`."""
        headers = {"Content-Type": "application/json"}
        reply = await self._client.send("POST", self._url, timeout=_PATIENCE, headers=headers, content=line.encode())
        if not 200 <= reply.status < 300:
            raise ConnectionLost(f"the target of checkpoints answered with status {reply.status}", code="status")

    async def close(self) -> None:
        """See `Target`."""
        await self._client.close()


def open_target(where: str) -> Target:
    """The target that a configuration names.

    Args:
        where: A path, or a URL with http or https.
    """
    return UrlTarget(where) if where.startswith(("http://", "https://")) else FileTarget(Path(where))


REFUSED = (IntegrationError, OSError)
"""What says that a line was not taken."""

"""Keeps the newest refresh token over a restart."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path


class TokenStore:
    """A file with the refresh token that replaced the configured one.

    It belongs to the configured token: configure another one, and what the file holds is ignored.

    Args:
        path: The file; its folder must exist.
        configured: The refresh token of the configuration.
    """

    def __init__(self, path: Path, configured: str) -> None:
        self._path = path
        self._origin = hashlib.sha256(configured.encode()).hexdigest()

    def load(self) -> str | None:
        """The newest token; None if there is none for the configured one."""
        try:
            held = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return None
        if not isinstance(held, dict) or held.get("replaces") != self._origin:
            return None
        token = held.get("refresh_token")
        return token if isinstance(token, str) else None

    def save(self, token: str) -> None:
        """Write it durably and atomically, readable by the owner only.

        Raises:
            OSError: It cannot be written; what was there stays.
        """
        content = json.dumps({"replaces": self._origin, "refresh_token": token})
        temporary = self._path.with_name(f".{self._path.name}.{os.getpid()}.new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

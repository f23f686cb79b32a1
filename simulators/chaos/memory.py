"""Where files go that need not outlive the process."""

from __future__ import annotations

from pathlib import Path


def in_memory() -> str | None:
    """A folder that lies in memory, where the system has one: what is simulated need not reach a disk."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 -- a fresh folder is made in it

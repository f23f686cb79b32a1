"""Whether findings can be written, asked before an hour is spent and not after it."""

from __future__ import annotations

import os
from pathlib import Path


def must_be_writable(path: Path) -> None:
    """Make the folder of a file that is to be written.

    Args:
        path: The file.

    Raises:
        OSError: It cannot be written, and why.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise PermissionError(f"{path} cannot be written")

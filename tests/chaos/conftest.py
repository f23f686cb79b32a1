from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(name="kills_folder")
def _kills_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="seawall-kills-") as folder:  # a socket's path must be short
        yield Path(folder)

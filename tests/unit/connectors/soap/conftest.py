"""The WSDL of these tests, as a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.soap import write_wsdl


@pytest.fixture
def wsdl(tmp_path: Path) -> str:
    """The path of `ORDERS_WSDL`."""
    return write_wsdl(tmp_path)

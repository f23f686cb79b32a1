"""What a test needs and a machine may lack: skipped with the reason, and a failure in CI."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Skip the test, or fail it where `CI=true`: there, everything must be installed.

    Args:
        what: What is missing, and how to get it.
    """
    if os.environ.get("CI") == "true":
        pytest.fail(f"in CI nothing may be skipped: {what}", pytrace=False)
    pytest.skip(what)

"""Somebody's own suite, with an adapter that is broken."""

from __future__ import annotations

from pathlib import Path

import pytest

BROKEN = Path(__file__).parents[3] / "chaos" / "broken.py"


@pytest.fixture(name="suite")
def _suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("COLUMNS", "200")  # so that the summary has room for what is said of a failure
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makepyfile(broken=BROKEN.read_text(encoding="utf-8"))
    return pytester

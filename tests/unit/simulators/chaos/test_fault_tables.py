"""The page about faults says what the vocabulary says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from seawall.simulators.chaos.fault_tables import renewed, tables
from seawall.simulators.faults import Plan
from seawall.simulators.kinds import KINDS
from seawall.simulators.vocabulary import POINTS

PAGE = Path(__file__).parents[4] / "docs" / "faults.md"


def test_page_is_as_it_would_be_made() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert renewed(page) == page, "run: python -m seawall.simulators.chaos.fault_tables"


def test_every_point_and_kind_has_one_row_with_its_parameters() -> None:
    rows = {line.split("|")[1].strip(): line for line in tables().splitlines() if line.startswith("| `")}
    assert rows.keys() == {f"`{name}`" for name in (*POINTS, *KINDS)}
    for name, kind in KINDS.items():
        row = rows[f"`{name}`"]
        assert kind.says in row
        assert all(f"`{param}`: " in row for param in kind.params)
        assert all(f"`{point}`" in row for point in kind.points)


def test_plan_on_the_page_is_one() -> None:
    (example,) = re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    plan = Plan.parse(example)
    assert [fault.client_side for fault in plan.faults] == [False, True]


def test_page_without_a_place_for_the_tables_is_refused() -> None:
    with pytest.raises(ValueError, match="the page needs the lines"):
        renewed("# Faults")

"""Plans and scenarios in YAML: nothing twice, nothing that is no text or number, and read as they were written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from seawall.simulators.chaos.scenario import PlannedCall, Scenario
from seawall.simulators.faults import Plan, PlanError

FAULT = "id: f, point: apply, kind: hang"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("seed: 1\nseed: 2", "'seed' is given twice"),
        (f"faults: [{{{FAULT}, kind: reset}}]", "'kind' is given twice"),
        ("faults: &a [*a]", "is not YAML"),
        ("faults: &a {b: *a}", "is not YAML"),
        (f"faults: [{{{FAULT}, match: {{operation: !!set {{a, b}}}}}}]", "holds a set"),
        ("description: !!timestamp 2026-01-01", "holds a date"),
        (f"faults: [{{{FAULT}, params: {{seconds: .nan}}}}]", "seconds must be a number"),
        ("heal_at: .inf", "heal_at"),
        ("heal_at: inf", "finite number"),
        (f"faults: [{{{FAULT}, params: {{seconds: 1e999}}}}]", "seconds must be a finite number, not inf"),
        (f"faults: [{{{FAULT}, trigger: {{window: [0, 1e999]}}}}]", "finite number"),
        (f"faults: [{{{FAULT}, match: {{operation: []}}}}]", "operation names nothing"),
        ("[" * 5000, "is not YAML"),
    ],
)
def test_what_cannot_be_meant_so_is_refused_in_one_sentence(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(PlanError, match=re.escape(says)) as refused:
        Plan.parse(text)
    assert "\n" not in str(refused.value)
    path = tmp_path / "scenario.yaml"
    if not text.startswith("["):
        path.write_text(
            f"subject: soap\ncalls: []\nplan:\n  {text.replace(chr(10), chr(10) + '  ')}\n", encoding="utf-8"
        )
        with pytest.raises(PlanError, match=re.escape(says)):
            Scenario.load(path)


def test_dates_are_texts() -> None:
    fault = "{id: f, point: apply, kind: throttle, params: {retry_after: 2026-10-21}}"
    (read,) = Plan.parse(f"faults: [{fault}]").faults
    assert read.params == {"retry_after": "2026-10-21"}


@pytest.mark.parametrize("text", ["7e12", "1.5e3", "NO", "2026-01-01", "0x1F", "null", "12", "~", "010", "1_000", ".5"])
def test_text_that_looks_like_something_else_is_read_as_it_was_written(tmp_path: Path, text: str) -> None:
    scenario = Scenario(subject="soap", calls=(PlannedCall(action=text, sample=1),), note=text)
    scenario.save(tmp_path / "one.yaml")
    assert Scenario.load(tmp_path / "one.yaml") == scenario


@pytest.mark.parametrize("number", [0.00001, 1e22, 0.1, 3.0, 12345678.9])
def test_number_is_read_as_it_was_written(tmp_path: Path, number: float) -> None:
    scenario = Scenario(subject="soap", calls=(PlannedCall(action="a", sample=1, at=number),))
    scenario.save(tmp_path / "one.yaml")
    assert Scenario.load(tmp_path / "one.yaml") == scenario

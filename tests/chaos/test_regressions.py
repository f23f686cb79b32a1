"""Scenarios that broke something once, or nearly did, each in a file; `--chaos-keep` puts them here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from seawall.simulators.chaos.scripted import Chaos


@pytest.mark.chaos(seeds=0, scenarios="tests/chaos/regressions/*.yaml")
def test_kept_scenario_breaks_nothing(chaos: Chaos) -> None:
    assert chaos.scenario is not None
    judgement = chaos.episode(chaos.scenario.subject)
    assert judgement.worst == "valid"

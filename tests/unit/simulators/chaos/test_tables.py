"""Figures in the terminal."""

from __future__ import annotations

import io

from rich.console import Console

from seawall.simulators.chaos.tables import print_tallies
from seawall.simulators.chaos.tally import Tally


def test_figures_stay_readable_beside_the_long_name_of_an_own_subject() -> None:
    console = Console(file=io.StringIO(), width=80)
    print_tallies(console, {"acme_enterprise.subject:AcmeEnterpriseSubject": Tally(episodes=12_345, operations=6)})
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "…" not in text
    for part in (
        "episodes",
        "twice",
        "lost",
        "denied",
        "open",
        "other",
        "parked",
        "sent/op",
        "12,345",
        "AcmeEnterpriseSub",
    ):
        assert part in text

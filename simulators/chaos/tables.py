"""What a person sees in the terminal: figures of each subject, and a failure with its timeline."""

from __future__ import annotations

from collections.abc import Mapping

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from .failing import Found
from .failure import failure_text
from .tally import Tally
from .verdicts import Invariant

_PROMISES = {
    "twice": Invariant.NO_DUPLICATE,
    "lost": Invariant.NO_LOST_WRITE,
    "denied": Invariant.NO_PHANTOM_FAILURE,
    "open": Invariant.EVENTUAL_RESOLUTION,
}
"""Heading → invariant: duplicates, lost writes, phantom failures, and what was never resolved."""


def print_tallies(console: Console, tallies: Mapping[str, Tally]) -> None:
    """Print a row of figures for each subject, and then the invariants that did not hold."""
    title = "Episodes in virtual time, judged by the targets' effect logs"
    table = Table(title=title, box=SIMPLE, padding=0)
    # What names an own subject may be long, and its figures must not suffer from it.
    table.add_column("subject", overflow="fold", min_width=17, max_width=17)
    for heading in ("episodes", "ops", *_PROMISES, "other", "parked", "sent/op"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, tally in tallies.items():
        others = sum(count for one, count in tally.broken.items() if one not in _PROMISES.values())
        table.add_row(
            name.rpartition(":")[2],
            f"{tally.episodes:,}",
            f"{tally.operations:,}",
            *(_count(tally.broken[one]) for one in _PROMISES.values()),
            _count(others),
            f"{tally.parked_share:.2%}",
            f"{tally.amplification:.2f}",
        )
    console.print(table)
    for name, tally in tallies.items():
        for invariant, count in sorted(tally.broken.items()):
            console.print(f"{name}: I{int(invariant)} {invariant.title}: {count}", style="red")
    for name, tally in tallies.items():
        if tally.idle:
            said = f"{name}: planned, and never struck: {', '.join(tally.idle)}"
            console.print(said, style="dim", markup=False, highlight=False, soft_wrap=True)


def _count(count: int) -> str:
    return f"[red]{count:,}[/red]" if count else "0"


def print_failure(console: Console, found: Found, *, command: str = "") -> None:
    """Print a failure: what is broken, how small it became, what happened, and how to see it again."""
    style = "green" if found.invariant is None else "bold red"
    first, *rest = failure_text(found, replay=command).split("\n")
    console.print(first, style=style, markup=False, highlight=False, soft_wrap=True)
    for line in rest:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

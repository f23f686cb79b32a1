"""A campaign for people: progress while it runs, and a table at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import get_args

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from seawall.core.ledger.records import Status

from .judge import Figures, Verdict
from .records import Kind
from .steps import STEPS


@contextmanager
def progress(title: str, kills: int) -> Iterator[Progress]:
    """A bar; advance its only task."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns) as bar:
        bar.add_task(title, total=kills)
        yield bar


def line(title: str, figures: Figures, verdict: Verdict) -> str:
    """The result in one line."""
    cuts = f", {figures.power_cuts} of the database server" if figures.power_cuts else ""
    parked = ", ".join(f"{kind} {figures.share(kind, Status.PARKED):.1%}" for kind in get_args(Kind))
    counts = ", ".join(f"{len(found)} {name.replace('_', ' ')}" for name, found in vars(verdict).items())
    return (
        f"{title}: {figures.killed} kills{cuts}; {figures.operations} operations: {counts}; "
        f"parked: {parked} ({figures.seconds:.0f} s)"
    )


def table(title: str, figures: Figures, verdict: Verdict) -> None:
    """The result, and where the kills fell."""
    console = Console()
    result = Table(title=f"Kills: {title}", show_header=False)
    for name, value in {
        "kills (SIGKILL + SIGSTOP)": figures.killed,
        "kills of the database server": figures.power_cuts,
        "faults of the target": figures.faults,
        "stopped workers that found their operation taken": figures.superseded,
        "calls": figures.asked,
        "of these died with their worker": figures.unanswered,
        "operations": figures.operations,
        **{name.replace("_", " "): len(found) for name, found in vars(verdict).items()},
        **{f"parked, {kind}": f"{figures.share(kind, Status.PARKED):.1%}" for kind in get_args(Kind)},
        "seconds": f"{figures.seconds:.0f}",
    }.items():
        result.add_row(name, str(value))
    console.print(result)
    steps = Table("step", "SIGKILL", "SIGSTOP", title="Where")
    for step in (*STEPS, "any instant"):
        steps.add_row(step, *(str(figures.kills[step, by]) for by in ("SIGKILL", "SIGSTOP")))
    console.print(steps)

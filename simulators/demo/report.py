"""The demonstration's table, and the words under it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from .figures import Result

_COLUMNS = (
    ("duplicates", "done\ntwice"),
    ("lost", "lost"),
    ("phantom_failures", "failed,\nyet done"),
    ("unexplained", "unex-\nplained"),
    ("unresolved", "left\nopen"),
    ("parked", "parked"),
    ("calls_per_operation", "calls\neach"),
    ("seconds", "time\n(s)"),
)
_MUST_BE_ZERO = ("duplicates", "lost", "phantom_failures", "unresolved")
_NAMES = {
    "seawall": "Seawall",
    "retry": "tenacity",
    "retry_and_breaker": "tenacity + pybreaker",
}


def print_table(console: Console, results: Mapping[str, Result]) -> None:
    """Print one row for each contestant, and what it means."""
    first = next(iter(results.values())).figures
    table = Table(
        title=f"Same agents, same faults, {first['kills']} kills each; judged by what happened in the CRM",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=0,  # the whole table fits eighty columns
        show_edge=False,
    )
    table.add_column("", no_wrap=True)
    table.add_column("oper-\nations", justify="right")
    for _, heading in _COLUMNS:
        table.add_column(heading, justify="right")
    for name, result in results.items():
        cells = [_cell(column, result.figures[column]) for column, _ in _COLUMNS]
        table.add_row(_NAMES[name], str(result.figures["operations"]), *cells)
    console.print(table)
    console.print(
        "The agents repeat and reword themselves, replies get lost before and after the commit, commits come late, "
        "and the process is killed in the middle of it all. Lost: called done, but it never happened, or an older "
        "change overwrote it. Failed, yet done: called failed although it happened. Parked: the CRM offers no way "
        "to find out (a workflow that was triggered), so Seawall asks a person and does not guess. Calls each: HTTP "
        "requests that reached the CRM, with reads, probes and logins, for each operation.",
        style="dim",
    )


def violations(result: Result) -> dict[str, list[str]]:
    """What must not be; empty when every promise held."""
    found = {
        "duplicates": result.verdict.duplicates,
        "lost": result.verdict.lost,
        "phantom_failures": result.verdict.phantom_failures,
        "unresolved": list(result.unresolved),
        "effects that nobody asked for": [str(number) for number in result.verdict.unasked],
    }
    return {name: tokens for name, tokens in found.items() if tokens}


def print_violations(console: Console, result: Result, stories: Mapping[str, str]) -> None:
    """Print each request that broke a promise, with its claims, its effects and the stories of its operations.

    Args:
        console: Where to.
        result: The result of the contestant `seawall`.
        stories: What the ledger tells of each operation, by id.
    """
    for promise, tokens in violations(result).items():
        for token in tokens:
            console.print(f"[bold red]{promise}[/]: {token}")
            for claim in result.claims:
                if claim.token == token:
                    console.print(f"  told {claim.word} at {claim.at:.3f}")
            for effect in result.verdict.effects.get(token, []):
                changed = ", ".join(effect.changed) or "nothing"
                console.print(
                    f"  effect {effect.seq} at {effect.at:.3f} by request {effect.request_id} ({effect.cause}): "
                    f"{effect.kind} {effect.object} {effect.record_id}, changed {changed}"
                )
            for one in result.operations.get(token, []):
                console.print(stories.get(one["id"], f"operation {one['id']}"), markup=False)


def _cell(column: str, value: Any) -> str:
    if column in _MUST_BE_ZERO:
        return f"[bold green]{value}[/]" if value == 0 else f"[bold red]{value}[/]"
    return str(value)

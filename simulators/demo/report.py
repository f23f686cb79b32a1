"""The demonstration's table, and the words under it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from .figures import Part, Result

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
_SYSTEMS = {
    "crm": "Salesforce",
    "support": "SuiteCRM",
    "sales": "HubSpot",
    "billing": "SOAP ERP",
    "orders": "SQL database",
}
_NAMES = {
    "seawall": "Seawall",
    "retry": "tenacity",
    "retry_and_breaker": "tenacity + pybreaker",
}


def print_table(console: Console, results: Mapping[str, Result]) -> None:
    """Print one row for each contestant, one for each system that Seawall worked in, and what they mean."""
    first = next(iter(results.values())).figures
    table = Table(
        title=f"Same agents, same faults, {first['kills']} kills each; judged by what happened in the systems",
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
        _add_row(table, _NAMES[name], result.figures)
        for system, figures in result.figures["systems"].items() if name == "seawall" else ():
            _add_row(table, f"  {_SYSTEMS[system]}", figures)
    console.print(table)
    console.print(
        "The agents repeat and reword themselves, replies get lost before and after the commit, commits come late, "
        "and the process is killed in the middle of it all. Lost: called done, but it never happened, or an older "
        "change overwrote it. Failed, yet done: called failed although it happened. Parked: the target offers no way "
        "to find out (a workflow that was triggered), so Seawall asks a person and does not guess. Calls each: "
        "requests that reached the target, with reads, probes and logins, for each operation.",
        style="dim",
    )


def _add_row(table: Table, name: str, figures: Mapping[str, Any]) -> None:
    cells = [_cell(column, figures.get(column, "")) for column, _ in _COLUMNS]
    table.add_row(name, str(figures["operations"]), *cells)


def violations(result: Result) -> dict[str, dict[str, list[str]]]:
    """What must not be, by system; empty when every promise held."""
    found = {system: _violations(part) for system, part in result.systems.items()}
    return {system: broken for system, broken in found.items() if broken}


def _violations(part: Part) -> dict[str, list[str]]:
    found = {
        "duplicates": part.verdict.duplicates,
        "lost": part.verdict.lost,
        "phantom_failures": part.verdict.phantom_failures,
        "unresolved": list(part.unresolved),
        "effects that nobody asked for": [str(number) for number in part.verdict.unasked],
    }
    return {name: tokens for name, tokens in found.items() if tokens}


def print_violations(console: Console, result: Result, stories: Mapping[str, str]) -> None:
    """Print each request that broke a promise, with its claims, its effects and the stories of its operations.

    Args:
        console: Where to.
        result: The result of the contestant `seawall`.
        stories: What the ledger tells of each operation, by id.
    """
    for system, broken in violations(result).items():
        for promise, tokens in broken.items():
            for token in tokens:
                console.print(f"[bold red]{promise}[/] in {system}: {token}")
                _print_request(console, result.systems[system], token, stories)


def _print_request(console: Console, part: Part, token: str, stories: Mapping[str, str]) -> None:
    for claim in part.claims:
        if claim.token == token:
            console.print(f"  told {claim.word} at {claim.at:.3f}")
    for effect in part.verdict.effects.get(token, []):
        changed = ", ".join(effect.changed) or "nothing"
        console.print(
            f"  effect {effect.seq} at {effect.at:.3f} by request {effect.request_id} ({effect.cause}): "
            f"{effect.kind} {effect.object} {effect.record_id}, changed {changed}"
        )
    for one in part.operations.get(token, []):
        console.print(stories.get(one["id"], f"operation {one['id']}"), markup=False)


def _cell(column: str, value: Any) -> str:
    if column in _MUST_BE_ZERO:
        return f"[bold green]{value}[/]" if value == 0 else f"[bold red]{value}[/]"
    return str(value)

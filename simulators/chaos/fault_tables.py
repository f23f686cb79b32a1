"""The fault vocabulary as tables for people to read, made from the vocabulary itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from ..kinds import KINDS
from ..vocabulary import CLIENT_POINTS, POINTS, KindOfFault, Trait

_GROUPS: Final[tuple[tuple[str, tuple[Trait, ...]], ...]] = (
    ("Systems behind HTTP", ("http", "json")),
    ("SOAP services", ("soap", "wss")),
    ("Search that lags behind", ("search",)),
    ("Databases", ("sql",)),
    ("The client's own process", ("client",)),
)
_BEGIN: Final = "<!-- begin: made by seawall.simulators.chaos.fault_tables -->"
_END: Final = "<!-- end -->"


def tables() -> str:
    """All points and kinds, in Markdown."""
    parts = ["### Points", "", *_points(), ""]
    for title, traits in _GROUPS:
        kinds = {name: kind for name, kind in KINDS.items() if kind.traits[0] in traits}
        parts += [f"### {title}", "", "| kind | points | calls | parameters | what happens |", "|---|---|---|---|---|"]
        parts += [_row(name, kind) for name, kind in kinds.items()] + [""]
    return "\n".join(parts)


def renewed(page: str) -> str:
    """A page with its tables made anew.

    Raises:
        ValueError: The page has no place for them.
    """
    head, begin, rest = page.partition(_BEGIN)
    _, end, tail = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"the page needs the lines {_BEGIN} and {_END}")
    return f"{head}{begin}\n\n{tables()}\n{end}{tail}"


def _points() -> Iterator[str]:
    yield "| point | where | what it means |"
    yield "|---|---|---|"
    for point, says in POINTS.items():
        yield f"| `{point}` | {'client' if point in CLIENT_POINTS else 'system'} | {says} |"


def _row(name: str, kind: KindOfFault) -> str:
    points = " ".join(f"`{point}`" for point in kind.points)
    calls = (
        "batches" if kind.batches else "all" if len(kind.lanes) == 3 else ", ".join(f"{lane}s" for lane in kind.lanes)
    )
    params = "<br>".join(_param(kind, param) for param in kind.params) or "none"
    also = " Databases too." if kind.traits[0] == "http" and "sql" in kind.traits else ""
    blind = " No client can see through it: explorers leave it out." if kind.deceives else ""
    return f"| `{name}` | {points} | {calls} | {params} | {kind.says}{also}{blind} |"


def _param(kind: KindOfFault, name: str) -> str:
    choices = " (" + ", ".join(map(_shown, kind.choices[name])) + ")" if name in kind.choices else ""
    return f"`{name}`: {_shown(kind.params[name])}{choices}"


def _shown(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    target = Path(__file__).parents[2] / "docs" / "faults.md"
    target.write_text(renewed(target.read_text(encoding="utf-8")), encoding="utf-8")

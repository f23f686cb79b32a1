"""docs/telemetry.md says what the code does."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from seawall.telemetry import conventions as c
from seawall.telemetry.instruments import ALL

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "telemetry.md"


def metrics() -> list[str]:
    rows = ["| metric | kind | unit | labels | what it says |", "|---|---|---|---|---|"]
    for one in ALL:
        labels = ", ".join(f"`{label.removeprefix('seawall.')}`" for label in one.labels)
        rows.append(f"| `{one.name}` | {one.kind} | {one.unit} | {labels} | {one.description} |")
    return rows


def attributes() -> list[str]:
    return [
        "| attribute | what it holds |",
        "|---|---|",
        *(f"| `{name}` | {what} |" for name, what in c.ATTRIBUTES.items()),
    ]


def between(name: str) -> list[str]:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"<!-- {name}: "))
    return lines[start + 1 : lines.index(f"<!-- end of {name} -->")]


@pytest.mark.parametrize(("name", "made"), [("metrics", metrics), ("attributes", attributes)])
def test_table_is_the_one_of_the_code(name: str, made: object) -> None:
    assert callable(made)
    assert between(name) == made()


def test_page_names_the_pinned_versions() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert f"semantic-conventions-genai {c.GENAI_VERSION}." in page
    assert f"semantic-conventions {c.SEMCONV_VERSION}." in page


def test_every_label_of_a_metric_is_an_attribute() -> None:
    assert {label for one in ALL for label in one.labels} <= set(c.ATTRIBUTES)


def test_names_are_written_down_in_one_module_only() -> None:
    begins = ("gen_ai.", "mcp.", "seawall.", "error.", "http.", "server.", "rpc.", "jsonrpc.")
    allowed = {"conventions.py", "instruments.py"}
    found = [
        (path.name, node.value)
        for path in (ROOT / "src" / "telemetry").glob("*.py")
        if path.name not in allowed
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(begins)
    ]
    assert found == [(name, "seawall.telemetry") for name, _ in found], "logger names are the only ones"

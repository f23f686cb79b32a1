"""Texts of a foreign description as Python source: whatever they hold, they stay texts."""

from __future__ import annotations

import ast


def quoted(value: str) -> str:
    """A text as a literal, in the quotes that need the fewest escapes."""
    quote = "'" if value.count('"') > value.count("'") else '"'
    return quote + "".join(_escaped(one, quote) for one in value) + quote


def plain(text: object) -> str:
    """A text that can stand in a docstring: on one line, without quotes and backslashes."""
    return on_one_line(text).replace("\\", "/").replace('"', "'")


def on_one_line(text: object) -> str:
    """A text without line breaks and other characters that only steer."""
    return " ".join("".join(one if one.isprintable() else " " for one in str(text)).split())


def names_in(source: str) -> frozenset[str]:
    """The names that a source uses: those in its code, and not those in its texts."""
    return frozenset(node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name))


def _escaped(one: str, quote: str) -> str:
    if one in ("\\", quote):
        return f"\\{one}"
    return one if one.isprintable() else one.encode("unicode_escape").decode("ascii")

"""`seawall connectors`: all connectors, and what their actions promise."""

from __future__ import annotations

from dataclasses import asdict, astuple, fields
from typing import Annotated

import typer

from .shared import AsJson, Context, invocation_of


def connectors(
    ctx: Context,
    *,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the page docs/connectors.md.")] = False,
    as_json: AsJson = False,
) -> None:
    """List every action of every connector.

    For each action: what it does, how a repetition is recognised, what happens after a lost reply, and its limits.
    """
    from ..catalog import Row, page, rows
    from ..connectors import UnknownConnector
    from ..envelope import ExitCode
    from ..terminal import say

    invocation = invocation_of(ctx, as_json=as_json)
    try:
        if markdown:
            say(page().rstrip("\n"))
            return
        found = rows()
    except UnknownConnector as error:  # one of an extra that is not installed
        invocation.fail(str(error), ExitCode.USAGE)
    if as_json:
        invocation.answer({"actions": [asdict(row) for row in found]}, "")
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for field in fields(Row):
        table.add_column(field.name, overflow="fold")
    for row in found:
        table.add_row(*(cell.replace("`", "") for cell in astuple(row)))
    invocation.show(table)

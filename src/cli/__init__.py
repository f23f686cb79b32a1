"""The command line: one module for each command, and the commands that other packages add."""

from __future__ import annotations

import io
import logging
import sys
from importlib.metadata import version
from typing import Annotated, Literal

import typer

from ..terminal import EPILOG, Commands, say
from . import (
    approvals,
    audit,
    call,
    check_config,
    compensate,
    connectors,
    incidents,
    ledger,
    mcp,
    new,
    ops,
    overrides,
    policy,
    recover,
    resolve,
    serve,
    sql,
)
from .shared import Context

app = typer.Typer(
    cls=Commands,
    name="seawall",
    help="Let software agents act in legacy systems: once, accounted for, governed.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(ops.ops, name="ops")
ops.ops.command("resolve", epilog=EPILOG)(resolve.resolve)
ops.ops.command("retry", epilog=EPILOG)(resolve.retry)
ops.ops.command("compensate", epilog=EPILOG)(compensate.compensate)
app.add_typer(approvals.approvals, name="approvals")
app.add_typer(overrides.overrides, name="overrides")
app.add_typer(incidents.incidents, name="incidents")
app.add_typer(ledger.ledger, name="ledger")
app.add_typer(policy.policy, name="policy")
app.add_typer(audit.audit, name="audit")
app.add_typer(sql.sql, name="sql")
app.command(epilog=EPILOG)(call.call)
app.command(epilog=EPILOG)(recover.recover)
app.command(epilog=EPILOG)(connectors.connectors)
app.command("check-config", epilog=EPILOG)(check_config.check_config)
app.command(epilog=EPILOG)(new.new)
app.command(epilog=EPILOG)(mcp.mcp)
app.command(epilog=EPILOG)(serve.serve)


def main() -> None:
    """The entry point."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a character must not turn a proven outcome into a failure.
            stream.reconfigure(errors="replace")
    app(prog_name="seawall")


def _version(wanted: bool) -> None:  # noqa: FBT001 -- typer calls it with the option's value
    if wanted:
        say(f"seawall {version('seawall')}")
        raise typer.Exit


@app.callback()
def _begin(
    ctx: Context,
    *,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show all logs on stderr.")] = False,
    log_format: Annotated[
        Literal["text", "json"], typer.Option("--log-format", help="Logs for people, or one JSON object a line.")
    ] = "text",
    _show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    from ..logs import set_up

    set_up(ctx.obj.secrets, level=logging.DEBUG if verbose else logging.WARNING, form=log_format)

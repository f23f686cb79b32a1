"""`seawall sql`: the table in which a database remembers what was done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from ..core.errors import InvalidRequest
from .shared import EVERY, OPEN, SEAWALL_TOML, AsJson, ConfigFile, Context, ask_ledger, invocation_of, newest

if TYPE_CHECKING:
    from ..connectors.sql.adapter import SqlAdapter
    from ..core.redaction import Secrets

T = TypeVar("T")

sql = typer.Typer(
    help="The effects table of an SQL database: make it, and delete old rows.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

SystemName = Annotated[str, typer.Argument(metavar="SYSTEM", help="As [systems.SYSTEM] in the configuration names it.")]


@sql.command("install-effects")
def install_effects(
    ctx: Context,
    system: SystemName,
    *,
    only_print: Annotated[bool, typer.Option("--print", help="Print the statement, and connect to nothing.")] = False,
    config: ConfigFile = SEAWALL_TOML,
    as_json: AsJson = False,
) -> None:
    """Make the table into which each key is written in the transaction of its effect; once is enough.

    The user that Seawall works as needs SELECT, INSERT and UPDATE on it, and DELETE for prune-effects. To make it as
    another user, print the statement.
    """
    invocation = invocation_of(ctx, as_json=as_json)
    if only_print:
        statement = asyncio.run(_with(config, system, invocation.secrets, _printed))
        invocation.answer({"statement": statement}, f"{statement};")
        return
    made = asyncio.run(_with(config, system, invocation.secrets, lambda adapter: adapter.install_effects()))
    invocation.answer({"made": made}, "The table was made." if made else "The table is there already.", "green")


@sql.command("prune-effects")
def prune_effects(
    ctx: Context, system: SystemName, *, config: ConfigFile = SEAWALL_TOML, as_json: AsJson = False
) -> None:
    """Delete rows of the table that are older than the setting effects_retention.

    Rows of operations that are running, unknown or parked stay: without them an absence would prove nothing.
    """
    invocation = invocation_of(ctx, as_json=as_json)
    open_ones = ask_ledger(config, invocation, lambda ledger: newest(ledger, OPEN, system=system, limit=EVERY))
    keep = frozenset(operation.key for operation in open_ones)
    deleted = asyncio.run(_with(config, system, invocation.secrets, lambda adapter: adapter.prune_effects(keep)))
    invocation.answer({"deleted": deleted}, f"{deleted} rows were deleted.", "green")


async def _printed(adapter: SqlAdapter) -> str:
    return adapter.effects_ddl()


async def _with(path: Path, name: str, secrets: Secrets, work: Callable[[SqlAdapter], Awaitable[T]]) -> T:
    from ..connectors.sql.adapter import SqlAdapter
    from ..wall import Seawall

    wall = Seawall.from_config(path, secrets=secrets)
    try:
        system = wall.systems.get(name)
        if system is None or not isinstance(system.adapter, SqlAdapter):
            known = ", ".join(sorted(one for one, it in wall.systems.items() if isinstance(it.adapter, SqlAdapter)))
            raise InvalidRequest(
                f"there is no SQL system {name!r}; known: {known or 'none is configured'}", code="unknown_system"
            )
        return await work(system.adapter)
    finally:
        for one in wall.systems.values():
            await one.adapter.close()

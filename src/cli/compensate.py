"""`seawall ops compensate`: undo what an operation did."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from ..core.errors import LedgerUnavailable
from ..core.outcome import Rejected
from .call import tell
from .shared import SEAWALL_TOML, AsJson, ConfigFile, Context, OperationId, invocation_of, known_ledger, with_wall


def compensate(
    ctx: Context,
    operation: OperationId,
    *,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; recorded.")],
    principal: Annotated[str | None, typer.Option("--as", metavar="PRINCIPAL", help="Who asks.")] = None,
    deadline: Annotated[float | None, typer.Option(min=0.001, metavar="SECONDS", help="Answer within.")] = None,
    config: ConfigFile = SEAWALL_TOML,
    as_json: AsJson = False,
) -> None:
    """Undo what an operation did, by the action that its connector names for that.

    It is an operation of its own: it may be unknown in turn, and it waits until no lost attempt can bring back what it
    undoes.
    """
    invocation = invocation_of(ctx, as_json=as_json)
    known_ledger(config, invocation)
    try:
        outcome = asyncio.run(
            with_wall(
                config,
                invocation,
                lambda wall: wall.compensate(operation, reason=reason, principal=principal, deadline=deadline),
            )
        )
    except LedgerUnavailable as error:
        outcome = Rejected(error)
    tell(invocation, outcome, f"undoing {operation}")

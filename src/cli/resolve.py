"""`seawall ops resolve` and `seawall ops retry`: what a person establishes about an operation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.clock import Sources
from ..core.errors import InvalidRequest
from ..core.ledger.records import Operation
from ..terminal import Invocation
from .shared import (
    SEAWALL_TOML,
    AsJson,
    ConfigFile,
    Context,
    OperationId,
    argument_text,
    invocation_of,
    known_ledger,
    with_wall,
)

if TYPE_CHECKING:
    from ..core.resolution import Resolution

By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who decides it; recorded.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; recorded.")]


def resolve(
    ctx: Context,
    operation: OperationId,
    *,
    by: By,
    reason: Reason,
    applied: Annotated[
        str | None, typer.Option("--applied", metavar="RECORD", help="It is there, as this record.")
    ] = None,
    not_applied: Annotated[
        bool, typer.Option("--not-applied", help="It is not there, and cannot come any more.")
    ] = False,
    evidence: Annotated[str | None, typer.Option(metavar="TEXT", help="What you saw, or @FILE; recorded.")] = None,
    despite_horizon: Annotated[
        bool, typer.Option("--despite-horizon", help="Say so although the target may still commit it; recorded.")
    ] = False,
    config: ConfigFile = SEAWALL_TOML,
    as_json: AsJson = False,
) -> None:
    """Record what you found out about an operation that is parked or unknown.

    Nothing is sent. Where the target can be looked at, it must not say otherwise.
    """
    from ..core.resolution import Word

    invocation = invocation_of(ctx, as_json=as_json)
    if (applied is None) is not not_applied:
        raise InvalidRequest("say one of --applied RECORD and --not-applied", code="resolution")
    word = Word(by, reason, None if evidence is None else argument_text(evidence, "evidence"))

    async def record(resolution: Resolution) -> Operation:
        if applied is not None:
            return await resolution.applied(operation, applied, word)
        return await resolution.not_applied(operation, word, despite_horizon=despite_horizon)

    _record(config, invocation, record)


def retry(
    ctx: Context,
    operation: OperationId,
    *,
    by: By,
    reason: Reason,
    config: ConfigFile = SEAWALL_TOML,
    as_json: AsJson = False,
) -> None:
    """Let recovery look at a parked operation again, when what stood in the way is mended.

    It goes by the same key, the same policy and the same rules: nothing is sent that they do not allow.
    """
    from ..core.resolution import Word

    invocation = invocation_of(ctx, as_json=as_json)
    _record(config, invocation, lambda resolution: resolution.retry(operation, Word(by, reason)))


def _record(config: Path, invocation: Invocation, record: Callable[[Resolution], Awaitable[Operation]]) -> None:
    from ..core.resolution import Resolution
    from ..listing import as_record, became

    known_ledger(config, invocation)
    operation = asyncio.run(
        with_wall(
            config,
            invocation,
            lambda wall: record(Resolution(wall.systems, wall.ledger, wall.sources, wall.secrets)),
        )
    )
    invocation.answer(as_record(operation), became(operation, Sources().clock.now()))

"""`seawall recover`: settle what is unknown."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.clock import Sources
from ..core.errors import LedgerUnavailable
from ..core.ledger.records import Operation, Status
from ..envelope import ExitCode
from ..terminal import say
from .shared import SEAWALL_TOML, AsJson, ConfigFile, Context, invocation_of, newest, with_wall

if TYPE_CHECKING:
    from ..wall import Seawall

_log = logging.getLogger("seawall.cli")
_EVERY = 1_000_000  # more operations than are ever open
_LOOK = 0.2  # seconds between two looks


def recover(
    ctx: Context,
    *,
    timeout: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="Begin no further look after this.")] = 60.0,
    watch: Annotated[bool, typer.Option("--watch", help="Go on until interrupted; JSON is one object a line.")] = False,
    config: ConfigFile = SEAWALL_TOML,
    as_json: AsJson = False,
) -> None:
    """Settle what is unknown, as far as it can be.

    Each operation whose outcome is unknown, or whose process ended, is looked up in its system: then it is finished,
    sent again where that is safe, or left to a person.
    """
    from ..listing import as_record, became

    invocation = invocation_of(ctx, as_json=as_json)
    now = Sources().clock.now
    ended: list[Operation] = []

    def report(operation: Operation) -> None:
        if watch:
            invocation.answer(as_record(operation), became(operation, now()))
            return
        ended.append(operation)
        if not as_json:
            say(invocation.clean(became(operation, now())))

    seconds = math.inf if watch else timeout
    remaining = asyncio.run(with_wall(config, invocation, lambda wall: _settle(wall, seconds, report)))
    counts = {
        **Counter(str(operation.status) for operation in ended),
        "still open": len(remaining),
    }
    told = {
        "ended": [as_record(operation) for operation in ended],
        "open": [as_record(operation) for operation in remaining],
        "counts": counts,
    }
    lines = [became(operation, now()) for operation in remaining]
    lines.append(", ".join(f"{count} {status}" for status, count in counts.items()) + ".")
    invocation.answer(told, "\n".join(lines))
    if remaining:
        raise typer.Exit(ExitCode.UNKNOWN)
    raise typer.Exit(ExitCode.PARKED if "parked" in counts else ExitCode.OK)


async def _settle(wall: Seawall, seconds: float, report: Callable[[Operation], None]) -> list[Operation]:
    """Drive recovery until nothing that it can settle is open, or the time is over; answers what is still open."""
    clock, watching = wall.sources.clock, math.isinf(seconds)
    until = clock.monotonic() + seconds
    before = await _open_operations(wall)
    while True:
        try:
            await wall.recovery.run_once()
            now_open = await _open_operations(wall)
            for operation_id in before.keys() - now_open.keys():
                if (operation := await wall.ledger.get(operation_id)) is not None:
                    report(operation)
        except LedgerUnavailable as error:
            if not watching:
                raise
            _log.warning("waiting for the ledger: %s", error.message)
        else:
            before = now_open
        # Operations of systems that this configuration does not have are not ours to settle or to wait for.
        ours = any(operation.system in wall.systems for operation in before.values())
        if clock.monotonic() >= until or not (ours or watching):
            return list(before.values())
        await clock.sleep(_LOOK)


async def _open_operations(wall: Seawall) -> dict[str, Operation]:
    found = await newest(wall.ledger, (Status.RUNNING, Status.UNKNOWN), limit=_EVERY)
    return {operation.id: operation for operation in reversed(found)}

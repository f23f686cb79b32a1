"""`seawall recover`: settle what is unknown."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core.clock import Sources
from ..core.errors import LedgerUnavailable
from ..core.incidents import Incident, incidents
from ..core.ledger.records import Operation, Status, Verdict
from ..envelope import ExitCode
from ..terminal import Invocation, say
from .shared import EVERY, OPEN, SEAWALL_TOML, AsJson, ConfigFile, Context, invocation_of, newest, with_wall

if TYPE_CHECKING:
    from ..wall import Seawall

_log = logging.getLogger("seawall.cli")
_LOOK = 0.2  # seconds between two looks at how far it is
_SURVEY = 1.0  # seconds between two looks at incidents, at least; reading many operations takes a while
_NAMED = 20  # operations that are named at the end; the others are counted
_UNSETTLED = (Status.RUNNING, Status.UNKNOWN)


def recover(
    ctx: Context,
    *,
    timeout: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="Begin no further look after this.")] = 60.0,
    watch: Annotated[bool, typer.Option("--watch", help="Go on until interrupted; JSON is one object a line.")] = False,
    config: ConfigFile = SEAWALL_TOML,
    as_json: AsJson = False,
) -> None:
    """Carry out what people approved, and settle what is unknown, as far as it can be.

    Each operation whose outcome is unknown, or whose process ended, is looked up in its system: then it is finished,
    sent again where that is safe, or left to a person.
    """
    from ..incident_listing import incident_line, incident_record
    from ..listing import as_record

    invocation = invocation_of(ctx, as_json=as_json)
    watched = _Watch(invocation) if watch else _Report(invocation)
    seconds = math.inf if watch else timeout
    remaining, systems = asyncio.run(with_wall(config, invocation, lambda wall: _settle(wall, seconds, watched)))
    now = Sources().clock.now()
    counts = {**Counter(str(operation.status) for operation in watched.ended), "still open": len(remaining)}
    found = incidents([*remaining, *(one for one in watched.ended if one.status is Status.PARKED)], now)
    told = {
        "ended": [as_record(operation) for operation in watched.ended],
        "open": [as_record(operation) for operation in remaining],
        "incidents": [incident_record(incident) for incident in found],
        "counts": counts,
    }
    lines = [_open_line(operation, systems, now) for operation in remaining[:_NAMED]]
    if len(remaining) > _NAMED:
        lines.append(f"and {len(remaining) - _NAMED} more")
    lines += [incident_line(incident, "is open") for incident in found]
    lines.append(", ".join(f"{count} {status}" for status, count in counts.items()) + ".")
    invocation.answer(told, "\n".join(lines))
    if remaining:
        raise typer.Exit(ExitCode.UNKNOWN)
    raise typer.Exit(ExitCode.PARKED if "parked" in counts else ExitCode.OK)


def _open_line(operation: Operation, systems: Iterable[str], now: float) -> str:
    from ..listing import became

    absent = "" if operation.system in systems else f" (this configuration has no system {operation.system!r})"
    return f"{became(operation, now)}{absent}"


class _Report:
    """Tells of each operation that came to an end, as it does."""

    def __init__(self, invocation: Invocation) -> None:
        self.ended: list[Operation] = []
        self.watches = False
        self._invocation = invocation

    def operation(self, operation: Operation) -> None:
        from ..listing import became

        self.ended.append(operation)
        if not self._invocation.as_json:
            say(self._invocation.clean(became(operation, Sources().clock.now())))

    def survey(self, operations: Iterable[Operation], pauses: dict[str, float]) -> None:
        """Incidents are told at the end."""


class _Watch(_Report):
    """Tells of each operation, and of each incident when it opens and when it is over."""

    def __init__(self, invocation: Invocation) -> None:
        super().__init__(invocation)
        self.watches = True
        self._open: dict[str, Incident] = {}

    def operation(self, operation: Operation) -> None:
        from ..listing import as_record, became

        self._invocation.answer(as_record(operation), became(operation, Sources().clock.now()))

    def survey(self, operations: Iterable[Operation], pauses: dict[str, float]) -> None:
        from ..incident_listing import incident_line, incident_record

        found = {incident.id: incident for incident in incidents(operations, Sources().clock.now(), pauses)}
        opened = [(found[name], "opened") for name in found.keys() - self._open.keys()]
        ended = [(self._open[name], "ended") for name in self._open.keys() - found.keys()]
        for incident, became in (*opened, *ended):
            told = {"incident": became, **incident_record(incident)}
            self._invocation.answer(told, f"incident {incident_line(incident, became)}")
        self._open = found


async def _settle(wall: Seawall, seconds: float, report: _Report) -> tuple[list[Operation], list[str]]:
    """Run recovery until nothing that it can settle is open, or the time is over.

    Answers what is still open, and the systems that the configuration has.
    """
    clock = wall.sources.clock
    until = clock.monotonic() + seconds
    ended: list[str] = []
    wall.recovery.listeners.append(_collect(ended))
    before = {operation.id for operation in await newest(wall.ledger, (*_UNSETTLED, Status.HELD), limit=EVERY)}
    told: set[str] = set()
    survey_at = 0.0
    running = asyncio.create_task(wall.recovery.run())
    try:
        while True:
            try:
                await wall.pipeline.release.run_once()
                await _tell(wall, ended, told, report)
                if report.watches and clock.monotonic() >= survey_at:
                    survey_at = await _survey(wall, report)
                over = not report.watches and not await _anything_of_ours(wall)
            except LedgerUnavailable as error:
                if not report.watches:
                    raise
                _log.warning("waiting for the ledger: %s", error.message)
                over = False
            if over or clock.monotonic() >= until:
                break
            await clock.sleep(_LOOK)
        wall.recovery.stop()
        await running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    remaining = await _open_operations(wall)
    # What other processes settled meanwhile is told as well.
    still_held = await wall.ledger.find(status=Status.HELD, limit=EVERY)
    ended += sorted(before - {operation.id for operation in (*remaining, *still_held)})
    await _tell(wall, ended, told, report)
    return remaining, list(wall.systems)


def _collect(ended: list[str]) -> Callable[[Operation, Verdict], None]:
    def told(operation: Operation, verdict: Verdict) -> None:
        if verdict.status is not Status.UNKNOWN:
            ended.append(operation.id)

    return told


async def _tell(wall: Seawall, ended: list[str], told: set[str], report: _Report) -> None:
    while ended:
        if ended[0] not in told and (operation := await wall.ledger.get(ended[0])) is not None:
            report.operation(operation)
        told.add(ended.pop(0))


async def _survey(wall: Seawall, report: _Report) -> float:
    """Look at incidents; answers when to do so again."""
    clock = wall.sources.clock
    started = clock.monotonic()
    pauses = {name: system.breaker.retry_after() for name, system in wall.systems.items()}
    report.survey(await newest(wall.ledger, OPEN, limit=EVERY), pauses)
    taken = clock.monotonic() - started
    return clock.monotonic() + max(_SURVEY, 20 * taken)


async def _anything_of_ours(wall: Seawall) -> bool:
    """Whether anything is open; operations of systems that this configuration lacks are not ours to wait for."""
    counts: dict[tuple[str, Any], int] = await wall.ledger.counts()
    return any(system in wall.systems and status in _UNSETTLED for system, status in counts)


async def _open_operations(wall: Seawall) -> list[Operation]:
    return list(reversed(await newest(wall.ledger, _UNSETTLED, limit=EVERY)))

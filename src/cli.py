"""The command line: `seawall call | ops | recover | check-config`, and the commands that other packages add."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import math
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from .config import ConfigError, load_config
from .core.clock import Sources
from .core.errors import InvalidRequest, LedgerUnavailable
from .core.ledger.records import Operation, Status, Story
from .core.outcome import Rejected
from .core.settings import LedgerSettings
from .envelope import ExitCode, envelope, exit_code
from .terminal import EPILOG, Commands, Invocation, say

if TYPE_CHECKING:
    from .core.ledger import Ledger
    from .wall import Seawall

T = TypeVar("T")

_log = logging.getLogger("seawall.cli")
_EVERY = 1_000_000  # more operations than are ever open
_LOOK = 0.2  # seconds between two looks of `recover`


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
ops = typer.Typer(help="Look at operations in the ledger.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(ops, name="ops")

Context = typer.Context
ConfigFile = Annotated[Path, typer.Option("--config", "-c", metavar="FILE", help="The configuration.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer with one JSON object on stdout.")]
OperationId = Annotated[str, typer.Argument(metavar="OPERATION", help="Its id, such as op_4f1c….")]
SEAWALL_TOML = Path("seawall.toml")


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
    _show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    from .logs import set_up

    set_up(ctx.obj.secrets, level=logging.DEBUG if verbose else logging.WARNING)


@app.command(epilog=EPILOG)
def call(
    ctx: Context,
    *,
    target: Annotated[str, typer.Argument(metavar="SYSTEM.ACTION", help="Such as crm.create_case.")],
    request: Annotated[str, typer.Argument(metavar="JSON", help="A JSON object, @FILE, or - for stdin.")],
    principal: Annotated[str | None, typer.Option("--as", metavar="PRINCIPAL", help="Who asks.")] = None,
    deadline: Annotated[float | None, typer.Option(min=0.001, metavar="SECONDS", help="Answer within.")] = None,
    config: ConfigFile = SEAWALL_TOML,
    as_json: AsJson = False,
) -> None:
    """Do something in a system, at most once."""
    invocation = _invocation(ctx, as_json=as_json)
    try:
        fields = _request(request)
        outcome = asyncio.run(
            _with_wall(
                config, invocation, lambda wall: wall.call(target, fields, principal=principal, deadline=deadline)
            )
        )
    except ConfigError as error:
        outcome = Rejected(InvalidRequest(str(error), code="config"))
    except (InvalidRequest, LedgerUnavailable) as error:
        outcome = Rejected(error)
    told, code = envelope(outcome, target), exit_code(outcome)
    if code in (ExitCode.USAGE, ExitCode.LEDGER):
        typer.echo(f"seawall: {invocation.clean(told['summary'])}", err=True)
        if not as_json:
            raise typer.Exit(code)
    invocation.answer(told, _as_text(told), "green" if code == ExitCode.OK else "red")
    raise typer.Exit(code)


def _request(text: str) -> dict[str, Any]:
    if text == "-":
        text = sys.stdin.read()
    elif text.startswith("@"):
        try:
            text = Path(text[1:]).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise InvalidRequest(f"the request file {text[1:]} cannot be read: {reason}", code="request_file") from None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"the request is not valid JSON: {error}", code="invalid_json") from None
    if not isinstance(found, dict):
        raise InvalidRequest('the request must be a JSON object, such as {"reference": "A-1"}', code="invalid_json")
    return found


def _as_text(told: dict[str, Any]) -> str:
    lines = [told["summary"]]
    lines += [f"  {place}. {item['summary']}" for place, item in enumerate(told["items"] or (), 1)]
    lines += [f"  {name}: {told[name]}" for name in ("operation_id", "batch_id") if told[name]]
    if told["value"] is not None:
        lines.append(f"  value: {json.dumps(told['value'], default=str, ensure_ascii=False)}")
    return "\n".join(lines)


def _invocation(ctx: Context, *, as_json: bool) -> Invocation:
    invocation: Invocation = ctx.find_root().obj
    invocation.as_json = as_json
    return invocation


def _ask_ledger(path: Path, invocation: Invocation, question: Callable[[Ledger], Awaitable[T]]) -> T:
    settings = load_config(path, invocation.secrets).ledger
    if not Path(settings.path).exists():
        raise InvalidRequest(f"there is no ledger {settings.path} yet: nothing was ever recorded", code="no_ledger")
    return asyncio.run(_asked_ledger(settings, question))


async def _asked_ledger(settings: LedgerSettings, question: Callable[[Ledger], Awaitable[T]]) -> T:
    from .core.ledger import Ledger

    ledger = await Ledger.open(settings, Sources(), heartbeat=False)
    try:
        return await question(ledger)
    finally:
        await ledger.close()


@ops.command("list")
def ops_list(
    ctx: Context,
    *,
    system: Annotated[str | None, typer.Option(help="Only of this system.")] = None,
    status: Annotated[list[Status] | None, typer.Option(help="Only of this status; may be repeated.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 50,
    config: ConfigFile = SEAWALL_TOML,
    as_json: AsJson = False,
) -> None:
    """List operations, newest first."""
    from .listing import as_record, operations_table

    invocation = _invocation(ctx, as_json=as_json)
    wanted = status or list(Status)
    found = _ask_ledger(config, invocation, lambda ledger: _newest(ledger, wanted, system=system, limit=limit))
    if as_json:
        invocation.answer({"operations": [as_record(operation) for operation in found]}, "")
    elif not found:
        say("No operations.")
    else:
        invocation.show(operations_table(found, Sources().clock.now(), invocation.clean))


async def _newest(
    ledger: Ledger, statuses: Sequence[Status], *, system: str | None = None, limit: int
) -> list[Operation]:
    found = [one for status in statuses for one in await ledger.find(system=system, status=status, limit=limit)]
    return sorted(found, key=lambda operation: operation.created_at, reverse=True)[:limit]


@ops.command("show")
def ops_show(
    ctx: Context, operation: OperationId, *, config: ConfigFile = SEAWALL_TOML, as_json: AsJson = False
) -> None:
    """Show the whole record of one operation."""
    from .listing import story_record, story_text

    invocation = _invocation(ctx, as_json=as_json)
    story = _story(config, invocation, operation)
    told = story_record(story)
    invocation.answer(told, story_text(told))


@ops.command("explain")
def ops_explain(
    ctx: Context, operation: OperationId, *, config: ConfigFile = SEAWALL_TOML, as_json: AsJson = False
) -> None:
    """Tell the story of one operation in words."""
    from .explain import explain

    invocation = _invocation(ctx, as_json=as_json)
    story = _story(config, invocation, operation)
    told = explain(story, Sources().clock.now())
    invocation.answer(told.to_json(), told.text(), "green" if told.status is Status.APPLIED else "yellow")


def _story(config: Path, invocation: Invocation, operation_id: str) -> Story:
    story = _ask_ledger(config, invocation, lambda ledger: ledger.story(operation_id))
    if story is None:
        raise InvalidRequest(f"the ledger knows no operation {operation_id!r}", code="unknown_operation")
    return story


@app.command(epilog=EPILOG)
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
    from .listing import as_record, became

    invocation = _invocation(ctx, as_json=as_json)
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
    remaining = asyncio.run(_with_wall(config, invocation, lambda wall: _settle(wall, seconds, report)))
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
    found = await _newest(wall.ledger, (Status.RUNNING, Status.UNKNOWN), limit=_EVERY)
    return {operation.id: operation for operation in reversed(found)}


@app.command("check-config", epilog=EPILOG)
def check_config(
    ctx: Context,
    *,
    connect: Annotated[bool, typer.Option("--connect", help="Also log in to each system and check it.")] = False,
    config: ConfigFile = SEAWALL_TOML,
    as_json: AsJson = False,
) -> None:
    """Validate the configuration, and list it.

    For each action: what it does, how a repetition is recognised, and what happens after a lost reply.
    """
    from .survey import survey, survey_tables

    invocation = _invocation(ctx, as_json=as_json)
    told = asyncio.run(survey(config, invocation.secrets, connect=connect))
    if as_json:
        invocation.answer(told, "")
    else:
        invocation.show(*survey_tables(told, invocation.clean))
    if told["problems"]:
        raise typer.Exit(ExitCode.USAGE)


async def _with_wall(path: Path, invocation: Invocation, work: Callable[[Seawall], Awaitable[T]]) -> T:
    from .wall import Seawall

    # Recovery is driven by `seawall recover` alone, so that a call does what it was asked for and nothing else.
    async with Seawall.from_config(path, secrets=invocation.secrets, recovery=False) as wall:
        return await work(wall)

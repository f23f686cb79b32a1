"""`seawall overrides`: what people stop and let go on."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from ..config import load_config
from ..core.clock import Sources
from ..core.errors import InvalidRequest
from ..core.ledger.override_records import Override
from ..terminal import Invocation, say
from .shared import SEAWALL_TOML, AsJson, ConfigFile, Context, invocation_of, known_ledger

if TYPE_CHECKING:
    from ..core.overrides import Overrides
    from ..core.settings import LedgerSettings

T = TypeVar("T")

overrides = typer.Typer(
    help="Stop what goes wrong, and let it go on: in force in every process within a second.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

SystemName = Annotated[str, typer.Argument(metavar="SYSTEM", help="Its name in the configuration.")]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who does it; recorded.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; recorded, and told to agents.")]

_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


@overrides.command("list")
def overrides_list(
    ctx: Context,
    *,
    limit: Annotated[int, typer.Option(min=1, help="At most so many of the past, the newest.")] = 20,
    config: ConfigFile = SEAWALL_TOML,
    as_json: AsJson = False,
) -> None:
    """List what is in force, and what was before."""
    from ..override_listing import override_record, overrides_table

    invocation = invocation_of(ctx, as_json=as_json)

    async def both(one: Overrides) -> tuple[list[Override], list[Override]]:
        return await one.in_force(), await one.history(limit)

    in_force, history = _with_overrides(config, invocation, both)
    standing = {one.id for one in in_force}
    over, now = [one for one in history if one.id not in standing], Sources().clock.now()
    if as_json:
        told = {"in_force": in_force, "history": over}
        invocation.answer({name: [override_record(one, now) for one in found] for name, found in told.items()}, "")
        return
    say("In force:" if in_force else "Nothing is in force: all systems may be called.")
    if in_force:
        invocation.show(overrides_table(in_force, now, invocation.clean))
    if over:
        say("\nBefore:")
        invocation.show(overrides_table(over, now, invocation.clean))


@overrides.command("pause")
def overrides_pause(
    ctx: Context,
    system: SystemName,
    *,
    by: By,
    reason: Reason,
    everything: Annotated[bool, typer.Option("--all", help="Reads and probes, too; without it only writes.")] = False,
    lasts: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="Goes on by itself after 90s, 15m, 2h or 1d.")
    ] = None,
    config: ConfigFile = SEAWALL_TOML,
    as_json: AsJson = False,
) -> None:
    """Send no more writes to a system. What is on the wire comes to its end; nothing is lost."""
    seconds = None if lasts is None else _seconds(lasts)
    _act(
        ctx,
        config,
        lambda one: one.pause(system, by=by, reason=reason, everything=everything, lasts=seconds),
        as_json=as_json,
    )


@overrides.command("resume")
def overrides_resume(
    ctx: Context,
    system: SystemName,
    *,
    by: By,
    reason: Reason,
    config: ConfigFile = SEAWALL_TOML,
    as_json: AsJson = False,
) -> None:
    """Let a paused system go on."""
    _act(ctx, config, lambda one: one.resume(system, by=by, reason=reason), as_json=as_json)


@overrides.command("trip")
def overrides_trip(
    ctx: Context,
    system: SystemName,
    *,
    by: By,
    reason: Reason,
    config: ConfigFile = SEAWALL_TOML,
    as_json: AsJson = False,
) -> None:
    """Hold the breaker of a system open, until it is reset."""
    _act(ctx, config, lambda one: one.trip(system, by=by, reason=reason), as_json=as_json)


@overrides.command("reset")
def overrides_reset(
    ctx: Context,
    system: SystemName,
    *,
    by: By,
    reason: Reason,
    config: ConfigFile = SEAWALL_TOML,
    as_json: AsJson = False,
) -> None:
    """Close the breakers of a system in every process, whether failures or a person opened them."""
    _act(ctx, config, lambda one: one.reset(system, by=by, reason=reason), as_json=as_json)


@overrides.command("stop")
def overrides_stop(
    ctx: Context, *, by: By, reason: Reason, config: ConfigFile = SEAWALL_TOML, as_json: AsJson = False
) -> None:
    """Send nothing more to any system."""
    _act(ctx, config, lambda one: one.stop(by=by, reason=reason), as_json=as_json)


@overrides.command("start")
def overrides_start(
    ctx: Context, *, by: By, reason: Reason, config: ConfigFile = SEAWALL_TOML, as_json: AsJson = False
) -> None:
    """End a stop. What is paused or tripped stays so."""
    _act(ctx, config, lambda one: one.start(by=by, reason=reason), as_json=as_json)


def _act(
    ctx: Context,
    config: Path,
    act: Callable[[Overrides], Awaitable[Override | Sequence[Override]]],
    *,
    as_json: bool,
) -> None:
    from ..override_listing import override_record, override_text

    invocation = invocation_of(ctx, as_json=as_json)
    done = _with_overrides(config, invocation, act)
    found, now = [done] if isinstance(done, Override) else list(done), Sources().clock.now()
    invocation.answer(
        {"overrides": [override_record(one, now) for one in found]}, "\n".join(override_text(one, now) for one in found)
    )


def _with_overrides(config: Path, invocation: Invocation, work: Callable[[Overrides], Awaitable[T]]) -> T:
    """Open the ledger alone: no connector is needed, and no process that serves."""
    systems = load_config(config, invocation.secrets).systems
    return asyncio.run(_asked(known_ledger(config, invocation), systems, invocation, work))


async def _asked(
    settings: LedgerSettings,
    systems: Collection[str],
    invocation: Invocation,
    work: Callable[[Overrides], Awaitable[T]],
) -> T:
    from ..core.in_force import InForce
    from ..core.ledger import Ledger
    from ..core.overrides import Overrides
    from ..core.settings import OverrideSettings

    sources = Sources()
    ledger = await Ledger.open(settings, sources, heartbeat=False)
    try:
        # Its breakers are in the processes that serve; each sees the reset and closes its own.
        in_force = InForce(ledger.overrides, sources, OverrideSettings().interval, lambda _system, _why: None)
        return await work(Overrides(in_force, ledger, systems, sources, invocation.secrets))
    finally:
        await ledger.close()


def _seconds(text: str) -> float:
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise InvalidRequest(f"--for {text!r} is no time; say it as 90s, 15m, 2h or 1d", code="lasts")
    return float(found[1]) * _SECONDS[found[2]]

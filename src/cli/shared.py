"""What the commands share: their options, one invocation, the ledger as a reader, a wall that settles nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from ..config import load_config
from ..core.clock import Sources
from ..core.errors import InvalidRequest
from ..core.ledger.records import Operation, Status
from ..core.settings import LedgerSettings
from ..terminal import Invocation

if TYPE_CHECKING:
    from ..core.ledger import Ledger
    from ..wall import Seawall

T = TypeVar("T")

Context = typer.Context
ConfigFile = Annotated[Path, typer.Option("--config", "-c", metavar="FILE", help="The configuration.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer with one JSON object on stdout.")]
OperationId = Annotated[str, typer.Argument(metavar="OPERATION", help="Its id, such as op_4f1c….")]
SEAWALL_TOML = Path("seawall.toml")
EVERY = 1_000_000
"""More operations than are ever open."""
OPEN = (Status.RUNNING, Status.UNKNOWN, Status.PARKED)


def invocation_of(ctx: Context, *, as_json: bool) -> Invocation:
    """This run of the command line.

    Args:
        ctx: The command's context.
        as_json: Whether it answers in JSON.
    """
    invocation: Invocation = ctx.find_root().obj
    invocation.as_json = as_json
    return invocation


def ask_ledger(path: Path, invocation: Invocation, question: Callable[[Ledger], Awaitable[T]]) -> T:
    """Open the ledger of a configuration, which must exist, ask it, and close it.

    Args:
        path: The configuration file.
        invocation: Its secrets are registered here.
        question: What to ask.

    Raises:
        ConfigError: With the one thing to mend.
        InvalidRequest: There is no ledger yet.
        LedgerUnavailable: It cannot be used.
    """
    return asyncio.run(_asked_ledger(known_ledger(path, invocation), question))


def known_ledger(path: Path, invocation: Invocation) -> LedgerSettings:
    """The settings of a configuration's ledger, which must exist.

    Args:
        path: The configuration file.
        invocation: Its secrets are registered here.

    Raises:
        ConfigError: With the one thing to mend.
        InvalidRequest: There is no ledger yet.
    """
    settings = load_config(path, invocation.secrets).ledger
    if settings.url is None and not Path(settings.path).exists():
        raise InvalidRequest(f"there is no ledger {settings.path} yet: nothing was ever recorded", code="no_ledger")
    return settings


def argument_text(text: str, name: str) -> str:
    """An argument's text, or that of the file that it names as `@FILE`.

    Args:
        text: The argument.
        name: What to call it in an error.

    Raises:
        InvalidRequest: The file cannot be read.
    """
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise InvalidRequest(f"the {name} file {text[1:]} cannot be read: {reason}", code=f"{name}_file") from None


def time_of(given: str, option: str) -> float:
    """Seconds since the epoch, given as such or in ISO 8601; without a zone it is UTC.

    Args:
        given: The time.
        option: What to call it in an error.

    Raises:
        InvalidRequest: It is no time.
    """
    try:
        return float(given)
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(given)
    except ValueError:
        raise InvalidRequest(
            f"{option} {given!r} is no time; write it as 2026-11-23T02:00Z, or in seconds since 1970",
            code="invalid_time",
        ) from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


async def _asked_ledger(settings: LedgerSettings, question: Callable[[Ledger], Awaitable[T]]) -> T:
    from ..core.ledger import Ledger

    ledger = await Ledger.open(settings, Sources(), heartbeat=False)
    try:
        return await question(ledger)
    finally:
        await ledger.close()


async def newest(
    ledger: Ledger, statuses: Sequence[Status], *, system: str | None = None, limit: int
) -> list[Operation]:
    """Operations of some statuses, newest first.

    Args:
        ledger: The ledger.
        statuses: Those wanted.
        system: Of this system only.
        limit: At most so many.
    """
    found = [one for status in statuses for one in await ledger.find(system=system, status=status, limit=limit)]
    return sorted(found, key=lambda operation: operation.created_at, reverse=True)[:limit]


async def with_wall(path: Path, invocation: Invocation, work: Callable[[Seawall], Awaitable[T]]) -> T:
    """Open a Seawall that settles nothing by itself, so that a command does what it was asked for and nothing else.

    Args:
        path: The configuration file.
        invocation: Its secrets are registered here.
        work: What to do with it.
    """
    from ..wall import Seawall

    async with Seawall.from_config(path, secrets=invocation.secrets, recovery=False) as wall:
        return await work(wall)

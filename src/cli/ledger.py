"""`seawall ledger`: the ledger's own tables, and a ledger that was restored from a backup."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from ..core.clock import Sources
from ..core.errors import InvalidRequest
from ..core.ledger.records import Restore
from ..envelope import ExitCode
from .shared import SEAWALL_TOML, AsJson, ConfigFile, Context, ask_ledger, invocation_of, known_ledger

ledger = typer.Typer(
    help="Upgrade or check the ledger's tables; say that it was restored.", no_args_is_help=True, rich_markup_mode=None
)

Time = Annotated[str, typer.Option("--at", metavar="TIME", help="When the backup was made: 2026-11-23T02:00Z.")]
Until = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Until when an unknown request counts as possibly sent; for ever by default."),
]


@ledger.command("upgrade")
def upgrade(ctx: Context, *, config: ConfigFile = SEAWALL_TOML, as_json: AsJson = False) -> None:
    """Bring the ledger's tables to the version that this Seawall needs, all or nothing.

    Stop whatever works on the ledger first, and make a backup.
    """
    from ..core.ledger.upgrading import upgrade

    invocation = invocation_of(ctx, as_json=as_json)
    before, after = upgrade(known_ledger(config, invocation))
    said = f"The ledger is at schema {after} already." if before == after else f"Schema {before} became {after}."
    invocation.answer({"before": before, "after": after}, said, "green")


@ledger.command("check")
def check(ctx: Context, *, config: ConfigFile = SEAWALL_TOML, as_json: AsJson = False) -> None:
    """Compare the ledger's tables with what they should be; changes nothing."""
    from ..core.ledger.upgrading import check

    invocation = invocation_of(ctx, as_json=as_json)
    found = check(known_ledger(config, invocation))
    told = {
        "ledger": found.where,
        "schema": found.version,
        "newest": found.newest,
        "problems": [invocation.clean(problem) for problem in found.problems],
    }
    lines = [f"{found.where}: schema {found.version}, newest {found.newest}."]
    lines += found.problems or ["Nothing is wrong with its tables."]
    invocation.answer(told, invocation.clean("\n".join(lines)), "red" if found.problems else "green")
    if found.problems:
        raise typer.Exit(ExitCode.LEDGER)


@ledger.command("restored")
def restored(
    ctx: Context, *, at: Time, until: Until = None, config: ConfigFile = SEAWALL_TOML, as_json: AsJson = False
) -> None:
    """Say that the ledger was just restored from an old backup, before anything works on it again.

    What was done between the backup and now is not in it. So a request that it does not know counts as possibly sent:
    the target is asked before anything is sent. So does every operation that it has as running, unknown or parked.
    """
    invocation = invocation_of(ctx, as_json=as_json)
    backup_at, last = parse_time(at, "--at"), None if until is None else parse_time(until, "--until")
    restore, presumed = ask_ledger(config, invocation, lambda ledger: ledger.restored(backup_at, until=last))
    told = {
        "backup_at": restore.backup_at,
        "restored_at": restore.restored_at,
        "until": restore.until,
        "possibly_sent": presumed,
    }
    invocation.answer(told, _in_words(restore, presumed), "green")


def _in_words(restore: Restore, presumed: int) -> str:
    now = Sources().clock.now()
    lasting = "for good" if restore.until is None else f"until {_shown(restore.until)}"
    operations = "1 operation of the backup counts" if presumed == 1 else f"{presumed} operations of the backup count"
    return (
        f"Restored from a backup of {_shown(restore.backup_at)}, {now - restore.backup_at:.0f} s old. {operations} as "
        f"possibly sent; {lasting}, requests that the ledger does not know are looked up before they are sent."
    )


def _shown(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def parse_time(given: str, option: str) -> float:
    """Seconds since the epoch, given as such or in ISO 8601; without a zone it is UTC.

    Args:
        given: The time.
        option: The option that has it, for the error.

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

"""`seawall audit`: verify it, look through it, export it, and forget what an operation was about."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import typer

from ..config import Config, ConfigError, load_config
from ..core.clock import Sources
from ..core.errors import InvalidRequest
from ..envelope import ExitCode
from ..terminal import EPILOG
from .resolve import By, Reason
from .shared import (
    SEAWALL_TOML,
    AsJson,
    ConfigFile,
    Context,
    OperationId,
    ask_ledger,
    invocation_of,
    known_ledger,
    time_of,
)

if TYPE_CHECKING:
    from ..audit.report import Report
    from ..audit.scratch import Told
    from ..audit.verifying import Step
    from ..core.ledger import Ledger

audit = typer.Typer(
    help="Verify, search and export the audit; erase what an operation was about.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_NAMED = 50  # faults that are shown; JSON has more of them
Keys = Annotated[
    list[str] | None, typer.Option("--key", metavar="BASE64", help="Public key whose checkpoints count; repeatable.")
]
Exported = Annotated[
    Path | None, typer.Option("--checkpoints", metavar="FILE", help="The exported checkpoints; best another's copy.")
]


@audit.command("verify", epilog=EPILOG)
def verify(
    ctx: Context,
    *,
    checkpoints: Exported = None,
    key: Keys = None,
    bundle: Annotated[
        Path | None, typer.Option("--bundle", metavar="FILE", help="Verify an exported audit, without the ledger.")
    ] = None,
    config: ConfigFile = SEAWALL_TOML,
    as_json: AsJson = False,
) -> None:
    """Find out whether the audit, or what it tells of, was tampered with. Exits with 0 if not, with 1 if so.

    Rows that were altered, exchanged, put in or taken out are found by their hashes and by what the tables hold. A
    chain that was cut off or written anew is found by checkpoints: so name those that were exported, and the key.
    """
    from ..audit.bundle import verify_bundle
    from ..audit.verifying import verify_ledger

    invocation = invocation_of(ctx, as_json=as_json)
    if checkpoints is not None and not checkpoints.exists():
        raise InvalidRequest(f"there is no file {checkpoints}", code="checkpoints_file")
    if bundle is not None:
        report = verify_bundle(bundle, exported=checkpoints, keys=key or ())
    else:
        settings = known_ledger(config, invocation)
        loaded = load_config(config, invocation.secrets)
        exported = checkpoints or _exported(loaded)
        with _Progress(shown=not as_json and sys.stderr.isatty()) as progress:
            report = verify_ledger(settings, exported=exported, keys=key or _keys(loaded), step=progress.step)
    invocation.answer(report.as_record(), _in_words(report), "green" if report.intact else "red")
    raise typer.Exit(ExitCode.OK if report.intact else ExitCode.REJECTED)


@audit.command("search", epilog=EPILOG)
def search(
    ctx: Context,
    *,
    operation: Annotated[str | None, typer.Option(metavar="ID", help="Of this operation.")] = None,
    principal: Annotated[str | None, typer.Option(metavar="NAME", help="Asked for or decided by.")] = None,
    kind: Annotated[str | None, typer.Option(metavar="KIND", help="intent, attempt, verdict, decision, …")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Not before: 2026-11-23T02:00Z.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Not after.")] = None,
    text: Annotated[str | None, typer.Option(metavar="TEXT", help="Anywhere in the event.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    config: ConfigFile = SEAWALL_TOML,
    as_json: AsJson = False,
) -> None:
    """Show what happened, newest first. With --json it is one object a line."""
    from ..audit.searching import Wanted
    from ..audit.searching import search as found
    from ..core.ledger.snapshot import snapshot

    invocation = invocation_of(ctx, as_json=as_json)
    wanted = Wanted(
        operation,
        principal,
        kind,
        None if since is None else time_of(since, "--since"),
        None if until is None else time_of(until, "--until"),
        text,
    )
    with snapshot(known_ledger(config, invocation)) as ledger:
        for _, told in zip(range(limit), found(ledger, wanted), strict=False):
            at = {"chain": told.chain, "number": told.number, "sealed_at": told.at}
            invocation.answer(at | told.event, _line(told))


@audit.command("export", epilog=EPILOG)
def export(
    ctx: Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where it goes; one JSON object a line.")],
    *,
    config: ConfigFile = SEAWALL_TOML,
    as_json: AsJson = False,
) -> None:
    """Write the whole audit into one file, which `seawall audit verify --bundle FILE` verifies without the ledger."""
    from ..audit.bundle import write_bundle
    from ..core.ledger.snapshot import snapshot

    invocation = invocation_of(ctx, as_json=as_json)
    settings = known_ledger(config, invocation)
    keys = _keys(load_config(config, invocation.secrets))
    with snapshot(settings) as ledger:
        manifest = write_bundle(file, ledger, keys, Sources().clock.now())
    said = f"{manifest['rows']} rows and {manifest['checkpoints']} checkpoints are in {file}, sha256 "
    invocation.answer(manifest, said + manifest["sha256"])


@audit.command("key", epilog=EPILOG)
def key(
    ctx: Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the private key goes.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Make a key that signs checkpoints (`[audit] key`), and print its public half for `verify --key`."""
    from ..keys import KeyFileError, make_key, public_key

    invocation = invocation_of(ctx, as_json=as_json)
    try:
        public = public_key(make_key(file))
    except KeyFileError as error:
        raise ConfigError(str(error)) from None
    invocation.answer({"key": str(file), "public": public}, public)


@audit.command("checkpoint", epilog=EPILOG)
def checkpoint(ctx: Context, *, config: ConfigFile = SEAWALL_TOML, as_json: AsJson = False) -> None:
    """Make a checkpoint of all chains now, and export what waits."""
    from ..audit.keeping import Checkpoints, configured_key

    invocation = invocation_of(ctx, as_json=as_json)
    known_ledger(config, invocation)
    settings = load_config(config, invocation.secrets).audit
    signing = configured_key(settings)
    if signing is None:
        raise ConfigError("audit.key names no key to sign with; make one with: seawall audit key FILE")

    async def make(ledger: Ledger) -> tuple[str | None, int]:
        keeper = Checkpoints(ledger, settings, signing, Sources().clock)
        try:
            return await keeper.make(complete=True), await keeper.export()
        finally:
            await keeper.let_go()

    line, waiting = ask_ledger(config, invocation, make)
    if line is None:
        raise InvalidRequest("the audit is empty: there is nothing to make a checkpoint of", code="empty")
    told = json.loads(line)
    said = f"Checkpoint {told['checkpoint']} has {told['rows']} rows in {told['chains']} chains"
    invocation.answer({"checkpoint": told, "waiting": waiting}, f"{said}; {waiting} wait to be exported.")


@audit.command("erase", epilog=EPILOG)
def erase(
    ctx: Context,
    operation: OperationId,
    *,
    by: By,
    reason: Reason,
    config: ConfigFile = SEAWALL_TOML,
    as_json: AsJson = False,
) -> None:
    """Forget what a settled operation was about: request, identity, outcome, errors and reasons.

    That it was done, by whom and when stays, and the audit stays whole. The same request is still recognised, and sent
    no second time.
    """
    invocation = invocation_of(ctx, as_json=as_json)
    known_ledger(config, invocation)  # from now on the secrets are known, and kept out of the reason
    by, reason = invocation.clean(by).strip(), invocation.clean(reason).strip()
    if not by or len(by) > 64 or not reason:
        raise InvalidRequest("say who decides it (in up to 64 characters) and why", code="erasure")
    erased = ask_ledger(config, invocation, lambda ledger: ledger.erase(operation, by=by, reason=reason))
    said = f"What {operation} was about is erased." if erased else f"{operation} was erased before."
    invocation.answer({"operation": operation, "erased": erased}, said, "green")


def _exported(config: Config) -> Path | None:
    where = config.audit.checkpoints
    return None if where is None or where.startswith(("http://", "https://")) else Path(where)


def _keys(config: Config) -> list[str]:
    from ..audit.keeping import configured_key
    from ..keys import public_key

    if config.audit.key is None or not Path(config.audit.key).exists():
        return []  # whoever verifies need not have the private key
    found = configured_key(config.audit)
    return [] if found is None else [public_key(found)]


def _in_words(report: Report) -> str:
    if report.intact:
        lines = [f"Intact: {report.rows} rows in {len(report.chains)} chains, {report.events} events"]
        lines[0] += "." if report.operations is None else f", {report.operations} operations agree with them."
    else:
        lines = [f"TAMPERED WITH: {len(report.faults) + report.more} faults in {report.rows} rows."]
        lines += [f"{one.where}: {one.said}{_since(one.since)}" for one in report.faults[:_NAMED]]
        if len(report.faults) + report.more > _NAMED:
            lines.append(f"and {len(report.faults) + report.more - _NAMED} more")
        lines += [
            f"audit {chain}: intact from row 1 to {good} of {rows}" if good else f"audit {chain}: not intact from row 1"
            for chain, (good, rows) in report.chains.items()
            if good != rows or not rows
        ]
    until = f", the last of {_shown(report.covered_until)}" if report.covered_until is not None else ""
    lines.append(f"{report.checkpoints} checkpoints{until}.")
    return "\n".join([*lines, *report.limits()])


def _since(since: float | None) -> str:
    return "" if since is None else f" (right until {_shown(since)})"


def _line(told: Told) -> str:
    event = dict(told.event)
    private = event.pop("private", None)
    kind, operation = event.pop("kind"), event.pop("operation", None)
    facts = ", ".join(f"{name} {value}" for name, value in event.items())
    parts = [_shown(told.at), kind, *([operation] if operation else []), facts]
    if private:
        parts.append(f"(commits to {', '.join(private)})")
    return "  ".join(part for part in parts if part)


def _shown(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


class _Progress:
    """A bar on stderr, where somebody sees it."""

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown

    def __enter__(self) -> Self:
        from rich.console import Console
        from rich.progress import Progress

        self._bar = Progress(console=Console(stderr=True), transient=True, disable=not self._shown)
        self._task = self._bar.add_task("rows", total=None)
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    @property
    def step(self) -> Step:
        """See `verifying.Step`."""
        if not self._shown:
            return lambda _: None

        def step(rows: int) -> None:
            if rows < 0:
                self._bar.update(self._task, total=-rows)
            else:
                self._bar.advance(self._task, rows)

        return step

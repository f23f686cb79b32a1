"""How the command line speaks and ends: one answer, one clear message, one exit code."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from typer.core import TyperGroup

from .config import ConfigError
from .core.errors import IntegrationError, LedgerUnavailable
from .core.redaction import Secrets
from .envelope import ExitCode

if TYPE_CHECKING:
    from rich.console import RenderableType

EPILOG = """
Exit codes: 0 applied, or the question was answered. 1 rejected: no effect, now or later (a denial by policy too).
2 wrong command line, configuration or request: nothing was sent. 3 not known yet, or still running.
4 not known, and a person must decide. 5 a batch of which not every item is applied.
6 the ledger cannot be used: nothing was sent. 7 not done: people must approve it first.
70 a mistake in Seawall itself. 130 interrupted. 141 the output could not be written.
"""

_EXTRA = "pip install 'seawall[simulators]'"
_SOAP = "pip install 'seawall[soap]'"
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@dataclass
class Invocation:
    """One run of the command line: its secrets, and whether it answers in JSON."""

    secrets: Secrets = field(default_factory=Secrets)
    as_json: bool = False

    def clean(self, text: str) -> str:
        """`text` for a terminal: no secrets, no control codes, nothing that shows it in another order."""
        return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", self.secrets.scrub(text))

    def answer(self, told: dict[str, Any], text: str, colour: str | None = None) -> None:
        """Print one answer: as one JSON object, or as text."""
        if self.as_json:
            say(json.dumps(self.secrets.scrub_all(told), default=str))
            return
        first, newline, rest = self.clean(text).partition("\n")
        say(typer.style(first, fg=colour, bold=True) + newline + rest if colour else first + newline + rest)

    def show(self, *parts: RenderableType) -> None:
        """Print tables and headings whose texts are clean, as wide as they need to be where nobody sees a terminal."""
        from rich.console import Console

        console = Console(width=None if sys.stdout.isatty() else 200)
        with console.capture() as captured:
            for part in parts:
                console.print(part)
        lines = captured.get().rstrip("\n").split("\n")
        say("\n".join(line.rstrip() for line in lines))

    def fail(self, message: str, code: ExitCode, record: dict[str, Any] | None = None) -> NoReturn:
        """Say what is wrong on stderr (and as JSON where that is wanted), and end."""
        if self.as_json:
            told = record or {"type": "Usage", "message": message, "effect": "none"}
            say(json.dumps(self.secrets.scrub_all({"error": told}), default=str))
        typer.echo(f"seawall: {self.clean(message)}", err=True)
        raise typer.Exit(code)


class Commands(TyperGroup):
    """Our commands and those of the entry-point group `seawall.commands`, which are loaded only when asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of all commands."""
        return [*super().list_commands(ctx), *sorted(entry.name for entry in _entries())]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """One command by its name; None if there is none."""
        found = super().get_command(ctx, cmd_name)
        if found is None:
            found = next((_loaded(entry) for entry in _entries() if entry.name == cmd_name), None)
        return found

    def invoke(self, ctx: Any) -> Any:
        """Run a command so that it ends with one clear message, whatever happens."""
        ctx.obj = Invocation()
        with _one_clear_end(ctx.obj):
            return super().invoke(ctx)


def _entries() -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group="seawall.commands"))


def _loaded(entry: EntryPoint) -> Any:
    options: dict[str, Any] = {}
    try:
        target = entry.load()
    except ModuleNotFoundError as error:
        target = _missing(error)
        options = {"context_settings": {"ignore_unknown_options": True, "allow_extra_args": True}}
    if not isinstance(target, typer.Typer):
        wrapped = typer.Typer(add_completion=False, rich_markup_mode=None)
        wrapped.command(entry.name, **options)(target)
        target = wrapped
    return typer.main.get_command(target)


def _missing(error: ModuleNotFoundError) -> Callable[[], None]:
    def command() -> None:
        raise error

    command.__doc__ = f"Needs more packages: {_EXTRA}"
    return command


@contextmanager
def _one_clear_end(invocation: Invocation) -> Iterator[None]:
    try:
        yield
    except (typer.Exit, typer.Abort, typer.TyperException):
        raise
    except KeyboardInterrupt:
        typer.echo(
            "seawall: interrupted. What was sent is in the ledger: `seawall ops list --status unknown` shows it, "
            "`seawall recover` finds out what became of it.",
            err=True,
        )
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    except BrokenPipeError:
        _output_lost()
    except ConfigError as error:
        invocation.fail(str(error), ExitCode.USAGE)
    except IntegrationError as error:
        code = ExitCode.LEDGER if isinstance(error, LedgerUnavailable) else ExitCode.USAGE
        invocation.fail(error.message, code, error.to_record())
    except ModuleNotFoundError as error:
        extra = _SOAP if str(error.name).partition(".")[0] in ("lxml", "zeep") else _EXTRA
        invocation.fail(f"this command needs {error.name}, which is not installed: {extra}", ExitCode.USAGE)
    except Exception as error:
        # Whatever it is, it must not end with 1: that would say "rejected, no effect".
        logging.getLogger("seawall.cli").debug("unexpected error", exc_info=True)
        invocation.fail(
            f"a mistake in Seawall itself ({type(error).__name__}: {error}). "
            "What was sent is in the ledger; --verbose shows where it happened.",
            ExitCode.BUG,
        )


def say(text: str) -> None:
    """Print on stdout; a reader that went away or a full disk ends the command, quietly or with one line."""
    try:
        typer.echo(text)
    except BrokenPipeError:
        _output_lost()
    except OSError as error:
        _output_lost(f"seawall: the output cannot be written ({error.strerror}).")


def _output_lost(message: str | None = None) -> NoReturn:
    if message:
        typer.echo(message, err=True)
    # The interpreter flushes stdout once more when it ends; that must not fail again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise typer.Exit(ExitCode.BROKEN_PIPE)

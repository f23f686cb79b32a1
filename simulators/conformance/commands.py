"""`seawall conformance`: try an adapter without a test suite, make keys, and verify reports."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from ...conformance import Report, ReportError, read_report, verify_report
from ..chaos.subject import SubjectError
from ..chaos.subjects import SUBJECTS, load_subject
from .ladder import CaseResult
from .reporting import load_key, make_key, make_report, public_key, write_report
from .running import BY_NAME, run_all
from .trial import Trial

conformance = typer.Typer(
    name="conformance",
    help="Try what an adapter claims, and compute the tier that it reaches.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@conformance.callback()
def _begin() -> None:
    # What goes wrong here is meant to; the wall's own warnings would only hide the results.
    logging.getLogger("seawall").setLevel(logging.CRITICAL)
    sys.path.insert(0, str(Path.cwd()))  # subjects of one's own lie where one works


@conformance.command("run")
def run_command(
    subject: Annotated[str, typer.Argument(help=f"{', '.join(SUBJECTS)}, or module:Class for your own.")],
    *,
    report: Annotated[Path | None, typer.Option(help="Write the report here.")] = None,
    key: Annotated[
        Path | None, typer.Option(help="Sign it with this private key.", envvar="SEAWALL_CONFORMANCE_KEY")
    ] = None,
    check: Annotated[list[str] | None, typer.Option(help="Only this check; may be repeated.")] = None,
) -> None:
    """Try everything that an adapter claims. Exits with 1 if something failed."""
    for name in check or ():
        if name not in BY_NAME:
            _stop(f"there is no check {name!r}; there are: {', '.join(BY_NAME)}")
    out = Console()
    try:
        trial = Trial(load_subject(subject))
        signing = None if key is None else load_key(key)
    except (LookupError, ReportError) as error:
        _stop(str(error.args[0]))

    def show(result: CaseResult) -> None:
        if result.state == "failed":
            out.print(f"FAILED {result.rule}[{result.case}]\n{result.reason}\n", markup=False, highlight=False)

    try:
        made = make_report(trial, run_all(trial, only=check or (), on_result=show), time.time())
    except SubjectError as error:
        _stop(str(error))
    if report is not None:
        write_report(report, made, signing)
    _print(out, made)
    if any(rule.state == "failed" for rule in made.rules):
        raise typer.Exit(1)


@conformance.command("show")
def show_command(file: Annotated[Path, typer.Argument(help="A report.")]) -> None:
    """Show a report, signed or not."""
    try:
        found = read_report(file)
    except ReportError as error:
        _stop(str(error))
    out = Console()
    _print(out, found.report)
    out.print("not signed" if found.signature is None else f"says that {found.signature.key} signed it")


@conformance.command("verify")
def verify_command(
    file: Annotated[Path, typer.Argument(help="A report.")],
    *,
    key: Annotated[
        list[str], typer.Option(help="A public key whose word counts, as `seawall conformance key` printed it.")
    ],
) -> None:
    """Believe a report only if one of the keys signed it. Exits with 1 if not."""
    if files := [one for one in key if Path(one).is_file()]:
        _stop(f"--key takes the public key itself, as `seawall conformance key` printed it, and {files[0]} is a file")
    try:
        report = verify_report(file, key)
    except ReportError as error:
        _stop(str(error))
    Console().print(f"{report.adapter} {report.version} ({report.subject}): {report.tier or 'no tier'}")


@conformance.command("key")
def key_command(file: Annotated[Path, typer.Argument(help="Where the private key goes.")]) -> None:
    """Make a key to sign reports with, and print its public half."""
    try:
        made = make_key(file)
    except ReportError as error:
        _stop(str(error))
    Console().print(public_key(made))


def _print(out: Console, report: Report) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("tier", "rule", "state", "held", ""):
        table.add_column(heading, overflow="fold")
    for rule in report.rules:
        why = ", ".join(rule.failed) if rule.failed else "; ".join(rule.reasons)
        table.add_row(rule.tier, rule.rule, rule.state, str(rule.passed), why)
    out.print(table)
    out.print(f"{report.subject} ({report.adapter} {report.version}): {report.tier or 'no tier'}")


def _stop(why: str) -> NoReturn:
    Console(stderr=True).print(why, markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(1)

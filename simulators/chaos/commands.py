"""`seawall chaos`: prove or break an adapter without a test suite."""

from __future__ import annotations

import json
import logging
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ...envelope import ExitCode
from ..faults import Plan, PlanError
from .budget import seconds_of
from .campaign import Interrupted, run_all
from .episode import play
from .explore import check_systems, pairs, schedules, singles
from .failing import Found
from .findings import Findings
from .kept import lines_of, load, save
from .report import Shown, render
from .reporting import write_report
from .scenario import Scenario
from .schema import plan_schema
from .self_check import self_check
from .subject import SubjectError
from .subjects import SUBJECTS, blamed, load_subject
from .tables import print_failure, print_tallies
from .tally import Tally
from .writable import must_be_writable

chaos = typer.Typer(
    name="chaos",
    help="Prove or break an adapter: faults, crashes and pauses in virtual time, judged by the target's effect log.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@chaos.callback()
def _begin() -> None:
    # What goes wrong here is meant to; the wall's own warnings would only hide the figures.
    logging.getLogger("seawall").setLevel(logging.CRITICAL)
    sys.path.insert(0, str(Path.cwd()))  # subjects of one's own lie where one works


Names = Annotated[
    list[str] | None,
    typer.Argument(
        help=f"Subjects: {', '.join(SUBJECTS)}, or module:Class for your own. All of ours if none is named."
    ),
]
Budget = Annotated[str | None, typer.Option(help="Begin nothing more after this time, such as 30s or 5m.")]
Report = Annotated[Path | None, typer.Option(help="Write a report, one HTML file, here.")]
Processes = Annotated[int | None, typer.Option(min=1, help="How many processes; by default one for each core.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print figures as one JSON object.")]
Keep = Annotated[Path | None, typer.Option(help="Write the smallest failing scenarios into this folder.")]


@chaos.command("run")
def run_command(
    subjects: Names = None,
    *,
    seed: Annotated[int, typer.Option(help="The first seed.")] = 0,
    runs: Annotated[int, typer.Option(min=1, help="Random schedules for each subject, one seed each.")] = 100,
    plan: Annotated[Path | None, typer.Option(help="Use the faults of this plan instead of drawn ones.")] = None,
    budget: Budget = None,
    report: Report = None,
    keep: Keep = None,
    processes: Processes = None,
    as_json: AsJson = False,
    check_seeds: Annotated[
        bool, typer.Option("--self-check", help="Play each seed twice, and name what differs first.")
    ] = False,
) -> None:
    """Play random schedules: several clients and processes, some of which die, under drawn faults."""
    names, seeds = _known(subjects), range(seed, seed + runs)
    given = _plan(plan, names)
    if check_seeds:
        with _refusing():
            _check_seeds(names, seeds, given)
    scenarios = (one for name in names for one in _schedules(name, seeds, given))
    _play_all(scenarios, len(names) * runs, budget, report, keep, processes, as_json=as_json)


@chaos.command()
def explore(
    subjects: Names = None,
    *,
    seed: Annotated[int, typer.Option(help="Seeds the choice of pairs.")] = 0,
    pairs_each: Annotated[int, typer.Option("--pairs", min=0, help="Pairs of faults for each subject.")] = 200,
    budget: Budget = None,
    report: Report = None,
    keep: Keep = None,
    processes: Processes = None,
    as_json: AsJson = False,
) -> None:
    """Play every single fault for every action, and then pairs of faults."""
    names = _known(subjects)
    scenarios = [one for name in names for one in _explored(name, seed, pairs_each)]
    _play_all(scenarios, len(scenarios), budget, report, keep, processes, as_json=as_json)


@chaos.command()
def replay(
    file: Annotated[Path, typer.Argument(help="A scenario, as a failure leaves it behind.")],
    *,
    history: Annotated[Path | None, typer.Option(help="Write history and effects, as JSON lines, here.")] = None,
) -> None:
    """Play one scenario again, and show what happened. Exit status 1 if it breaks a promise."""
    console = Console()
    _check_writable(history)
    with _refusing():
        scenario = Scenario.load(file)
        with blamed(scenario.subject):
            check_systems(scenario.plan, [load_subject(scenario.subject)])
            episode = play(scenario)
    if history is not None:
        save(history, episode.history, episode.effects)
    print_failure(console, Found.as_it_is(episode), command=f"seawall chaos replay {shlex.quote(str(file))}")
    if episode.judgement.broken:
        raise typer.Exit(1)


@chaos.command()
def report(
    files: Annotated[list[Path], typer.Argument(help="Episodes, as `replay --history` writes them.")],
    *,
    out: Annotated[Path, typer.Option(help="Where the page is written.")] = Path("chaos-report.html"),
) -> None:
    """Judge kept episodes again, and draw them on one page."""
    _check_writable(out)
    tallies: dict[str, Tally] = {}
    shown: list[Shown] = []
    for file in files:
        try:
            history, effects, judgement = load(file)
        except (OSError, ValueError) as error:
            _refuse(str(error))
        tallies.setdefault(history.setting.name, Tally()).count(history, judgement)
        shown.append(Shown(f"{file.name}: {history.setting.name}", history, effects, judgement))
    shown.sort(key=lambda one: not one.judgement.broken)
    out.write_text(render("Chaos report", tallies, shown), encoding="utf-8")
    typer.echo(f"report: {out}")
    if not all(tally.green for tally in tallies.values()):
        raise typer.Exit(1)


@chaos.command()
def schema() -> None:
    """Print the JSON Schema of fault plans, for editors."""
    typer.echo(json.dumps(plan_schema(), indent=2))


def _play_all(
    scenarios: Iterable[Scenario],
    total: int,
    budget: str | None,
    report: Path | None,
    keep: Path | None,
    processes: int | None,
    *,
    as_json: bool,
) -> None:
    console = Console(stderr=as_json)
    seconds, findings = _seconds(budget), Findings()
    for path in (report, keep and keep / "scenario.yaml"):
        _check_writable(path)
    columns = (TextColumn("{task.description:>18}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with _refusing(), Progress(*columns, console=Console(stderr=True)) as progress:
            bar = progress.add_task("episodes", total=total)

            def on_progress(name: str, tally: Tally) -> None:
                progress.update(bar, advance=tally.episodes, description=name)

            tallies = run_all(scenarios, processes=processes, seconds=seconds, on_progress=on_progress)
    except Interrupted as cut:
        tallies, findings.interrupted = cut.tallies, True
    print_tallies(console, tallies)
    played = sum(tally.episodes for tally in tallies.values())
    if played < total and seconds is not None and not findings.interrupted:
        console.print(f"the budget of {budget} is used up: {played:,} of {total:,} episodes were played")
    with _refusing():
        failures = [one for tally in tallies.values() for one in findings.of(tally)]
    for found in failures:
        file = found.keep(keep or Path(".chaos"))
        print_failure(console, found, command=f"seawall chaos replay {shlex.quote(str(file))}")
    if findings.interrupted:
        console.print(
            f"interrupted: {played:,} of {total:,} episodes were played; failures are shown as they were found, "
            "`replay` plays them again",
            soft_wrap=True,
        )
    if report is not None:
        write_report(report, tallies, failures)
        console.print(f"report: {report}", soft_wrap=True, markup=False)
    if as_json:
        typer.echo(json.dumps({name: _figures(tally) for name, tally in tallies.items()}))
    if findings.interrupted:
        raise typer.Exit(ExitCode.INTERRUPTED)
    if not all(tally.green for tally in tallies.values()):
        raise typer.Exit(1)
    if not played:
        _refuse("nothing was tried: no episode was played; give it more time, or a subject with samples")
    if idle := [
        f"{name} ({count} calls)" for tally in tallies.values() for name, count in tally.never_happened.items()
    ]:
        _refuse(
            f"nothing is proven of {idle}: it never happened. Either the adapter refuses every call, or the "
            "subject's samples cannot work; `seawall conformance run … --check calm` shows which"
        )


def _check_writable(path: Path | None) -> None:
    try:
        if path is not None:
            must_be_writable(path)
    except OSError as error:
        _refuse(f"nothing was played, for its findings could not be written: {error}")


def _known(names: Sequence[str] | None) -> list[str]:
    chosen = list(names or SUBJECTS)
    with _refusing():
        for name in chosen:
            load_subject(name)
    return chosen


def _plan(path: Path | None, names: Sequence[str]) -> Plan | None:
    if path is None:
        return None
    with _refusing():
        plan = Plan.load(path)
        check_systems(plan, map(load_subject, names))
        return plan


def _explored(name: str, seed: int, pairs_each: int) -> list[Scenario]:
    with _refusing(), blamed(name):
        return [*singles(name), *pairs(name, seed, pairs_each)]


def _schedules(name: str, seeds: range, plan: Plan | None) -> Iterator[Scenario]:
    made = schedules(name, seeds)
    while True:
        with blamed(name):
            if (scenario := next(made, None)) is None:
                return
        yield scenario if plan is None else scenario.model_copy(update={"plan": plan.with_seed(scenario.seed)})


def _check_seeds(names: Sequence[str], seeds: range, plan: Plan | None) -> None:
    for name in names:
        chosen = {scenario.seed: scenario for scenario in _schedules(name, seeds, plan)}

        def again(seed: int, chosen: dict[int, Scenario] = chosen) -> Iterable[str]:
            played = play(chosen[seed])
            return lines_of(played.history, played.effects)

        with blamed(name):
            differences = self_check(again, list(chosen))
        for difference in differences:
            typer.echo(f"{name}: {difference.says}", err=True)
        if differences:
            raise typer.Exit(1)
        typer.echo(f"{name}: {len(chosen)} seeds twice, and every event and effect was the same", err=True)


def _seconds(text: str | None) -> float | None:
    try:
        return None if text is None else seconds_of(text)
    except ValueError as error:
        _refuse(f"--budget {error}")


def _figures(tally: Tally) -> Mapping[str, Any]:
    return {
        "episodes": tally.episodes,
        "operations": tally.operations,
        "calls": tally.calls,
        "attempts": tally.sent,
        "parked": tally.parked,
        "broken": {f"I{int(one)}": count for one, count in sorted(tally.broken.items())},
    }


@contextmanager
def _refusing() -> Iterator[None]:
    """What a plan or a subject has wrong is one sentence."""
    try:
        yield
    except (PlanError, SubjectError) as error:
        _refuse(str(error))
    except BrokenExecutor as error:
        _refuse(f"a process that played episodes died ({error}); was memory short? Try fewer with --processes")


def _refuse(message: str) -> NoReturn:
    typer.echo(f"seawall: {message}", err=True)
    raise typer.Exit(2)

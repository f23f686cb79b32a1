"""`seawall simulate` and `seawall demo`. The command line finds them by their entry points."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import signal
import tempfile
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from .demo.case.story import Ending, can_be_told, tell
from .demo.contest import CONTESTANTS, Contest, Run
from .demo.figures import Result
from .demo.report import print_table, print_violations, violations
from .demo.seawall_worker import stories
from .demo.workload import scripts
from .faults import Plan, PlanError
from .server import serve
from .systems import SYSTEMS, Credentials, Running, Simulated
from .tls import Certificate

PLANS = Path(__file__).parent / "plans"


def simulate(
    system: Annotated[str, typer.Argument(help=f"What to simulate: {', '.join(SYSTEMS)}.")],
    port: Annotated[int, typer.Option(help="TCP port on 127.0.0.1; 0 for a free one.")] = 0,
    plan: Annotated[
        Path | None, typer.Option(help="Fault plan (YAML), or the name of one that ships: calm, harsh.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed in place of the plan's.")] = None,
    effects: Annotated[Path | None, typer.Option(help="File for the effect log, which no client can see.")] = None,
    data: Annotated[Path | None, typer.Option(help="File that keeps the records over a restart.")] = None,
    tls: Annotated[bool, typer.Option(help="Serve HTTPS with a new certificate.")] = False,  # noqa: FBT002 -- typer
) -> None:
    """Run a simulated system on loopback, for anyone's client, until interrupted."""
    console = Console(stderr=True)
    if system not in SYSTEMS:
        _refuse(console, f"there is no simulator {system!r}; there are: {', '.join(SYSTEMS)}")
    try:
        loaded = None if plan is None else Plan.load(_plan(plan))
        for fault in () if loaded is None else loaded.faults:
            if fault.client_side:
                raise PlanError(
                    f"fault {fault.id!r} can never fire: {fault.kind} happens in the client's own process, which is "
                    "not ours here; take it out, or use the plan with seawall chaos"
                )
        simulator, credentials = SYSTEMS[system](Running(loaded, seed, effects, data))
    except (PlanError, OSError) as error:
        _refuse(console, str(error))
    try:
        asyncio.run(_serve(simulator, credentials, console, port, secure=tls))
    except PlanError as error:
        _refuse(console, str(error))
    except OSError as error:
        _refuse(console, f"cannot listen on port {port}: {error.strerror}")
    finally:
        simulator.close()


def demo(
    operations: Annotated[int, typer.Option(min=10, max=100_000, help="Operations that the agents want done.")] = 300,
    seed: Annotated[
        int | None, typer.Option(help="Seed of work, faults and kills; drawn and printed if left out.")
    ] = None,
    agents: Annotated[int, typer.Option(min=1, max=1000, help="Agents at work at the same time.")] = 24,
    kills: Annotated[int, typer.Option(min=0, max=100, help="How often the worker is killed with SIGKILL.")] = 4,
    as_json: Annotated[bool, typer.Option("--json", help="The last line is JSON.")] = False,  # noqa: FBT002 -- typer
    auto_approve: Annotated[  # noqa: FBT002 -- typer
        bool, typer.Option("--auto-approve", help="Approve the refund of the second act without asking you.")
    ] = False,
    keep: Annotated[Path | None, typer.Option(help="Keep ledger and effect logs in this new folder.")] = None,
) -> None:
    """Show the main job: agents act in a CRM that fails them, beside the usual way of calling it.

    Then an agent works a support case over MCP, and a person decides about a refund above its limit: you, where a
    terminal is there to ask.

    Exit status 1 if Seawall did anything twice, lost anything, called anything failed that happened, left anything
    open, or did anything that was not approved.
    """
    console = Console(stderr=as_json)
    seed = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    folder = Path(tempfile.mkdtemp(prefix="seawall-demo-"))
    failed = False
    try:
        contest = Contest(scripts(operations, agents, seed), seed, kills, folder)
        results = asyncio.run(_contests(contest))
        broken = violations(results["seawall"])
        print_table(console, results)
        console.print(f"seed {seed}: the same again with --seed {seed}", style="dim")
        if broken:
            _tell_what_is_broken(console, results["seawall"], broken)
        ending = _second_act(folder / "case", console, auto_approve=auto_approve or as_json)
        failed = bool(broken) or (ending is not None and not ending.kept)
        if as_json:
            figures = {name: result.figures for name, result in results.items()}
            told = {"seed": seed, "case": None if ending is None else ending.to_json()}
            typer.echo(json.dumps(figures | told))
    finally:
        _clear(folder, keep, console, broken=failed)
    if failed:
        raise typer.Exit(1)


def _second_act(folder: Path, console: Console, *, auto_approve: bool) -> Ending | None:
    """The support case; None where the packages for MCP are not installed."""
    if not can_be_told():
        console.print("The second act needs MCP: pip install 'seawall[mcp,simulators]'", style="yellow")
        return None
    folder.mkdir()
    ending = asyncio.run(tell(folder, console, auto_approve=auto_approve))
    if not ending.kept:
        console.print(f"[bold red]A promise was broken:[/] {ending.to_json()}")
    return ending


async def _contests(contest: Contest) -> dict[str, Result]:
    """All contestants, behind a progress bar each. Seawall alone first, so that its time is its own."""
    total = sum(len(task.tokens) for tasks in contest.scripts for task in tasks)
    columns = (TextColumn("{task.description:>18}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bars = {name: progress.add_task(name, total=total) for name in CONTESTANTS}
        runs = {name: Run(name, contest, partial(progress.advance, bar)) for name, bar in bars.items()}
        first = await runs["seawall"].run()
        others = await asyncio.gather(runs["retry"].run(), runs["retry_and_breaker"].run())
    return {"seawall": first, "retry": others[0], "retry_and_breaker": others[1]}


async def _serve(simulator: Simulated, credentials: Credentials, console: Console, port: int, *, secure: bool) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    folder = tempfile.mkdtemp(prefix="seawall-simulate-") if secure else None
    certificate = None if folder is None else Certificate.make(folder)
    async with serve(simulator, port=port, tls=certificate) as url:
        typer.echo(url)
        for name, value in credentials.items():
            console.print(f"{name:<15}{value}", highlight=False)
        if certificate is not None:
            console.print(f"trust          {certificate.certfile}")
        console.print("Ctrl-C ends it.", style="dim")
        await stop.wait()
    if folder is not None:
        shutil.rmtree(folder)
    fired = sum(simulator.faults.fired.values())
    console.print(f"{simulator.requests} requests, {fired} faults, {len(simulator.effects)} effects")
    if unfired := simulator.faults.never_fired():
        console.print(f"planned, and never fired: {', '.join(unfired)}", style="yellow", soft_wrap=True)


def _tell_what_is_broken(console: Console, result: Result, broken: dict[str, dict[str, list[str]]]) -> None:
    ids = [
        one["id"]
        for system, promises in broken.items()
        for token in {token for found in promises.values() for token in found}
        for one in result.systems[system].operations.get(token, [])
    ]
    print_violations(console, result, asyncio.run(stories(result.facts, ids)))


def _plan(named: Path) -> Path:
    shipped = PLANS / f"{named}.yaml"
    return shipped if not named.exists() and shipped.exists() else named


def _clear(folder: Path, keep: Path | None, console: Console, *, broken: bool) -> None:
    if keep is not None:
        shutil.move(folder, keep)
        console.print(f"kept in {keep}", style="dim")
    elif broken:
        console.print(f"kept, to be looked into: {folder}")
    else:
        shutil.rmtree(folder)


def _refuse(console: Console, message: str) -> None:
    console.print(message, style="red")
    raise typer.Exit(2)

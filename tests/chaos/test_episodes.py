"""Every connector under every single fault, under pairs of them, and in random schedules with crashes and pauses.

In virtual time, on all cores; the simulators' effect logs are the judge. The short form plays a few of
the single faults; the long one (`make chaos`) all of them, in 26,000 episodes or more, and the usual client's beside.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import pytest
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from seawall.simulators.chaos.campaign import run_all
from seawall.simulators.chaos.explore import pairs, schedules, singles
from seawall.simulators.chaos.failing import investigate
from seawall.simulators.chaos.scenario import Scenario
from seawall.simulators.chaos.subjects import SUBJECTS
from seawall.simulators.chaos.tables import print_failure, print_tallies
from seawall.simulators.chaos.tally import Tally
from seawall.simulators.chaos.verdicts import Invariant
from seawall.simulators.kinds import KINDS

PAIRS, SCHEDULES = (6, 1040), (8, 210)  # for each subject: short, long
EPISODES = 26_000
SHORT, SEED = 19, 2  # of the single faults the short form plays each nineteenth, beginning with this one


def _scenarios(*, long: bool) -> Iterator[Scenario]:
    for name in SUBJECTS:
        yield from itertools.islice(singles(name), SEED % SHORT if not long else 0, None, 1 if long else SHORT)
        yield from pairs(name, seed=1, count=PAIRS[long])
        yield from schedules(name, range(SCHEDULES[long]))


def _of_the_wire(name: str) -> Iterator[Scenario]:
    """Single faults without those of the client's own process, which the usual client does not carry out."""
    return (one for one in singles(name) if not any(KINDS[fault.kind].client_side for fault in one.plan.faults))


def _played(
    capsys: pytest.CaptureFixture[str], scenarios: Sequence[Scenario], *, naive: bool = False, shown: bool
) -> dict[str, Tally]:
    """Play scenarios on all cores; with a bar, if it takes long."""
    if not shown:
        return run_all(scenarios, naive=naive)
    columns = (TextColumn("{task.description:>18}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with capsys.disabled(), Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("episodes", total=len(scenarios))

        def on_progress(name: str, tally: Tally) -> None:
            bar.update(task, advance=tally.episodes, description=name)

        return run_all(scenarios, naive=naive, on_progress=on_progress)


def _show(capsys: pytest.CaptureFixture[str], title: str, tallies: dict[str, Tally]) -> None:
    with capsys.disabled():
        console = Console(width=120)
        console.print(f"\n{title}")
        print_tallies(console, tallies)


def _explain(capsys: pytest.CaptureFixture[str], tallies: dict[str, Tally]) -> None:
    with capsys.disabled():
        for scenario in (one for tally in tallies.values() for one in tally.failures[:2]):
            print_failure(Console(width=120), investigate(scenario))


@pytest.mark.slow
@pytest.mark.case(1)
@pytest.mark.case(3)
@pytest.mark.case(10)
def test_no_connector_breaks_a_promise_under_any_fault(
    request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    long = bool(request.config.getoption("--chaos-long"))
    tallies = _played(capsys, list(_scenarios(long=long)), shown=long)
    assert set(tallies) == set(SUBJECTS)
    if long or not all(tally.green for tally in tallies.values()):
        _show(capsys, "Seawall", tallies)
        _explain(capsys, tallies)
    assert {name: dict(tally.broken) for name, tally in tallies.items() if not tally.green} == {}
    assert all(tally.operations for tally in tallies.values())
    if long:
        assert sum(tally.episodes for tally in tallies.values()) >= EPISODES


@pytest.mark.slow
def test_usual_client_does_things_twice_under_the_same_faults(
    request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    """The judge's own test, too: what it calls clean above must not be clean whatever comes."""
    long = bool(request.config.getoption("--chaos-long"))
    names = list(SUBJECTS) if long else ["salesforce", "hubspot-text"]
    every = {"sql": 1}  # its references are unique: only few of its faults let a client do things twice
    scenarios = [one for name in names for one in itertools.islice(_of_the_wire(name), 0, None, every.get(name, 8))]
    tallies = _played(capsys, scenarios, naive=True, shown=long)
    if long:
        _show(capsys, "The usual client: the same connectors, four tries", tallies)
    broken = {name: tally.broken[Invariant.NO_DUPLICATE] for name, tally in tallies.items()}
    assert all(count > 0 for count in broken.values()), broken

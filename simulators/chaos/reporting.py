"""From figures and scenarios to the report's page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from .episode import Episode
from .explore import schedules
from .failing import Found
from .failure import failure_text
from .report import Shown, render
from .scenario import Scenario
from .tally import Tally


def write_report(path: Path, tallies: Mapping[str, Tally], found: Iterable[Found], title: str = "Chaos report") -> None:
    """Write the page: the failures in detail, or where there are none an episode of each subject.

    Args:
        path: The file; its folder is made if it is not there.
        tallies: Subject → its figures.
        found: The failures, shrunk.
        title: The page's heading.
    """
    shown = [shown_failure(one) for one in found] or [shown_episode(one) for one in _examples(tallies)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(title, tallies, shown), encoding="utf-8")


def shown_failure(found: Found) -> Shown:
    """A failure as the page shows it."""
    episode = found.episode
    verdict = found.verdict
    what = "" if verdict is None else f": I{int(verdict.invariant)} {verdict.invariant.title}"
    asked = ", ".join(dict.fromkeys(call.action for call in episode.scenario.calls))
    title = f"{episode.scenario.subject}{what} ({asked}; {_faults_of(episode.scenario)})"
    return Shown(title, episode.history, episode.effects, episode.judgement, failure_text(found))


def shown_episode(episode: Episode) -> Shown:
    """An episode as the page shows it."""
    scenario = episode.scenario
    title = f"{scenario.subject}, seed {scenario.seed}: {_faults_of(scenario)}"
    return Shown(title, episode.history, episode.effects, episode.judgement)


def _faults_of(scenario: Scenario) -> str:
    return ", ".join(f"{fault.point}/{fault.kind}" for fault in scenario.plan.faults) or "no faults"


def _examples(tallies: Mapping[str, Tally]) -> Iterable[Episode]:
    from .episode import play

    for name in tallies:
        yield from (play(one) for one in schedules(name, range(1)))

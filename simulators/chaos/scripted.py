"""Chaos at a test's command: a synchronous face over a stage in virtual time, as the pytest fixtures give it."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...core.outcome import Outcome
from ..effects import Effect
from ..faults import Fault, Plan, PlanError
from .entries import Wanted
from .episode import play
from .explore import Courses, schedules
from .failing import Found, investigate
from .failure import failure_text
from .planted import Planted, made
from .report import Shown
from .reporting import shown_episode
from .scenario import Scenario
from .shrink import Shrunk
from .stage import Stage
from .subject import Sample, Subject
from .subjects import load_subject, place_of
from .verdicts import Judgement
from .virtual_clock import VirtualClock


class OtherSubjectError(PlanError):
    """The scenario that was to be played again is of another subject."""


class EffectLogs(Mapping[str, Sequence[Effect]]):
    """System → what really happened in it, read anew each time."""

    def __init__(self, chaos: Chaos) -> None:
        self._chaos = chaos

    def __getitem__(self, system: str) -> Sequence[Effect]:
        return self._chaos.stage_of(system).effects()[system]

    def __iter__(self) -> Iterator[str]:
        return iter(self._chaos.systems)

    def __len__(self) -> int:
        return len(self._chaos.systems)


class Chaos:
    """Faults, calls and crashes at a test's command. Each subject that is called has a stage of its own.

    Args:
        clock: Virtual time.
        folder: For ledgers.
        plan: Faults from the beginning.
        seed: The seed.
        scenario: What `episode` plays in place of drawn scenarios.
        subject: The subject of calls that name none.
    """

    def __init__(
        self,
        *,
        clock: VirtualClock,
        folder: Path,
        plan: Plan | None = None,
        seed: int = 0,
        scenario: Scenario | None = None,
        subject: Any = None,
    ) -> None:
        self.clock = clock
        self.seed = seed
        self.plan = plan or Plan()
        self.scenario = scenario
        self.effects = EffectLogs(self)
        self.keep_in = folder
        self.known: Courses = {}
        self.test = ""
        self.source = ""
        """The file that the plan or the scenario is from."""
        self.again = "pytest --chaos-replay {file}"
        """The command that plays a kept `{file}`, called `{name}`, again."""
        self.replayed = False
        """Whether the scenario that was given was played."""
        self._episodes: list[Shown] = []
        self._scripted: dict[str, Shown] = {}
        self._default = subject
        self._folder = folder
        self._stages: dict[str, Stage] = {}
        self._planted: list[Planted] = []
        self._found: list[Found] = []
        self._judged: dict[str, Judgement] = {}
        self._unjudged = False
        self._healed = False
        self._said: set[str] = set()

    @classmethod
    def of_case(cls, case: Mapping[str, Any], *, clock: VirtualClock, folder: Path, subject: Any) -> Chaos:
        """From what a mark says: `plan` (a file) and `seed`, or `scenario` (a file)."""
        seed = int(case.get("seed", 0) or 0)
        scenario = Scenario.load(case["scenario"]) if case.get("scenario") else None
        plan = Plan.load(case["plan"]).with_seed(seed) if case.get("plan") else None
        made = cls(clock=clock, folder=folder, plan=plan, seed=seed, scenario=scenario, subject=subject)
        made.source = str(case.get("scenario") or case.get("plan") or "")
        return made

    # Scripted -----------------------------------------------------------------------------------------------------

    @property
    def systems(self) -> tuple[str, ...]:
        """The systems that were called so far."""
        return tuple(self._stages)

    def stage_of(self, system: str) -> Stage:
        """The stage of a system that was called.

        Raises:
            KeyError: It was not.
        """
        return self._stages[system]

    @contextmanager
    def fault(
        self,
        point: str,
        kind: str,
        *,
        subject: Any = None,
        operation: str | None = None,
        lane: Any = None,
        times: int | None = 1,
        **params: Any,
    ) -> Iterator[Fault]:
        """Plant a fault for the length of a `with`; one that never struck is a failure of the test.

        Args:
            point: Where in a call.
            kind: What happens.
            subject: The subject whose target it befalls; every one that the test calls if None.
            operation: The simulator's request that it befalls, or the action if it befalls the client's own process;
                any of its lane if None.
            lane: `read`, `write` or `auth`; `write` where the kind can befall writes, if neither is named.
            times: How often at most.
            params: The kind's parameters.

        Raises:
            PlanError: It can never strike.
        """
        named = subject if subject is not None else self._default
        system = None if named is None else self._stage(named)[1]
        name = f"scripted-{len(self._planted) + 1}"
        fault = made(name, point, kind, {"operation": operation, "lane": lane}, times, params)
        planted = Planted(fault, system)
        for known, stage in self._stages.items():
            if planted.befalls(known):
                planted.plant(stage, known)
        self._planted.append(planted)
        try:
            yield fault
        finally:
            planted.take_out()

    def call(
        self,
        subject: Any,
        action: str = "",
        request: Any = None,
        *,
        wanted: tuple[Wanted, ...] = (),
        deadline: float | None = None,
        gives_up_after: float | None = None,
    ) -> Outcome[Any] | None:
        """Let a client ask Seawall for something; it is told an outcome, or None where it went before there was one.

        Args:
            subject: A `Subject`, its class, or its name.
            action: The action.
            request: A `Sample`, the number of one, or the request itself.
            wanted: With a request: the effects by which it is known to the checker.
            deadline: Seconds.
            gives_up_after: Seconds after which the client goes away.
        """
        stage, system = self._stage(subject)

        async def asked() -> Outcome[Any] | None:
            worker = next((one for one in stage.workers if one.alive), None) or await stage.start_worker()
            sample = await self._sample(stage, system, action, request, wanted)
            return await stage.call(
                worker, action, sample, system=system, deadline=deadline, gives_up_after=gives_up_after
            )

        return self.clock.run(asked())

    def crash(self, subject: Any = None) -> None:
        """Kill the processes of Seawall; the next call is made to a new one."""
        stage, _ = self._stage(subject)

        async def kill() -> None:
            for worker in stage.workers:
                stage.kill(worker)

        self.clock.run(kill())

    def sleep(self, seconds: float) -> None:
        """Let virtual time pass."""
        self.clock.advance(seconds)

    def heal(self) -> None:
        """Let no fault strike any more, nor in what is called for the first time from now on."""
        self._healed = True
        self._heal()

    def _heal(self) -> None:
        async def healed() -> None:
            for stage in self._stages.values():
                stage.heal()

        self.clock.run(healed())

    def settle(self) -> int:
        """Wait until everything is resolved, and judge; the answer is how many operations are still open."""

        async def settled() -> int:
            return sum([await stage.settle() for stage in self._stages.values()])

        return self.clock.run(settled())

    def judge(self) -> Mapping[str, Judgement]:
        """The checker's word so far, for each system."""
        return {system: stage.judge() for system, stage in self._stages.items()}

    # Random -------------------------------------------------------------------------------------------------------

    def episode(self, subject: Any = None) -> Judgement:
        """Play a random episode of the seed, or the scenario that was given; a failure is shrunk and kept.

        Args:
            subject: A `Subject`, its class, or its name.

        Raises:
            OtherSubjectError: The scenario that was given is of another one.
        """
        tried = _subject(subject if subject is not None else self._default)
        if self.scenario is not None:
            _check_same(self.scenario.subject, tried)
            scenario, self.replayed = self.scenario, True
        else:
            (scenario,) = schedules(place_of(tried), [self.seed], tried, self.known)
            if self.plan.faults:
                scenario = scenario.model_copy(update={"plan": self.plan})
        episode = play(scenario, tried)
        self._episodes.append(shown_episode(episode))
        if episode.judgement.broken:
            try:
                self._found.append(investigate(scenario, tried))
            except KeyboardInterrupt:
                self._found.append(Found.as_it_is(episode))
                raise
        return episode.judgement

    # The end ------------------------------------------------------------------------------------------------------

    @property
    def shown(self) -> list[Shown]:
        """Everything that was judged, for the report."""
        return [*self._episodes, *self._scripted.values()]

    def verdict(self) -> list[str]:
        """Judge what was called since the last verdict; what is to be said of failures and was not said yet."""
        if self._unjudged:
            self._end()
        texts = [text for text in self._failures() if text not in self._said]
        self._said.update(texts)
        return texts

    def cut_short(self) -> list[str]:
        """What is to be said of failures that were found before the test was interrupted."""
        self.leave_unjudged()
        self._planted.clear()
        return self.verdict()

    def leave_unjudged(self) -> None:
        """What was called so far has no meaning: the plan was wrong."""
        self._unjudged = False

    def _end(self) -> None:
        """Heal and settle what was scripted, and judge it."""
        self._unjudged = False
        self._heal()
        self.settle()
        for system, stage in self._stages.items():
            judgement, effects = stage.judge(), stage.effects()
            self._judged[system] = judgement
            self._scripted[system] = Shown(self.test or system, stage.history(), effects, judgement)

    def _failures(self) -> Iterator[str]:
        """What is to be said of each failure."""
        for found in self._found:
            file = found.keep(self.keep_in)
            replay = self.again.replace("{name}", file.name).replace("{file}", shlex.quote(_from_here(file)))
            yield failure_text(found, name="", replay=replay, keep="--chaos-keep adds it to the regressions")
        for system, judgement in self._judged.items():
            if judgement.broken:
                yield failure_text(self._as_found(system, judgement), name="")
        if idle := [f"{one.fault.point}/{one.fault.kind}" for one in self._planted if not one.fired]:
            names = ", ".join(idle)
            yield f"planted, and never struck: {names}. Aim at what the test calls, or take it out."

    def _as_found(self, system: str, judgement: Judgement) -> Found:
        from .episode import Episode

        stage = self._stages[system]
        plan = Plan(faults=tuple(one.fault for one in self._planted if one.befalls(system)))
        scenario = Scenario(subject=system, plan=plan, calls=())
        episode = Episode(scenario, stage.history(), stage.effects(), judgement)
        calls = judgement.calls
        return Found(judgement.broken[0], episode, Shrunk(scenario, calls, len(plan.faults), 1))

    def properties(self) -> Iterator[tuple[str, str]]:
        """What JUnit reports say of the test."""
        yield "chaos_seed", str(self.seed)
        for plan in dict.fromkeys(_digest(shown.history.setting.plan) for shown in self.shown):
            yield "chaos_plan", plan
        broken = [one for shown in self.shown for one in shown.judgement.broken]
        if broken:
            yield "chaos_invariant", ", ".join(sorted({f"I{int(one)}" for one in broken}))
        for found in self._found:
            yield "chaos_minimal", found.shrunk.scenario.model_dump_json(exclude_defaults=True)

    def close(self) -> None:
        """Close the stages."""

        async def closed() -> None:
            for stage in self._stages.values():
                await stage.__aexit__(None, None, None)

        self.clock.run(closed())

    def _stage(self, subject: Any) -> tuple[Stage, str]:
        self._unjudged = True
        if subject is None and self._default is None and len(self._stages) == 1:
            ((system, stage),) = self._stages.items()
            return stage, system
        given = _subject(subject if subject is not None else self._default)
        if given.name not in self._stages:
            folder = self._folder / given.name
            folder.mkdir()
            stage = Stage(given, self.plan, folder=folder, seed=self.seed, clock=self.clock.clock)

            async def opened() -> None:
                await stage.__aenter__()
                if self._healed:
                    stage.heal()

            self.clock.run(opened())
            self._stages[given.name] = stage
            for planted in self._planted:
                if planted.in_force and planted.befalls(given.name):
                    planted.plant(stage, given.name)
        return self._stages[given.name], given.name

    async def _sample(self, stage: Stage, system: str, action: str, request: Any, wanted: tuple[Wanted, ...]) -> Sample:
        if isinstance(request, Sample):
            return request
        if request is None or isinstance(request, int):
            return await stage.sample(action, request or 1, system)
        return Sample(request, wanted)


def _check_same(named: str, tried: Subject) -> None:
    """A class may have been imported by another path than the one that was written down."""
    module, _, qualified = named.rpartition(":")
    if qualified != (type(tried).__qualname__ if module else tried.name) and named != place_of(tried):
        raise OtherSubjectError(f"the scenario is of {named}, and what is tried here is {place_of(tried)}")


def _subject(given: Any) -> Subject:
    if isinstance(given, str):
        return load_subject(given)
    if isinstance(given, type) and issubclass(given, Subject):
        return given()
    if isinstance(given, Subject):
        return given
    raise TypeError(f"name a subject: a Subject, its class, or its name; not {given!r}")


def _from_here(file: Path) -> str:
    """A file as one names it where one works."""
    here = Path.cwd()
    return str(file.relative_to(here) if file.is_relative_to(here) else file)


def _digest(plan: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()[:12]

"""One adapter on trial: what it declares, what is tried of it, and episodes in which that happens."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from ...conformance import definitions_digest
from ...core.action import Action
from ..chaos.entries import Wire
from ..chaos.explore import schedules
from ..chaos.memory import in_memory
from ..chaos.recording import Step, nothing
from ..chaos.scenario import Scenario
from ..chaos.stage import Stage
from ..chaos.strict import strict
from ..chaos.subject import Subject, SubjectError
from ..faults import Fault, Match, Plan, Trigger
from ..kinds import KINDS, Lane, Point
from ..virtual_time import LoopClock, run
from ..vocabulary import HTTP, SQL, Traits
from .cases import Exempt
from .play import Play

T = TypeVar("T")

_AT_THE_COMMIT = ("before_commit", "after_commit", "later")


class Trial:
    """An adapter on trial.

    Args:
        subject: The adapter with its simulator.
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.kind = ""
        self.version = ""
        self.adapter_type: type = type(None)
        self.definitions = ""
        self.actions: Mapping[str, Action] = {}
        self.tried: tuple[str, ...] = ()
        self._requests: dict[str, Mapping[str, str]] = {}
        self._schedules: tuple[Scenario, ...] = ()
        self.play(self._look_around, guarded=False)

    async def _look_around(self, play: Play) -> None:
        adapter = play.stage.reader(self.subject.name)
        self.kind, self.version, self.adapter_type = adapter.kind, adapter.version, type(adapter)
        self.definitions = definitions_digest(adapter)
        self.actions = dict(adapter.actions)
        self.tried = tuple(play.stage.samplers[self.subject.name])

    @property
    def writes(self) -> tuple[str, ...]:
        """The actions that are tried and write."""
        return tuple(name for name in self.tried if name in self.actions and self.actions[name].writes)

    @property
    def reads(self) -> tuple[str, ...]:
        """The actions that are tried and read."""
        return tuple(name for name in self.tried if name in self.actions and not self.actions[name].writes)

    def single(self, name: str) -> Action:
        """The action that one item stands for; the action itself where it is no batch."""
        action = self.actions[name]
        return action if action.batch is None else action.batch.of

    def lane_of(self, name: str) -> Lane:
        """The lane of the requests by which an action does what it is for."""
        return "write" if self.actions[name].writes else "read"

    @cached_property
    def traits(self) -> Traits:
        """What the simulator is."""
        if self.subject.traits is not None:
            return self.subject.traits
        return SQL if "commit" in self.subject.lanes else HTTP

    # Episodes ---------------------------------------------------------------------------------------------------

    def play(
        self,
        script: Callable[[Play], Awaitable[T]],
        faults: Sequence[Fault] = (),
        *,
        step: Step = nothing,
        subject: Subject | None = None,
        clock: LoopClock | None = None,
        guarded: bool = True,
    ) -> T:
        """Play one episode in virtual time, and raise what went wrong in it.

        Args:
            script: What happens in it.
            faults: What goes wrong.
            step: See `recording.Step`.
            subject: Another subject than the one on trial, made from it.
            clock: The virtual clock, if it matters what time it is.
            guarded: Whether what takes time, chance, an id or a connection from outside is an error.

        Raises:
            NotInjectedError: Something did.
        """

        async def main(folder: Path) -> T:
            plan = Plan(faults=tuple(faults))
            async with Stage(subject or self.subject, plan, folder=folder, step=step, clock=clock) as stage:
                play = Play(stage, folder)
                result = await script(play)
                play.verdict()
                return result

        with tempfile.TemporaryDirectory(prefix="seawall-conform-", dir=in_memory()) as folder:
            if not guarded:
                return run(main(Path(folder)))
            with strict(*self._packages()) as raised:
                try:
                    return run(main(Path(folder)))
                except Exception:
                    if raised:  # what else went wrong follows from it
                        raise raised[0] from None
                    raise

    def _packages(self) -> list[str]:
        """Whose code must take what is injected."""
        owners = (type(self.subject), *self.adapter_type.__mro__[:-1])
        names = {one.__module__.partition(".")[0] for one in owners}
        return sorted(names - sys.stdlib_module_names)

    def requests(self, name: str) -> Mapping[str, str]:
        """The simulator's requests that an action comes to when nothing goes wrong, in order, each with its lane.

        Raises:
            SubjectError: The subject's `lanes` leave one of them out.
        """
        if name not in self._requests:

            async def look(play: Play) -> Mapping[str, str]:
                worker = await play.stage.start_worker()
                await play.stage.call(worker, name, await play.stage.sample(name, 1))
                return {one.request: one.lane for one in play.stage.journal.entries if isinstance(one, Wire)}

            made = self.play(look, guarded=False)
            for request in made:
                self.lane_at(request, name)
            self._requests[name] = made
        return self._requests[name]

    def lane_at(self, request: str, asked_by: str) -> Lane:
        """The lane of a request, as the subject has it.

        Args:
            request: The simulator's request.
            asked_by: What makes it, for the message.

        Raises:
            SubjectError: The subject's `lanes` leave it out.
        """
        if request not in self.subject.lanes:
            raise SubjectError(
                f"{asked_by} makes the request {request}, which the `lanes` of the subject {self.subject.name} leave "
                "out: name it there with its lane, or faults miss it"
            )
        return self.subject.lanes[request]

    def schedules(self, seeds: int) -> Sequence[Scenario]:
        """Random scenarios, one for each of the first seeds."""
        if len(self._schedules) != seeds:
            self._schedules = tuple(schedules(self.subject.name, range(seeds), self.subject))
        return self._schedules

    # Faults -----------------------------------------------------------------------------------------------------

    def fault(
        self,
        name: str,
        point: Point,
        kind: str,
        params: Mapping[str, Any] | None = None,
        *,
        lane: Lane | None = None,
        trigger: Trigger | None = None,
        fault_id: str = "",
    ) -> Fault:
        """A fault at the requests of an action.

        Args:
            name: The action.
            point: Where.
            kind: What.
            params: The kind's parameters.
            lane: Which of its requests; `write` for writes and `read` for reads if None.
            trigger: When; at the first of them if None.
            fault_id: Its id; made of point and kind if empty.

        Raises:
            Exempt: None of the action's requests can meet it.
        """
        lane = lane or self.lane_of(name)
        aimed = self.targets(name, point, kind, lane)
        if not aimed or not self._says(params or {}):
            raise Exempt(f"the simulator has no {kind} at {point} for the {lane} requests of {name}")
        return Fault(
            id=fault_id or f"{point}-{kind}",
            match=Match(operation=aimed),
            point=point,
            kind=kind,
            params=dict(params or {}),
            trigger=trigger or Trigger(nth=1),
        )

    def targets(self, name: str, point: Point, kind: str, lane: Lane) -> tuple[str, ...]:
        """Those requests of an action that a fault can befall."""
        able = tuple(
            request
            for request in self.requests(name)
            if self.subject.lanes[request] == lane and self.tries(request, point, kind)
        )
        if "commit" in able and point in _AT_THE_COMMIT:
            return ("commit",)
        return able

    def tries(self, request: str, point: Point, kind: str, params: Mapping[str, Any] | None = None) -> bool:
        """Whether a fault can befall a request, as the subject has it."""
        known, subject = KINDS[kind], self.subject
        return (
            point in known.points
            and (subject.kinds is None or kind in subject.kinds)
            and subject.lanes[request] in known.lanes_at(point)
            and known.befalls(self.traits, request, point)
            and (not known.batches or request in subject.batches)
            and self._says(params or {})
        )

    def _says(self, params: Mapping[str, Any]) -> bool:
        """Whether the subject knows a kind's parameters."""
        values = self.subject.values
        return all(value in values.get(name, (value,)) for name, value in params.items())

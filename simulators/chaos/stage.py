"""The stage: simulated targets and processes of Seawall in one event loop, with all that happens written down.

It is opened inside `virtual_time.run`. Who plays on it decides what is asked and what goes wrong; it keeps the history.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ... import Config
from ...core.adapter import Adapter
from ...core.outcome import Outcome
from ..effects import Effect
from ..faults import Fault, Plan
from ..injector import RequestFacts
from ..origin import ATTEMPT
from ..virtual_time import LoopClock
from .canaries import stored_canaries
from .checker import check
from .client_side import ClientSide
from .clients import Clients
from .desk import Desk, configured
from .entries import Event, Setting, SystemFacts, Told, Wanted, Wire
from .facts import facts_of
from .history import History
from .memory import blank_ledger
from .process import tell_processes_apart
from .recording import Journal, Step, nothing
from .samples import Samples
from .scenario import People
from .subject import Sample, Sampler, Subject
from .verdicts import Judgement
from .worker import MachineClock, Worker

_OPENING = 10.0  # virtual seconds before the first call, so that no target is as old as its first second
_LEASE = 30.0
_PATIENT = {"recovery": {"interval": 20.0}}  # looks at the ledger cost real time, also where nothing is due


class Stage:
    """Targets, workers and a journal.

    Args:
        subjects: System name → what is tried there; a lone subject's system has the subject's name.
        plan: The faults of all targets.
        seed: Seeds the workers' jitter.
        folder: Where the ledger is.
        step: Awaited at each named step of an operation, see `recording.Step`.
        recovers_within: Seconds after healing within which everything must be resolved; None where it is not promised.
        clock: The virtual clock.
        people: Who must approve writes before they are sent; nobody if None.
    """

    def __init__(
        self,
        subjects: Mapping[str, Subject] | Subject,
        plan: Plan | None = None,
        *,
        folder: Path,
        seed: int = 0,
        step: Step = nothing,
        recovers_within: float | None = 7200.0,
        clock: LoopClock | None = None,
        people: People | None = None,
    ) -> None:
        self.subjects = {subjects.name: subjects} if isinstance(subjects, Subject) else dict(subjects)
        self.plan = plan or Plan()
        self.seed = seed
        self.clock = clock or LoopClock()
        self.machine = MachineClock(self.clock.epoch)
        self.journal = Journal(self.clock)
        self.clients = Clients(self.clock, self.journal, str(folder))
        self.workers: list[Worker] = []
        self.targets: dict[str, Any] = {}
        self.facts: dict[str, SystemFacts] = {}
        self.people = people
        self._ledger = folder / "ledger.db"
        self._desk: Desk | None = None
        self._before = step
        self._recovers_within = recovers_within
        self._started = 0
        self._healed = False
        self._undo: Callable[[], None] = lambda: None
        systems = {name: {"connector": one.name, **_PATIENT, **one.settings} for name, one in self.subjects.items()}
        self.config = Config.model_validate(
            {
                "ledger": {"path": str(self._ledger), "lease": _LEASE},
                "overrides": {"interval": 86_400.0},  # nobody stops anything here, and looks cost real time
                "systems": systems,
                **configured(people, tuple(systems)),
            }
        )

    async def __aenter__(self) -> Self:
        if not self._ledger.exists():
            self._ledger.write_bytes(blank_ledger())
        self._undo = tell_processes_apart(asyncio.get_running_loop())
        for name, subject in self.subjects.items():
            target = self.targets[name] = subject.target(self.plan, self.clock)
            target.faults.watch = self._watcher(name)
        self.samples = Samples(self.subjects, self.targets, self.clock, self.seed)
        self.client = ClientSide(self, self.plan, self._before)
        await asyncio.sleep(_OPENING)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._desk is not None:
                await self._desk.leave()
            for worker in self.workers:
                await worker.leave()
        finally:
            await self.samples.close()
            for target in self.targets.values():
                target.close()
            self._undo()

    # Processes --------------------------------------------------------------------------------------------------

    async def start_worker(self) -> Worker:
        """Start one more process of Seawall on the same ledger and targets."""
        self._started += 1
        worker = await self._process(f"w{self._started}")
        self.workers.append(worker)
        if not self.facts:
            self.facts = {name: facts_of(system) for name, system in worker.wall.systems.items()}
        if self.people is not None and self._desk is None:
            self._desk = Desk(self, self.people, await self._process("desk", background=False))
        return worker

    async def _process(self, name: str, *, background: bool = True) -> Worker:
        targets = {name: (subject, self.targets[name]) for name, subject in self.subjects.items()}
        return await Worker.start(
            name,
            self.config,
            targets,
            self.journal,
            seed=self.seed,
            clock=self.machine,
            step=self.client.at_step,
            background=background,
        )

    def kill(self, worker: Worker) -> None:
        """Kill a process."""
        if worker.alive:
            self._write_event("crash", worker.name)
            worker.kill()

    def pause(self, worker: Worker) -> None:
        """Hold a process still."""
        self._write_event("pause", worker.name)
        worker.process.pause()

    def resume(self, worker: Worker) -> None:
        """Let it run again."""
        self._write_event("resume", worker.name)
        worker.process.resume()

    # Calls ------------------------------------------------------------------------------------------------------

    async def sample(self, action: str, number: int, system: str = "") -> Sample:
        """The sample of an action with a number; the same number gives the same sample.

        Raises:
            SubjectError: There is no such system, or the subject makes no samples of that action.
        """
        return await self.samples.of(system or next(iter(self.subjects)), action, number)

    async def newer(self, action: str, number: int, system: str = "") -> Sample | None:
        """What follows a sample, made from what is read now, without meeting a fault; None where nothing does."""
        return await self.samples.newer(system or next(iter(self.subjects)), action, number)

    @property
    def samplers(self) -> Mapping[str, Mapping[str, Sampler]]:
        """System name → action → what makes its samples."""
        return self.samples.makers

    def reader(self, system: str) -> Adapter:
        """An adapter beside those of the workers, for preparing; it meets no faults."""
        return self.samples.reader(system)

    async def call(
        self,
        worker: Worker,
        action: str,
        sample: Sample,
        *,
        system: str = "",
        client: str = "c1",
        deadline: float | None = None,
        request: Any = None,
        operation: str = "",
        gives_up_after: float | None = None,
        supersedes: Sequence[str] = (),
    ) -> Outcome[Any] | None:
        """Let a client ask for a sample, and write down what it is told.

        Args:
            worker: The process that it asks.
            action: The action.
            sample: What it asks for.
            system: The system; the first one if empty.
            client: Who.
            deadline: Seconds; the system's default if None.
            request: Another wording than the sample's own request.
            operation: Name of the logical operation; made from the sample if empty.
            gives_up_after: Seconds after which the client goes away.
            supersedes: Operations on the same record whose answers the client has seen.

        Returns:
            The outcome; None if the client went, or its process died, before there was one.
        """
        system = system or next(iter(self.subjects))
        befell = self.client.at_call(worker, system, action)
        if befell is not None and befell.kind == "short_deadline":
            deadline = befell.param("seconds")
        if befell is not None and befell.kind == "cancel":
            gives_up_after = befell.param("seconds")
        if befell is not None and befell.kind == "two_workers":
            self.client.begin(self._again(befell.param("seconds"), worker, system, action, sample, client))
        served = worker.wall.systems[system]
        asked = self.clients.ask(
            system,
            served.adapter.actions[action],
            sample,
            client=client,
            deadline=served.settings.deadline if deadline is None else deadline,
            request=request,
            operation=operation,
            supersedes=tuple(supersedes),
            worker=worker.name,
        )
        task = worker.call(f"{system}.{action}", request or sample.request, deadline=deadline)
        if gives_up_after is not None:
            await asyncio.wait({task}, timeout=gives_up_after)
            if not task.done():
                task.cancel()
        await asyncio.wait({task})
        if task.cancelled() or task.exception() is not None:
            if not task.cancelled() and worker.alive and (error := task.exception()) is not None:
                raise error
            self.journal.write(Told(self.clock.now(), asked.call, "cut_off", "maybe"))
            return None
        outcome = task.result()
        self.clients.tell(asked.call, outcome, f"{system}.{action}", asked.items)
        return outcome

    async def compensate(
        self, worker: Worker, outcome: Outcome[Any], wanted: tuple[Wanted, ...], *, deadline: float | None = None
    ) -> Outcome[Any]:
        """Let somebody undo what an operation did, and write down what is told.

        Args:
            worker: The process that is asked.
            outcome: What the operation was told; it must have an id.
            wanted: By which effects the undoing is known.
            deadline: Seconds; the system's default if None.
        """
        operation_id: str = getattr(outcome, "operation_id", "")
        undone = self.journal.operation(operation_id)
        system = undone.partition(".")[0]
        served = worker.wall.systems[system]
        until = served.settings.deadline if deadline is None else deadline
        call = self.clients.undo(system, undone, wanted, deadline=until, worker=worker.name)
        undo = worker.wall.compensate(operation_id, reason="a test", deadline=deadline)
        answer: Outcome[Any] = await worker.process.run(undo, name="compensate")
        self.clients.tell(call, answer, f"{system}.undo")
        return answer

    async def _again(
        self, seconds: float, worker: Worker, system: str, action: str, sample: Sample, client: str
    ) -> None:
        """The same request, given to another process as well."""
        await self.clock.sleep(seconds)
        others = [one for one in self.workers if one.alive and one is not worker] or [await self.start_worker()]
        await self.call(others[0], action, sample, system=system, client=f"{client}+")

    # The end ----------------------------------------------------------------------------------------------------

    def heal(self) -> None:
        """Let no fault strike any more."""
        if not self._healed:
            self._write_event("heal")
        self._healed = True
        for target in self.targets.values():
            target.faults.heal()
        self.client.faults.heal()

    def _within(self) -> float | None:
        return self._recovers_within and self._recovers_within + self.client.jumped

    async def settle(self, within: float | None = None) -> int:
        """Wait until the targets have nothing outstanding and recovery has nothing left to find out.

        Args:
            within: Virtual seconds; as long as everything must be resolved in if None.

        Returns:
            How many operations are still open.
        """
        for target in self.targets.values():
            await target.settle()
        longest = (self._within() or 0.0) if within is None else within
        until, pause = self.clock.monotonic() + longest, 1.0
        while (left := await self._open_operations()) or (self._desk is not None and await self._desk.any_open()):
            if self.clock.monotonic() >= until:
                break
            await self.clock.sleep(pause)  # their recovery goes on by itself
            pause = min(60.0, pause * 1.5)
        for target in self.targets.values():
            await target.settle()
        self._write_event("settled")
        for row in stored_canaries(self._ledger, self._canaries, self.clock.now()):
            self.journal.write(row)
        return left

    async def _open_operations(self) -> int:
        """How many operations are still open, as a process that is alive sees it."""
        living = [worker for worker in self.workers if worker.alive] or [await self.start_worker()]
        asked = living[0].process.run(living[0].wall.settle(0.0), name="settle")
        await asyncio.wait({asked})
        return 1 if asked.cancelled() else asked.result()  # it died over the question

    def effects(self) -> dict[str, list[Effect]]:
        """What really happened, for each system."""
        return {name: list(target.effects) for name, target in self.targets.items()}

    def history(self) -> History:
        """The history so far."""
        setting = Setting(
            name="+".join(subject.name for subject in self.subjects.values()),
            seed=self.seed,
            plan=self.plan.model_dump(mode="json", exclude_defaults=True),
            systems=self.facts,
            wanted=self.clients.wanted,
            reads=self.clients.reads,
            planned=tuple(fault.id for fault in self.plan.faults),
            resolve_within=self._within(),
            canaries=self._canaries,
            approved=self._approved(),
        )
        return History(setting, list(self.journal.entries))

    @property
    def _canaries(self) -> tuple[str, ...]:
        return tuple(one for subject in self.subjects.values() for one in subject.canaries)

    def _approved(self) -> dict[str, tuple[str, ...]]:
        if self.people is None:
            return {}
        writes = {
            name: tuple(one for one, action in facts.actions.items() if action.effect != "read")
            for name, facts in self.facts.items()
        }
        asked = self.people.actions
        return {name: tuple(one for one in some if not asked or one in asked) for name, some in writes.items()}

    def judge(self) -> Judgement:
        """The checker's word."""
        return check(self.history(), self.effects())

    def _write_event(self, what: Any, who: str = "") -> None:
        with suppress(RuntimeError):
            self.journal.write(Event(self.clock.now(), what, who))

    def _watcher(self, system: str) -> Callable[[RequestFacts, Fault | None], None]:
        def watch(facts: RequestFacts, fault: Fault | None) -> None:
            struck = ("", "", "") if fault is None else (fault.id, str(fault.point), fault.kind)
            attempt, content = ATTEMPT.get(), "" if facts.lane == "auth" else _digest(facts.sent)
            self.journal.write(
                Wire(self.clock.now(), system, facts.operation, facts.lane, *struck, attempt, facts.number, content)
            )

        return watch


def _digest(sent: Sequence[str | bytes]) -> str:
    if not sent:
        return ""
    parts = hashlib.blake2b(digest_size=8)
    for part in sent:
        parts.update(part.encode() if isinstance(part, str) else part)
        parts.update(b"\0")
    return parts.hexdigest()

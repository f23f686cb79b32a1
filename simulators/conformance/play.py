"""One episode of a conformance test: it asks, holds each answer against the effect log, and keeps what was wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ...core.action import Action
from ...core.outcome import Applied, Outcome, Partial, Pending, Rejected, Unknown
from ..chaos import checker
from ..chaos.entries import Asked, Journalled, Probed
from ..chaos.episode import OLDER
from ..chaos.recording import Step
from ..chaos.stage import Stage
from ..chaos.subject import Sample
from ..chaos.verdicts import Invariant
from ..chaos.worker import Worker
from ..effects import Effect
from ..faults import Fault
from ..injector import RequestFacts
from .story import story
from .truth import Truth, truth_of

DEADLINE = 8.0  # virtual seconds that a call is given: less than an attempt, so that a hang ends in doubt
_TURNS = 8  # how often a client asks again
_PAUSE = 5.0  # virtual seconds between two of its questions


class Play:
    """One episode.

    Args:
        stage: Targets and workers.
        folder: Where the ledger is.
    """

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.stage = stage
        self.folder = folder
        self.problems: list[str] = []
        self.tolerated = {Invariant.NOT_VACUOUS}
        """Invariants that say nothing here; vacuity is a matter of whole campaigns."""
        self.struck = asyncio.Event()
        (self.system,) = stage.subjects
        watch = self.target.faults.watch

        def watching(facts: RequestFacts, fault: Fault | None) -> None:
            watch(facts, fault)
            if fault is not None:
                self.struck.set()

        self.target.faults.watch = watching
        self._samples: dict[str, tuple[Action, Sample]] = {}

    @property
    def target(self) -> Any:
        """The simulator."""
        return self.stage.targets[self.system]

    def effects(self) -> list[Effect]:
        """What happened so far."""
        return list(self.target.effects)

    def wrong(self, problem: str) -> None:
        """Something is not as promised."""
        if problem not in self.problems:
            self.problems.append(problem)

    def expect(self, holds: object, otherwise: str) -> None:
        """Something must hold."""
        if not holds:
            self.wrong(otherwise)

    def verdict(self) -> None:
        """End the episode.

        Raises:
            AssertionError: Something was not as promised; the message tells what, and what happened.
        """
        if self.problems:
            told = "\n".join(story(self.stage.journal.entries, self.effects()))
            raise AssertionError("\n".join([*self.problems, "what happened:", told]))

    # Asking -----------------------------------------------------------------------------------------------------

    async def sample(self, name: str, number: int = 1) -> Sample:
        """A sample of an action."""
        made = await self.stage.sample(name, number)
        await self.stage.clock.sleep(OLDER)
        return made

    def truth(self, name: str, sample: Sample) -> Truth:
        """What happened to a single sample."""
        action = self.stage.reader(self.system).actions[name]
        return truth_of(self.effects(), sample.wanted, action if action.batch is None else action.batch.of)

    def truth_of(self, operation: str) -> Truth | None:
        """What happened to an operation that was asked for; None if it was not."""
        if operation not in self._samples:
            return None
        action, sample = self._samples[operation]
        return truth_of(self.effects(), sample.wanted, action)

    async def ask(self, worker: Worker, name: str, sample: Sample, **how: Any) -> Outcome[Any] | None:
        """Ask for a sample, and hold the answer against what really happened.

        Args:
            worker: Whom.
            name: The action.
            sample: For what.
            how: Arguments of `Stage.call`.
        """
        how.setdefault("deadline", DEADLINE)
        before = len(self.stage.journal.entries)
        task = asyncio.ensure_future(self.stage.call(worker, name, sample, **how))
        await asyncio.sleep(0)  # it is written down that it was asked for
        for operation, action, one in self._asked(before, name, sample, how.get("client", "c1")):
            self._samples.setdefault(operation, (action, one))
        outcome = await task
        if outcome is not None and how.get("request") is None and self.stage.reader(self.system).actions[name].writes:
            for one_action, one, answer in self._parts(name, sample, outcome):
                self._compare(one_action, one, answer)
        return outcome

    def _asked(self, since: int, name: str, sample: Sample, client: str) -> Iterator[tuple[str, Action, Sample]]:
        action = self.stage.reader(self.system).actions[name]
        if not action.writes:
            return
        for entry in self.stage.journal.entries[since:]:
            if isinstance(entry, Asked) and (entry.action, entry.client) == (name, client):
                if action.batch is None:
                    yield entry.operation, action, sample
                else:
                    for operation, item in zip(entry.items, sample.items, strict=True):
                        yield operation, action.batch.of, item

    def _parts(self, name: str, sample: Sample, outcome: Outcome[Any]) -> Iterator[tuple[Action, Sample, Outcome[Any]]]:
        action = self.stage.reader(self.system).actions[name]
        if action.batch is None:
            yield action, sample, outcome
            return
        for place, item in enumerate(sample.items):
            yield action.batch.of, item, outcome.items[place] if isinstance(outcome, Partial) else outcome

    def _compare(self, action: Action, sample: Sample, outcome: Outcome[Any]) -> None:
        truth = truth_of(self.effects(), sample.wanted, action)
        match outcome:
            case Applied(receipt=receipt):
                self.expect(truth.copies, f"{action.name} is told as Applied, and its effect is not there")
                self.expect(
                    not truth.copies or truth.content, f"{action.name} is told as Applied, and its content is another"
                )
                made = [one for wanted in sample.wanted for one in wanted.kinds] == ["insert"]
                self.expect(
                    not (made and truth.records and receipt.record) or receipt.record in truth.records,
                    f"{action.name} is told as record {receipt.record}, and is {', '.join(truth.records)}",
                )
            case Rejected(error=error, operation_id=known) if known and truth.copies:
                self.wrong(f"{action.name} is told as Rejected ({type(error).__name__}), and its effect is there")

    async def insist(self, workers: Sequence[Worker], name: str, sample: Sample, **how: Any) -> Outcome[Any] | None:
        """Ask until there is an answer that leaves no doubt, as a careful client does.

        Args:
            workers: Whom, one after the other.
            name: The action.
            sample: For what.
            how: Arguments of `Stage.call`.
        """
        outcome: Outcome[Any] | None = None
        for turn in range(_TURNS):
            alive = [one for one in workers if one.alive]
            outcome = await self.ask(alive[turn % len(alive)], name, sample, **how) if alive else None
            if outcome is not None and not leaves_doubt(outcome):
                break
            if not alive:
                break
            await self.stage.clock.sleep(_PAUSE)
        return outcome

    async def meanwhile(self, event: asyncio.Event, then: Callable[[], Awaitable[None]], work: Awaitable[Any]) -> None:
        """Let something happen as soon as an event is there, while work goes on; both have ended afterwards."""
        task = asyncio.ensure_future(work)
        waiting = asyncio.ensure_future(event.wait())
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if event.is_set():
            await then()
        await task

    # The end ----------------------------------------------------------------------------------------------------

    async def conclude(self) -> dict[str, tuple[str, Truth]]:
        """Heal, settle, and hold what the ledger says in the end against what really happened.

        Returns:
            Operation → its status (empty if the ledger has none) and its truth.
        """
        self.stage.heal()
        left = await self.stage.settle()
        self.expect(not left, f"{left} operations are still open after the target has healed")
        statuses = await self._statuses()
        ended: dict[str, tuple[str, Truth]] = {}
        for operation, (action, sample) in self._samples.items():
            truth = truth_of(self.effects(), sample.wanted, action)
            status = statuses.get(operation, "")
            ended[operation] = status, truth
            self._hold(action.name, status, truth)
        self._probes_were_honest()
        for verdict in checker.check(self.stage.history(), self.stage.effects()).verdicts:
            if verdict.result == "invalid" and verdict.invariant not in self.tolerated:
                for witness in verdict.witnesses[:1]:
                    self.wrong(f"invariant {int(verdict.invariant)} ({verdict.invariant.title}): {witness.says}")
        return ended

    def _hold(self, name: str, status: str, truth: Truth) -> None:
        known = status or "not known"
        self.expect(truth.copies <= 1, f"{name} is {known} in the ledger, and {truth.copies} effects are there")
        self.expect(truth.whole, f"{name} is {status}, and only a part of it is there")
        if status == "applied":
            self.expect(truth.copies, f"{name} is applied in the ledger, and its effect is not there")
            self.expect(not truth.copies or truth.content, f"{name} is applied in the ledger, with other content")
        elif status in ("", "rejected"):
            self.expect(not truth.copies, f"{name} is {known} in the ledger, and its effect is there")
        elif status != "parked":
            self.wrong(f"{name} is still {status} after the target has healed")

    async def _statuses(self) -> dict[str, str]:
        alive = next(worker for worker in self.stage.workers if worker.alive)
        found: dict[str, str] = {}
        for entry in self.stage.journal.entries:
            if isinstance(entry, Journalled) and entry.operation not in found:
                row = await alive.process.run(alive.wall.ledger.get(entry.operation_id))
                found[entry.operation] = "" if row is None else str(row.status)
        return found

    def _probes_were_honest(self) -> None:
        for entry in self.stage.journal.entries:
            if not isinstance(entry, Probed) or entry.finding != "absent" or entry.operation not in self._samples:
                continue
            action, sample = self._samples[entry.operation]
            seen_by = entry.began - entry.read_lag
            if any(at < seen_by for at in truth_of(self.effects(), sample.wanted, action).at):
                self.wrong(f"a probe of {action.name} says absent, and the effect was there before it looked")


def at(step_name: str, *, stay: float = 0.1) -> tuple[asyncio.Event, Step]:
    """An event that is set when an operation first comes to a step, and the step that sets it and stays there.

    Args:
        step_name: See `recording.Step`.
        stay: Virtual seconds for which it stays, so that something can happen right there.
    """
    event = asyncio.Event()

    async def step(now: str, worker: str, system: str, action: str) -> None:  # noqa: ARG001 -- the seam's signature
        if now == step_name and not event.is_set():
            event.set()
            await asyncio.sleep(stay)

    return event, step


def leaves_doubt(outcome: Outcome[Any]) -> bool:
    """Whether a careful client would ask again."""
    match outcome:
        case Partial(items=items):
            return any(leaves_doubt(item) for item in items)
        case Rejected(error=error):
            return error.transient
        case Pending(waits_for=waits_for):
            return waits_for == "operation"
        case Unknown():
            return True
    return False


def parts(outcome: Outcome[Any] | None) -> tuple[Outcome[Any] | None, ...]:
    """The outcomes of a batch's items; the outcome itself where it is of one request."""
    return outcome.items if isinstance(outcome, Partial) else (outcome,)

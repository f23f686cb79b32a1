"""Writes down what an adapter is told to do and what it answers, and what a ledger has durably written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

from pydantic import BaseModel

from ...core.adapter import (
    Absent,
    Action,
    Adapter,
    Attempt,
    CannotTell,
    Finding,
    ItemResult,
    Many,
    Present,
    Sent,
    Surroundings,
)
from ...core.clock import Clock
from ...core.errors import IntegrationError
from ...core.identity import digest
from ..origin import ATTEMPT, REPLIED
from .entries import Answered, Attempted, Entry, FindingWord, Probed, Replied

Step: TypeAlias = Callable[[str, str, str, str], Awaitable[None]]
"""Awaited at each named step of an operation, so that something can happen there: step, process, system and action.

`before_journal` and `after_journal` are around the intent, `before_send` and `after_send` around the adapter's send,
`before_record` is before the verdict."""


async def nothing(step: str, worker: str, system: str, action: str) -> None:
    """Let every step pass."""


class Journal:
    """What is written down, in order, and the names of logical operations.

    Args:
        clock: The virtual clock.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.entries: list[Entry] = []
        self.attempts = 0
        self.shown: dict[str, str] = {}
        """Approval → digest of the request that people were shown."""
        self.asked: Callable[[str], None] = lambda _: None
        """Told of each approval that people are asked for."""
        self._names: dict[tuple[str, str], str] = {}
        self._ids: dict[str, str] = {}

    def write(self, entry: Entry) -> None:
        """Add an entry."""
        self.entries.append(entry)

    def name(self, system: str, key: str, operation: str) -> None:
        """A logical operation is known by a key."""
        self._names.setdefault((system, key), operation)

    def begun(self, system: str, key: str, operation_id: str) -> None:
        """The ledger has an operation with a key."""
        self._ids[operation_id] = self.operation_with(system, key)

    def operation(self, operation_id: str) -> str:
        """The logical operation behind the ledger's id; empty if there is none."""
        return self._ids.get(operation_id, "")

    def operation_with(self, system: str, key: str) -> str:
        """The logical operation that is known by a key, whatever the ledger has; the key itself if there is none."""
        return self._names.get((system, key), key)

    def next_attempt(self) -> int:
        """A number for an attempt or probe."""
        self.attempts += 1
        return self.attempts


def undoing(operation: str) -> str:
    """The name of the logical operation that undoes another."""
    return f"undo of {operation}"


class RecordedAdapter(Adapter):
    """An adapter, with everything that it is told and answers written down.

    Args:
        inner: The adapter under test.
        system: The system's name.
        worker: The process it belongs to.
        journal: Where it is written down.
        step: See `Step`.
    """

    kind = "recorded"
    version = "0"

    def __init__(self, inner: Adapter, system: str, worker: str, journal: Journal, step: Step = nothing) -> None:
        self.inner = inner
        vars(self).update(kind=inner.kind, version=inner.version, settings_model=type(inner).settings_model)
        self._system = system
        self._worker = worker
        self._journal = journal
        self._step = step

    @classmethod
    def open(cls, settings: Any, surroundings: Surroundings) -> Adapter:
        """It is made around one that is open."""
        raise NotImplementedError("a recorded adapter is made around an open one")

    @property
    def actions(self) -> Any:
        """Those of the adapter under test."""
        return self.inner.actions

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        """Do it once on the wire, and write it down."""
        number = self._attempted(action, [attempt])
        with self._on_the_wire(number):
            try:
                await self._step("before_send", self._worker, self._system, action.name)
                answer = await self.inner.send(action, attempt)
                self._answered(number, action, [attempt], [answer])
                await self._step("after_send", self._worker, self._system, action.name)
            except Exception as error:
                self._answered(number, action, [attempt], [error])
                raise
        return answer

    async def send_batch(self, action: Action, request: BaseModel, items: Sequence[Attempt]) -> Sequence[ItemResult]:
        """Do many in one call, and write each down."""
        assert action.batch is not None
        number = self._attempted(action.batch.of, items)
        with self._on_the_wire(number):
            try:
                await self._step("before_send", self._worker, self._system, action.name)
                answers = await self.inner.send_batch(action, request, items)
                self._answered(number, action, items, answers)
                await self._step("after_send", self._worker, self._system, action.name)
            except Exception as error:
                self._answered(number, action, items, [error] * len(items))
                raise
        return answers

    async def probe(self, action: Action, attempt: Attempt) -> Finding:
        """Look, and write down what was found."""
        number, began = self._journal.next_attempt(), self._journal.clock.now()
        found: FindingWord = "error"
        try:
            with self._on_the_wire(number):
                finding = await self.inner.probe(action, attempt)
            found = _word(finding)
        finally:
            self._journal.write(
                Probed(
                    self._journal.clock.now(),
                    began,
                    self._worker,
                    self._system,
                    action.name,
                    self._journal.operation(attempt.operation_id),
                    attempt.operation_id,
                    found,
                    0.0 if action.probe is None else action.probe.read_lag,
                    number,
                )
            )
        return finding

    async def close(self) -> None:
        """Close the adapter under test."""
        await self.inner.close()

    @contextmanager
    def _on_the_wire(self, number: int) -> Iterator[None]:
        """Whatever reaches the target, and comes back from it, meanwhile is of an attempt or probe with this number."""

        def replied(status: int, size: int, retry_after: str) -> None:
            now = self._journal.clock.now()
            self._journal.write(Replied(now, self._worker, self._system, number, status, size, retry_after))

        ours, theirs = ATTEMPT.set(number), REPLIED.set(replied)
        try:
            yield
        finally:
            REPLIED.reset(theirs)
            ATTEMPT.reset(ours)

    def _attempted(self, action: Action, attempts: Sequence[Attempt]) -> int:
        number, now = self._journal.next_attempt(), self._journal.clock.now()
        for attempt in attempts:
            self._journal.write(
                Attempted(
                    now,
                    number,
                    self._worker,
                    self._system,
                    action.name,
                    self._operation(action, attempt),
                    attempt.operation_id,
                    attempt.key,
                    digest(attempt.request.model_dump_json(exclude_defaults=True)),
                    attempt.number,
                    attempt.maybe_applied,
                )
            )
        return number

    def _operation(self, action: Action, attempt: Attempt) -> str:
        """The logical operation of an attempt; a write has one although the ledger never heard of it."""
        known = self._journal.operation(attempt.operation_id)
        if known or not action.writes:
            return known
        return self._journal.operation_with(self._system, attempt.key) or attempt.operation_id

    def _answered(self, number: int, action: Action, attempts: Sequence[Attempt], answers: Sequence[Any]) -> None:
        now = self._journal.clock.now()
        for attempt, answer in zip(attempts, answers, strict=False):
            operation = self._operation(action, attempt)
            if isinstance(answer, IntegrationError):
                entry = Answered(
                    now, number, operation, answer.effect, type(answer).__name__, answer.code or "", answer.retry_after
                )
            elif isinstance(answer, BaseException):
                entry = Answered(now, number, operation, "maybe", type(answer).__name__)
            else:
                entry = Answered(now, number, operation, "applied")
            self._journal.write(entry)


def _word(finding: Finding) -> FindingWord:
    match finding:
        case Present(differs=differs, superseded=superseded) if differs and not superseded:
            return "differs"
        case Present():
            return "present"
        case Absent():
            return "absent"
        case CannotTell():
            return "cannot_tell"
        case Many():
            return "many"

"""Adapters that are as they should be but for one thing, put on trial."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from seawall.core.adapter import (
    Action,
    Adapter,
    Attempt,
    ConnectorSettings,
    Finding,
    ItemResult,
    Sent,
    Surroundings,
)
from seawall.simulators.chaos.subject import Subject
from seawall.simulators.conformance.ladder import CaseResult
from seawall.simulators.conformance.running import BY_NAME, cases_of, result_of
from seawall.simulators.conformance.trial import Trial


class Passing(Adapter):
    """An adapter as it is; whatever is planted is a subclass of this.

    Args:
        inner: The adapter.
        target: The simulator.
        around: What the adapter was given.
    """

    kind = "planted"
    version = "1"
    settings_model = ConnectorSettings

    def __init__(self, inner: Adapter, target: Any, around: Surroundings) -> None:
        self.inner = inner
        self.target = target
        self.around = around

    @classmethod
    def open(cls, settings: Any, surroundings: Surroundings) -> Adapter:
        raise NotImplementedError

    @property
    def actions(self) -> Mapping[str, Action]:
        return self.inner.actions

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        return await self.inner.send(action, attempt)

    async def send_batch(self, action: Action, request: Any, items: Sequence[Attempt]) -> Sequence[ItemResult]:
        return await self.inner.send_batch(action, request, items)

    async def probe(self, action: Action, attempt: Attempt) -> Finding:
        return await self.inner.probe(action, attempt)

    async def close(self) -> None:
        await self.inner.close()


def planted(subject: type[Subject], adapter: Callable[[Adapter, Any, Surroundings], Adapter] = Passing) -> Trial:
    """A trial of a subject whose adapter is another one, made around its own."""

    class Planted(subject):  # type: ignore[misc, valid-type]
        def adapter(self, target: Any, around: Surroundings) -> Adapter:
            return adapter(super().adapter(target, around), target, around)

    return Trial(Planted())


def tried(trial: Trial, check: str, case: str) -> CaseResult:
    """What a case of a check comes to."""
    (found,) = [one for one in cases_of(trial, BY_NAME[check]) if one.id == case]
    return result_of(BY_NAME[check], found)

"""A subject whose adapter is altered on its way, for tests that need it to misbehave."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from ...core.adapter import Action, Adapter, Attempt, ConnectorSettings, Finding, ItemResult, Sent, Surroundings
from ..chaos.subject import Change, Sample, Sampler, Subject
from ..faults import Plan
from ..virtual_time import LoopClock


class Altered(Subject):
    """The same subject; its workers' adapters call `after_send` when a write has been sent.

    Args:
        inner: The subject.
        after_send: Called then; it may raise.
    """

    def __init__(self, inner: Subject, *, after_send: Callable[[], None]) -> None:
        self._inner = inner
        self._spoil = after_send
        told = ("name", "settings", "lanes", "batches", "kinds", "traits", "values", "canaries")
        vars(self).update({one: getattr(inner, one) for one in told})

    def target(self, plan: Plan, clock: LoopClock) -> Any:
        """The same."""
        return self._inner.target(plan, clock)

    def adapter(self, target: Any, around: Surroundings) -> Adapter:
        """The adapter, altered."""
        return AlteredAdapter(self._inner.adapter(target, around), self._spoil)

    def samples(self, target: Any) -> Mapping[str, Sampler]:
        """The same."""
        return self._inner.samples(target)

    def refusals(self, target: Any) -> Mapping[str, Mapping[str, Sampler]]:
        """The same."""
        return self._inner.refusals(target)

    def look_alike(self, target: Any, sample: Sample) -> bool:
        """The same."""
        return self._inner.look_alike(target, sample)

    def remove(self, target: Any, action: str, record: str) -> bool:
        """The same."""
        return self._inner.remove(target, action, record)

    def change(self, target: Any, sample: Sample, record: str, to: Change) -> bool:
        """The same."""
        return self._inner.change(target, sample, record, to)

    def stored(self, target: Any, action: str, record: str) -> Mapping[str, Any]:
        """The same."""
        return self._inner.stored(target, action, record)


class AlteredAdapter(Adapter):
    """An adapter in another's place.

    Args:
        inner: The adapter.
        after_send: Called when a write has been sent.
    """

    kind = "altered"
    version = "0"
    settings_model = ConnectorSettings

    def __init__(self, inner: Adapter, after_send: Callable[[], None]) -> None:
        self.inner = inner
        self._after_send = after_send
        vars(self).update(kind=inner.kind, version=inner.version)

    @classmethod
    def open(cls, settings: Any, surroundings: Surroundings) -> Adapter:
        """It is made around one that is open."""
        raise NotImplementedError("an altered adapter is made around an open one")

    @property
    def actions(self) -> Mapping[str, Action]:
        """The same."""
        return self.inner.actions

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        """Send it, and then do what is to be done after it."""
        sent = await self.inner.send(action, attempt)
        if action.writes:
            self._after_send()
        return sent

    async def send_batch(self, action: Action, request: BaseModel, items: Sequence[Attempt]) -> Sequence[ItemResult]:
        """The same for many."""
        sent = await self.inner.send_batch(action, request, items)
        self._after_send()
        return sent

    async def probe(self, action: Action, attempt: Attempt) -> Finding:
        """The same."""
        return await self.inner.probe(action, attempt)

    async def close(self) -> None:
        """The same."""
        await self.inner.close()

"""What the kit needs of an adapter: the adapter, its simulator, and requests with the effects they must have."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol, TypeAlias

from ...core.adapter import Adapter, Surroundings
from ..effects import Effect
from ..faults import Plan
from ..injector import FaultInjector
from ..kinds import Lane
from ..virtual_time import LoopClock
from ..vocabulary import Traits
from .entries import Wanted
from .strict import count_in


class SubjectError(LookupError):
    """A subject that is not there or cannot be tried; the message names it and says what to do."""


class Target(Protocol):
    """A simulated system as an episode needs it."""

    @property
    def effects(self) -> Iterable[Effect]:
        """What really happened, in order."""
        ...

    @property
    def faults(self) -> FaultInjector:
        """Chooses the faults."""
        ...

    async def settle(self) -> None:
        """Wait until no late commit is outstanding."""
        ...

    def close(self) -> None:
        """Release what it holds."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """What is read before a request can be made.

    Args:
        action: The read action.
        request: Its request, or the fields of it.
        then: Makes the request, or its fields, from the reply's value.
    """

    action: str
    request: Any
    then: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Sample:
    """One request, and how it is known in the effect log.

    Args:
        request: The request model, or its fields. Its identity is its own: no two samples are the same request.
            None where it can only be made after reading.
        wanted: The effects by which it is known. Empty for reads. For a batch, see `items`.
        reworded: The same request with other content that is no part of its identity: a client that asks so must hear
            of a conflict. The kit makes one itself if None.
        items: For a batch: the samples of the single action that its items are. `request` then makes the batch's
            request from the list of theirs.
        reply: Field → value that the reply must hold, as far as the sample knows.
        after_reading: For a change of what a caller saw: the read action and its request, and what makes the real
            request from the reply. It is read without faults, before anything is asked.
        newer: A later change of the same record, by the same action, for a client that has seen the answer to this
            one. It is made by `after_reading`, and it writes something else into the same fields.
    """

    request: Any
    wanted: tuple[Wanted, ...] = ()
    reworded: Any = None
    items: tuple[Sample, ...] = ()
    reply: Mapping[str, Any] = field(default_factory=dict)
    after_reading: Reading | None = None
    newer: Sample | None = None


Change: TypeAlias = Literal["beside", "over", "alike"]
"""What somebody else changes of a record: what a sample leaves alone, what it asks for, or that to the same content."""

Sampler: TypeAlias = Callable[[int], Sample]
"""Makes the n-th sample of an action; it may add to the simulator what the request is about."""


class Subject(ABC):
    """An adapter under test with its simulator. All it makes is made anew for each episode."""

    name: ClassVar[str]
    """Short name, for reports; also the name of its system, so without dots."""
    settings: ClassVar[Mapping[str, Any]] = {}
    """What `[systems.NAME]` has beside the connector's own settings: deadline, retry, breaker, limits …"""
    lanes: ClassVar[Mapping[str, Lane]]
    """The simulator's requests and their lanes: what a fault can be aimed at."""
    batches: ClassVar[Collection[str]] = ()
    """Those of them that carry several items."""
    kinds: ClassVar[Collection[str] | None] = None
    """The kinds of fault that the simulator carries out; None for all that its lanes and traits allow.

    What it carries out and is not named here is listed as to do: a simulator refuses plans that it cannot carry out."""
    traits: ClassVar[Traits | None] = None
    """What the simulator is; if None a database where its lanes have a `commit`, and else a system behind HTTP."""
    values: ClassVar[Mapping[str, Collection[object]]] = {}
    """Parameter of a fault → the values that the simulator knows of it; all of them where nothing is said."""
    canaries: ClassVar[tuple[str, ...]] = ()
    """The secrets that its settings hold."""

    @abstractmethod
    def target(self, plan: Plan, clock: LoopClock) -> Any:
        """A new simulator with the plan's faults (`Target`), on the given clock."""

    @abstractmethod
    def adapter(self, target: Any, around: Surroundings) -> Adapter:
        """An adapter that reaches the target in this process; several may be open at once."""

    @abstractmethod
    def samples(self, target: Any) -> Mapping[str, Sampler]:
        """For each action that is to be tried, what makes its requests."""

    def refusals(self, target: Any) -> Mapping[str, Mapping[str, Sampler]]:  # noqa: ARG002 -- for those that can
        """Action → error code of the target → what makes requests that it refuses with that code.

        Name those that an action declares and no fault brings about. They are no batches, and need no
        `wanted`; `after_reading` is read first.
        """
        return {}

    def look_alike(self, target: Any, sample: Sample) -> bool:  # noqa: ARG002 -- for those that can
        """Put a record into the target that looks like the sample's, without its key; not into the effect log.

        False for what makes no records; for what does, that is listed as to do.
        """
        return False

    def remove(self, target: Any, action: str, record: str) -> bool:  # noqa: ARG002 -- for those that can
        """Delete a record that an action made, as somebody else would; without an entry in the effect log.

        False for what makes no records; for what does, that is listed as to do.
        """
        return False

    def change(self, target: Any, sample: Sample, record: str, to: Change) -> bool:  # noqa: ARG002 -- for those that can
        """Change a record that a sample made or is to change, as somebody else would; not the place of its key.

        The effect log is of what adapters do: with this in it, it would count as theirs.

        Args:
            target: The simulator.
            sample: The sample.
            record: The record's id.
            to: How; `over` for what the sample made.

        Returns:
            False for what has no record; for what has one, that is listed as to do, unless its key is in a row of its
            own (`Transactional`) and it names no version.
        """
        return False

    def stored(self, target: Any, action: str, record: str) -> Mapping[str, Any]:  # noqa: ARG002 -- for those that can
        """What the target holds of a record that an action changes or deletes, by the names of its effect log.

        Empty where the record is not there, and where nobody can say.
        """
        return {}


def opened(subject: Subject, target: Any, around: Surroundings) -> Adapter:
    """A subject's adapter; the packages of its classes are held to what is injected, wherever they are installed."""
    adapter = subject.adapter(target, around)
    count_in(*(one for one in type(adapter).__mro__ if issubclass(one, Adapter)))
    return adapter

"""What an action is, as facts: its effect, its identity, and how the target can be kept from doing it twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict

from .errors import IntegrationError

R = TypeVar("R", bound=BaseModel)


class Request(BaseModel, Generic[R]):
    """Base of every request model; `R` is the reply model, so that calls are typed by their request."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Reply(BaseModel):
    """Base of every reply model. Fields that the target adds later are ignored; missing ones are an error."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class EffectClass(StrEnum):
    """What an action does to the target."""

    READ = "read"
    CREATE = "create"
    SET = "set"  # overwrite or upsert
    CHANGE = "change"  # relative: add 5 to the balance
    DELETE = "delete"
    SEND = "send"  # visible to people or machines, and irreversible
    OPAQUE = "opaque"


@dataclass(frozen=True, slots=True)
class NativeKey:
    """The target remembers an idempotency key for `ttl` seconds after the first send."""

    ttl: float


@dataclass(frozen=True, slots=True)
class Upsert:
    """The target writes by a unique key `on`; the same write twice leaves one record."""

    on: str


@dataclass(frozen=True, slots=True)
class ClientId:
    """We choose a unique value of `field`; the target refuses a second record with it, and says so."""

    field: str


@dataclass(frozen=True, slots=True)
class Transactional:
    """The key is written in the same transaction as the effect."""


@dataclass(frozen=True, slots=True)
class Marker:
    """The key is written into `field`, where a probe finds it. The target does not enforce uniqueness."""

    field: str


@dataclass(frozen=True, slots=True)
class NaturalKey:
    """Nothing of ours can be written; a probe compares `fields` (and what was there before, with `pre_image`)."""

    fields: tuple[str, ...]
    pre_image: bool = False


@dataclass(frozen=True, slots=True)
class NoDedupe:
    """The target offers no way to recognise a repetition."""


DedupeMeans: TypeAlias = NativeKey | Upsert | ClientId | Transactional | Marker | NaturalKey | NoDedupe


@dataclass(frozen=True, slots=True)
class ReadPath:
    """How a probe reads.

    Args:
        read_lag: Seconds by which what it reads may be behind what is committed.
        absent_is_final: True only where the target guarantees that a write not visible now never will be
            (a finished transaction, a job in a terminal state); otherwise the late-commit horizon must pass.
    """

    read_lag: float = 0.0
    absent_is_final: bool = False


def fresh(*, absent_is_final: bool = False) -> ReadPath:
    """A probe that sees every committed write at once."""
    return ReadPath(0.0, absent_is_final)


def lagging(read_lag: float) -> ReadPath:
    """A probe whose answers may be `read_lag` seconds old (replica, search index)."""
    return ReadPath(read_lag)


@dataclass(frozen=True, slots=True)
class Mapped:
    """What one of the target's error codes means.

    Args:
        error: The class of error.
        transient: Overrides the class's default.
        outage: Overrides the class's default; True charges the breaker.
    """

    error: type[IntegrationError]
    transient: bool | None = None
    outage: bool | None = None

    def build(self, message: str, **facts: Any) -> IntegrationError:
        """The error, with `message` and further keyword arguments of `IntegrationError`."""
        return self.error(message, transient=self.transient, outage=self.outage, **facts)


@dataclass(frozen=True, slots=True)
class Batch:
    """Facts of an action that carries many items, each an operation of its own.

    Args:
        of: The single action that one item stands for; it gives identity, key and probe.
        items: The request field that holds the items.
        max_size: As many items as the target takes in one call.
        atomic: The boolean request field that asks for all or nothing, if there is one.
    """

    of: Action
    items: str
    max_size: int
    atomic: str | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """Something that was done and is to be undone.

    Args:
        request: The request, as its model.
        value: The reply, as its model; what is proven by a probe looks the same.
        record: The record's id in the target, where there is one.
    """

    request: Any
    value: Any
    record: str | None


@dataclass(frozen=True, slots=True)
class Compensation:
    """How an action is undone: by another action of the same adapter, as an operation of its own.

    Args:
        by: The name of that action.
        request: Makes its request from what was done.
    """

    by: str
    request: Callable[[Done], BaseModel]


@dataclass(frozen=True, slots=True)
class Observation:
    """How what a write is about to change can be seen beforehand: by a read action of the same adapter.

    People who must approve the write are shown it, and it is read again right before their approval is spent.

    Args:
        by: The name of that action.
        request: Makes its request from the write's; None where there is nothing to see.
        version: The reply field that changes whenever the record does; None to compare all fields.
    """

    by: str
    request: Callable[[Any], BaseModel | None]
    version: str | None = None


Resend: TypeAlias = Literal["same_key", "after_absence", "never"]


@dataclass(frozen=True, kw_only=True)
class Action:
    """A typed thing that a connector can do. Contradictory facts are refused when it is defined.

    Args:
        name: In snake_case, unique in its adapter.
        description: For a person or a model that must choose: what it does, what it changes.
        request: The request model.
        reply: The reply model.
        effect: The effect class.
        identity: Request fields: the business facts that make two requests the same request.
        version: The request field that holds what the caller last saw (`set`, `change`, `delete`).
        entity: The request field that names the record it writes, so that two writes do not overtake each other.
        commutative: True where two writes to one entity may be applied in any order.
        dedupe: The strongest dedupe means that is true.
        probe: How `Adapter.probe` reads; None where no probe exists.
        horizon: Late-commit horizon in seconds: how long after a lost reply the target may still commit.
            None where nobody knows: then an absence is never a proof, and the operation is parked.
        errors: The target's error codes and what they mean, beside those that the whole adapter declares.
        compensation: How it is undone, if it can be.
        observation: How what it is about to change can be seen beforehand, if it can be.
        batch: Facts of a batch action.
        retry: Say True or False to insist on what happens after an ambiguous attempt; a contradiction is refused.
        idempotent: Say True or False to insist on it; a contradiction is refused.

    Raises:
        ContradictoryAction: The facts cannot all be true; the message says what to do.
    """

    name: str
    description: str
    request: type[BaseModel]
    reply: type[BaseModel]
    effect: EffectClass
    identity: tuple[str, ...] = ()
    version: str | None = None
    entity: str | None = None
    commutative: bool = False
    dedupe: DedupeMeans = field(default_factory=NoDedupe)
    probe: ReadPath | None = None
    horizon: float | None = None
    errors: Mapping[str, Mapped] = field(default_factory=dict)
    compensation: Compensation | None = None
    observation: Observation | None = None
    batch: Batch | None = None
    retry: bool | None = None
    idempotent: bool | None = None

    def __post_init__(self) -> None:
        from .contradictions import refuse_contradictions

        refuse_contradictions(self)

    @property
    def writes(self) -> bool:
        """False for reads only."""
        return self.effect is not EffectClass.READ

    @property
    def resend(self) -> Resend:
        """What an ambiguous attempt allows: at once with the same key, only after a proven absence, or never."""
        if isinstance(self.dedupe, NativeKey | Upsert | ClientId | Transactional):
            return "never" if self.retry is False else "same_key"
        if isinstance(self.dedupe, Marker | NaturalKey):
            return "never" if self.retry is False else "after_absence"
        return "never"

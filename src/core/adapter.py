"""The adapter interface: all that the author of a connector writes.

Models, `send`, `probe`, `close`, and facts (`Action`). Retries, keys, ledger, breakers, deadlines, redaction,
approval, telemetry and tool schemas are not the author's to get wrong.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict

from .action import (
    Action,
    Batch,
    ClientId,
    Compensation,
    Done,
    EffectClass,
    Mapped,
    Marker,
    NativeKey,
    NaturalKey,
    NoDedupe,
    Observation,
    ReadPath,
    Reply,
    Request,
    Transactional,
    Upsert,
    fresh,
    lagging,
)
from .clock import Sources
from .errors import IntegrationError
from .redaction import Secrets

T = TypeVar("T", bound=BaseModel)


class ConnectorSettings(BaseModel):
    """Base of the settings that a connector takes from `[systems.NAME]` in the configuration."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an adapter is given beside its settings.

    Args:
        system: The name of the system it serves.
        sources: Clock, randomness and ids.
        secrets: Where it registers every credential and token it holds, so that none is ever written down.
    """

    system: str
    sources: Sources = field(default_factory=Sources)
    secrets: Secrets = field(default_factory=Secrets)


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try on the wire.

    Args:
        operation_id: The operation it belongs to; empty for reads.
        key: The idempotency key, the same for every attempt and every item's life; empty for reads.
        request: The validated request.
        number: 1 for the first.
        timeout: Seconds this attempt may take.
        maybe_applied: True when an earlier attempt may have landed: nothing may be sent again inside this one.
        sent_before: Seconds since the epoch of the first attempt that may have landed, else None.
        may_send: Asked right before the bytes of a write leave, after logins and waits for a connection. When it
            says no, another process may have taken the operation over: raise `NotSent` with `transient=True`, and send
            nothing; the next attempt asks the ledger.
    """

    operation_id: str
    key: str
    request: BaseModel
    number: int = 1
    timeout: float = 10.0
    maybe_applied: bool = False
    sent_before: float | None = None
    may_send: Callable[[], bool] = _always


@dataclass(frozen=True, slots=True)
class Sent(Generic[T]):
    """What the target acknowledged.

    Args:
        value: The reply model.
        record: The record's id in the target.
        facts: Other facts for the receipt, JSON values.
    """

    value: T
    record: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


ItemResult: TypeAlias = Sent[Any] | IntegrationError
"""What one item of a batch came to."""


@dataclass(frozen=True, slots=True)
class Present(Generic[T]):
    """A probe found our effect.

    Args:
        value: The reply model, as the action would have answered.
        record: The record's id.
        differs: Names of fields whose content is not what was asked for.
        superseded: True when the record was changed after our effect, which explains a difference.
        facts: Evidence, JSON values.
    """

    value: T
    record: str | None = None
    differs: tuple[str, ...] = ()
    superseded: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Absent:
    """A probe read the place where our effect would be, and it is not there (yet)."""

    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CannotTell:
    """A probe read, but what it found decides nothing.

    Args:
        reason: In words, for the person who must decide.
    """

    reason: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Many:
    """A probe found more than one record with our key: a duplicate exists.

    Args:
        records: The ids; none is chosen.
    """

    records: tuple[str, ...]


Finding: TypeAlias = Present[Any] | Absent | CannotTell | Many
"""What a probe may answer. It never answers `Absent` while the record is there."""


class Adapter(ABC):
    """Base of every connector.

    An instance belongs to one system and one event loop. `send` and `probe` raise `IntegrationError`s only as
    `core.errors` defines them; anything else counts as `Ambiguous`.
    """

    kind: ClassVar[str]
    """The kind of system, as `connector = "…"` in the configuration names it."""
    version: ClassVar[str]
    """The adapter's version; recorded with each operation."""
    settings_model: ClassVar[type[ConnectorSettings]]
    """What `[systems.NAME.settings]` must look like."""
    examples: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Settings under a short name each, for pages: they show how the actions' facts depend on the settings."""
    limits: ClassVar[Mapping[str, str]] = {}
    """Known limits in words, by action (`*`: of all): what the promises depend on, and what they do not cover."""

    @classmethod
    @abstractmethod
    def open(cls, settings: Any, surroundings: Surroundings) -> Adapter:
        """Make an adapter from an instance of `settings_model`. Connects to nothing yet."""

    @property
    @abstractmethod
    def actions(self) -> Mapping[str, Action]:
        """The actions by name, as true for this system's settings."""

    def definitions(self) -> Mapping[str, bytes]:
        """What its actions were made from that lies outside of its code (declarations, modules of actions), by name.

        A conformance report is believed only for the very same. Adapters whose actions are code need not say anything.
        """
        return {}

    @abstractmethod
    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        """Do it once on the wire.

        Raises:
            IntegrationError: `NotSent` only if nothing was sent, `Refused` only on the target's own word.
        """

    async def send_batch(self, action: Action, request: BaseModel, items: Sequence[Attempt]) -> Sequence[ItemResult]:
        """Do many in one call, answering for each item in order. `request` is the batch request as it was made.

        Raises:
            IntegrationError: For the call as a whole; it then holds for every item.
        """
        raise NotImplementedError(f"{type(self).__name__} declares a batch action but no send_batch")

    async def probe(self, action: Action, attempt: Attempt) -> Finding:
        """Find out whether an earlier attempt with `attempt.key` landed. Reads only.

        Raises:
            IntegrationError: The probe itself failed; that says nothing about the effect.
        """
        raise NotImplementedError(f"{type(self).__name__} declares a probe but has none")

    async def close(self) -> None:
        """Release connections."""
        return


__all__ = [
    "Absent",
    "Action",
    "Adapter",
    "Attempt",
    "Batch",
    "CannotTell",
    "ClientId",
    "Compensation",
    "ConnectorSettings",
    "Done",
    "EffectClass",
    "Finding",
    "ItemResult",
    "Many",
    "Mapped",
    "Marker",
    "NativeKey",
    "NaturalKey",
    "NoDedupe",
    "Observation",
    "Present",
    "ReadPath",
    "Reply",
    "Request",
    "Secrets",
    "Sent",
    "Surroundings",
    "Transactional",
    "Upsert",
    "fresh",
    "lagging",
]

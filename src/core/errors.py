"""What can go wrong, named by what is then known of the effect in the target.

    IntegrationError
    ├── NotSent               effect none   nothing left this process
    │   ├── InvalidRequest      the request does not fit the action
    │   ├── ConnectFailed       no connection: nothing could be sent
    │   ├── PoolExhausted       no free connection of ours
    │   ├── BulkheadFull        too many calls of ours wait for this system
    │   ├── RateLimited         our own rate limit
    │   ├── CircuitOpen         our breaker holds calls back
    │   ├── Paused              a person holds calls back
    │   ├── BudgetExhausted     the retry budget is spent
    │   ├── DeadlineBeforeSend  no time was left to send it
    │   ├── Denied              no policy rule allows it
    │   └── LedgerUnavailable   the intent could not be made durable
    ├── Refused               effect none   the target itself said no
    │   ├── Unauthenticated  Forbidden  Throttled  Conflict
    │   └── NotFound  PreconditionFailed  BusinessRule
    ├── Ambiguous             effect maybe  it may have happened
    │   ├── ReplyTimeout  ConnectionLost  GatewayError
    │   └── CommitUnknown  UnreadableReply  Cancelled
    └── ContractBroken        effect maybe  the reply parsed, but is not what the action promises

Two rules decide everything. An error that is not mapped, raised after the first byte was sent, is
`Ambiguous`. `Refused` needs positive evidence from the target itself; a gateway's page is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

Effect = Literal["none", "applied", "maybe"]
"""What is known to have happened in the target."""


class IntegrationError(Exception):
    """A call that did not come back as an action promises.

    Args:
        message: One sentence for a person, free of secrets.
        code: The target's own error code, or one of ours in snake_case.
        retry_after: Seconds after which it is worth trying again, where that is known.
        transient: Whether the same request may succeed later; default by class.
        outage: Whether it speaks against the health of the system, and so charges the breaker; default by class.
        effect: What is known of the effect; default by class. Only a proof may make it smaller.
        evidence: Facts that led to this classification (status, content type, …), JSON values only.
    """

    default_effect: ClassVar[Effect] = "maybe"
    default_transient: ClassVar[bool] = False
    default_outage: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        retry_after: float | None = None,
        transient: bool | None = None,
        outage: bool | None = None,
        effect: Effect | None = None,
        evidence: Mapping[str, Any] | None = None,
        system: str = "",
        action: str = "",
        attempt: int = 0,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.retry_after = retry_after
        self.transient = self.default_transient if transient is None else transient
        self.outage = self.default_outage if outage is None else outage
        self.effect: Effect = effect or self.default_effect
        self.evidence = dict(evidence or {})
        self.system = system
        self.action = action
        self.attempt = attempt

    def __str__(self) -> str:
        where = ".".join(part for part in (self.system, self.action) if part)
        code = f" [{self.code}]" if self.code else ""
        return f"{where + ': ' if where else ''}{self.message}{code}"

    def at(self, system: str, action: str, attempt: int) -> Self:
        """Say where it happened; keeps what is already said."""
        self.system = self.system or system
        self.action = self.action or action
        self.attempt = self.attempt or attempt
        return self

    def without_effect(self, proof: str) -> Self:
        """Lower the effect to `none` because of a proof, which is kept as evidence."""
        self.effect = "none"
        self.evidence["no_effect_because"] = proof
        return self

    def to_record(self) -> dict[str, Any]:
        """The error as JSON values, for the ledger and for envelopes."""
        return {
            "type": type(self).__name__,
            "message": self.message,
            "code": self.code,
            "retry_after": self.retry_after,
            "transient": self.transient,
            "outage": self.outage,
            "effect": self.effect,
            "evidence": self.evidence,
            "system": self.system,
            "action": self.action,
            "attempt": self.attempt,
        }

    @staticmethod
    def from_record(record: Mapping[str, Any]) -> IntegrationError:
        """The inverse of `to_record`. A class of a later version reads as `Ambiguous`: the careful choice."""
        fields = dict(record)
        name = fields.pop("type")
        if name not in _known:
            _known.update(_by_name())  # a connector may have brought its own meanwhile
        return _known.get(name, Ambiguous)(**fields)


class NotSent(IntegrationError):
    """Nothing left this process. Effect: none."""

    default_effect = "none"


class InvalidRequest(NotSent):
    """The request does not fit the action: unknown action, wrong field, oversized batch."""


class ConnectFailed(NotSent):
    """No connection came about (refused, DNS, TLS, connect timeout): not one byte of the request was sent."""

    default_transient = True
    default_outage = True


class PoolExhausted(NotSent):
    """All our connections to the system are busy. Says nothing about the target."""

    default_transient = True


class BulkheadFull(NotSent):
    """As many calls as this system may have from us are running or waiting."""

    default_transient = True


class RateLimited(NotSent):
    """Our own rate limit would hold the call beyond its deadline."""

    default_transient = True


class CircuitOpen(NotSent):
    """The breaker is open: calls to this system pause until `retry_after`."""

    default_transient = True


class Paused(NotSent):
    """A person paused or stopped calls to this system, and has not let them go on yet."""

    default_transient = True


class BudgetExhausted(NotSent):
    """A retry was due, but the system's retry budget is spent."""

    default_transient = True


class DeadlineBeforeSend(NotSent):
    """The deadline passed, or would pass, before the call could be sent."""

    default_transient = True


class Denied(NotSent):
    """No policy rule allows this principal to do this."""


class LedgerUnavailable(NotSent):
    """The ledger cannot be written, so no write is sent. Reads go on."""

    default_transient = True


class Refused(IntegrationError):
    """The target itself said no, with evidence. Effect: none."""

    default_effect = "none"


class Unauthenticated(Refused):
    """The target does not accept our credentials or session."""


class Forbidden(Refused):
    """The target knows us, and does not allow it."""


class Throttled(Refused):
    """The target turned the call away because of its limits; nothing was done."""

    default_transient = True


class Conflict(Refused):
    """Another record, or an earlier request of the same identity, stands in the way."""


class NotFound(Refused):
    """The record does not exist."""


class PreconditionFailed(Refused):
    """The record changed since the caller read it: read again, decide again."""


class BusinessRule(Refused):
    """A rule of the target (validation, required field, duplicate rule) refused the content."""


class Ambiguous(IntegrationError):
    """It may have happened. Effect: maybe, until a probe settles it."""

    default_effect = "maybe"
    default_transient = True
    default_outage = True


class ReplyTimeout(Ambiguous):
    """The request was sent; no answer came in time."""


class ConnectionLost(Ambiguous):
    """The connection broke after the first byte was sent."""


class GatewayError(Ambiguous):
    """A 5xx, or something in between answered instead of the target."""


class CommitUnknown(Ambiguous):
    """The acknowledgement of a commit was lost, or the holder of an operation ended before it recorded one."""


class UnreadableReply(Ambiguous):
    """An answer came, but it cannot be read (HTML page, truncated or empty body)."""


class Cancelled(Ambiguous):
    """The caller stopped waiting after the write was sent. Says nothing about the target."""

    default_outage = False


class ContractBroken(IntegrationError):
    """The reply parsed, but is not what the action promises. Effect: maybe; never sent again because of it."""

    default_effect = "maybe"


_known: dict[str, type[IntegrationError]] = {}


def _by_name() -> dict[str, type[IntegrationError]]:
    found: dict[str, type[IntegrationError]] = {}
    pending: list[type[IntegrationError]] = [IntegrationError]
    while pending:
        cls = pending.pop()
        found[cls.__name__] = cls
        pending.extend(cls.__subclasses__())
    return found

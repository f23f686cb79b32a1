"""What observers are told of: calls, attempts, requests over HTTP, and what happens between."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal, NamedTuple, TypeAlias

from .errors import IntegrationError


class InCall:
    """What is under way: a call, or recovery's look at an operation.

    Args:
        system: The system, as it was named.
        action: The action, as it was named.
        effect: The action's effect class; empty where there is no such system or action.
        principal: Who asks.
        trace_id: The caller's trace; an observer may name one where it is empty.
        request: What was asked, as it was given; its content is nobody's business unless the user says so.
        operation_id: The operation, as soon as there is one.
    """

    __slots__ = ("action", "attempt", "begun", "effect", "operation_id", "principal", "request", "system", "trace_id")

    def __init__(
        self,
        system: str,
        action: str,
        effect: str,
        principal: str,
        trace_id: str,
        request: object = None,
        operation_id: str = "",
    ) -> None:
        self.system = system
        self.action = action
        self.effect = effect
        self.principal = principal
        self.trace_id = trace_id
        self.request = request
        self.operation_id = operation_id
        self.begun: Any = None
        """Whatever the observer keeps of it."""
        self.attempt: Any = None
        """The attempt on the wire, as whoever tells of it keeps it."""


# Tuples, and not frozen dataclasses: making one costs a third.
class Try(NamedTuple):
    """One attempt on the wire.

    Args:
        system: The system.
        number: 1 for the first.
        probe: True when it only looks whether an operation happened.
        recovery: True for recovery's own.
    """

    system: str
    number: int
    probe: bool
    recovery: bool


try_of = lru_cache(maxsize=4096)(Try)
"""The attempt that was told of before, if it was."""


class Exchange(NamedTuple):
    """One request over HTTP inside an attempt.

    Args:
        method: The method.
        host: The server's name.
        port: Its port.
    """

    method: str
    host: str
    port: int | None


class Retried(NamedTuple):
    """Another attempt follows, after a pause.

    Args:
        system: The system.
        number: The attempt that failed.
        error: How.
        pause: Seconds.
    """

    system: str
    number: int
    error: IntegrationError
    pause: float


class HeldBack(NamedTuple):
    """An attempt was not let through to the wire.

    Args:
        system: The system.
        error: By what: bulkhead, rate limit, breaker, deadline.
        recovery: True for recovery's own.
    """

    system: str
    error: IntegrationError
    recovery: bool


class Moved(NamedTuple):
    """A breaker changed its state.

    Args:
        system: The system.
        old: The state before.
        new: The state now.
    """

    system: str
    old: str
    new: str


class Concluded(NamedTuple):
    """A verdict on an operation is recorded.

    Args:
        system: The system.
        action: The action.
        status: What the operation is now.
        by: Who came to it.
    """

    system: str
    action: str
    status: str
    by: Literal["call", "recovery"]


Event: TypeAlias = Retried | HeldBack | Moved | Concluded

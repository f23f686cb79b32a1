"""What is told of calls while they run, to whoever observes them: logs, traces, metrics. Core knows none of these.

A call is told when it begins and ends, and so is each attempt, each request of a connector over HTTP and each look of
recovery; what happens between is told as an event. Nobody who observes can disturb: what fails there is logged once.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextvars import ContextVar
from functools import lru_cache, wraps
from typing import Any, Concatenate, Literal, NamedTuple, ParamSpec, Protocol, TypeAlias, TypeVar, cast

from .clock import Clock, Sources
from .errors import IntegrationError

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger("seawall.observing")


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

    __slots__ = ("action", "begun", "effect", "operation_id", "principal", "request", "system", "trace_id")

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


class Observer(Protocol):
    """Is told of calls. What `…_begins` returns is handed to `…_ends`. Whatever it raises is logged once, and lost."""

    def call_begins(self, call: InCall) -> Any:
        """A call begins; `call.trace_id` may be set where it is empty."""
        ...

    def call_ends(self, call: InCall, outcome: Any, error: BaseException | None, seconds: float) -> None:
        """It ended, with an outcome, or by what was raised; `call.begun` is what its beginning returned."""
        ...

    def look_begins(self, call: InCall) -> Any:
        """Recovery looks at an operation."""
        ...

    def look_ends(self, call: InCall, verdict: Any, error: BaseException | None, seconds: float) -> None:
        """It ended, with a verdict, or by what was raised."""
        ...

    def attempt_begins(self, attempt: Try) -> Any:
        """An attempt goes on the wire."""
        ...

    def attempt_ends(self, begun: Any, attempt: Try, error: BaseException | None, seconds: float) -> None:
        """It ended, well or with an error."""
        ...

    def exchange_begins(self, attempt: Any, exchange: Exchange) -> tuple[Any, Mapping[str, str]]:
        """A request over HTTP begins, inside an attempt that began as that; the headers are to be sent along."""
        ...

    def exchange_ends(self, begun: Any, exchange: Exchange, status: int | None, error: BaseException | None) -> None:
        """It ended, with a status or an error."""
        ...

    def happened(self, event: Event) -> None:
        """Something happened between."""
        ...


class Guarded:
    """An observer that cannot disturb: what it raises is said once.

    Args:
        observer: The observer.
    """

    def __init__(self, observer: Observer) -> None:
        self.observer = observer
        self._said = False

    def failed(self) -> None:
        """It raised, just now."""
        if not self._said:
            self._said = True
            _log.exception("observing failed; calls go on, and this is not said again")

    def happened(self, event: Event) -> None:
        """Something happened between."""
        try:
            self.observer.happened(event)
        except Exception:  # noqa: BLE001 -- whatever it is, it must not disturb a call
            self.failed()


class _Observed(Protocol):
    """What `observed` needs of a pipeline."""

    observer: Guarded | None
    effects: dict[tuple[str, str], str]

    @property
    def sources(self) -> Sources:
        """Its clock."""
        ...

    @property
    def systems(self) -> Mapping[str, Any]:
        """The systems by name."""
        ...


S = TypeVar("S", bound=_Observed)

_current: ContextVar[InCall | None] = ContextVar("seawall_in_call", default=None)
_attempt: ContextVar[tuple[Guarded, Any] | None] = ContextVar("seawall_attempt", default=None)


def current() -> InCall | None:
    """What is under way here; None outside of calls."""
    return _current.get()


def begun_as(operation_id: str) -> None:
    """Tell which operation the call under way is."""
    if (call := _current.get()) is not None:
        call.operation_id = operation_id


def observed(
    work: Callable[Concatenate[S, str, str, Any, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[S, str, str, Any, P], Coroutine[Any, Any, T]]:
    """Make a pipeline's call known to its logs, and tell its observer of it.

    Args:
        work: Takes system, action and request, and by name `principal` and `trace_id`.
    """

    @wraps(work)
    async def call(self: S, system: str, action: str, request: Any, *args: P.args, **given: P.kwargs) -> T:
        told: dict[str, Any] = given
        effect = self.effects.get((system, action)) or _effect(self, system, action)
        here = InCall(system, action, effect, told.get("principal", ""), told.get("trace_id", ""), request)
        token = _current.set(here)
        guarded = self.observer
        if guarded is None:
            try:
                return await work(self, system, action, request, *args, **given)
            finally:
                _current.reset(token)
        outcome, error = None, None
        monotonic = self.sources.clock.monotonic
        started = monotonic()
        try:
            here.begun = guarded.observer.call_begins(here)
        except Exception:  # noqa: BLE001 -- whatever it is, it must not disturb a call
            guarded.failed()
        told["trace_id"] = here.trace_id
        try:
            outcome = await work(self, system, action, request, *args, **given)
        except BaseException as raised:
            error = raised
            raise
        finally:
            try:
                guarded.observer.call_ends(here, outcome, error, monotonic() - started)
            except Exception:  # noqa: BLE001 -- see above
                guarded.failed()
            _current.reset(token)
        return outcome

    return cast("Callable[Concatenate[S, str, str, Any, P], Coroutine[Any, Any, T]]", call)


def _effect(pipeline: _Observed, system: str, action: str) -> str:
    found = pipeline.systems.get(system)
    known = None if found is None else found.adapter.actions.get(action)
    if known is None:
        return ""
    effect = pipeline.effects[system, action] = str(known.effect)
    return effect


async def watched_look(guarded: Guarded | None, call: InCall, work: Awaitable[T], clock: Clock) -> T:
    """Make recovery's look at an operation known to its logs, and tell the observer of it.

    Args:
        guarded: The observer, if there is one.
        call: What is looked at.
        work: The look.
        clock: For how long it takes.
    """
    token = _current.set(call)
    verdict, error = None, None
    started = clock.monotonic()
    if guarded is not None:
        try:
            call.begun = guarded.observer.look_begins(call)
        except Exception:  # noqa: BLE001 -- whatever it is, it must not disturb recovery
            guarded.failed()
    try:
        verdict = await work
    except BaseException as raised:
        error = raised
        raise
    finally:
        if guarded is not None:
            try:
                guarded.observer.look_ends(call, verdict, error, clock.monotonic() - started)
            except Exception:  # noqa: BLE001 -- see above
                guarded.failed()
        _current.reset(token)
    return verdict


async def watched(
    guarded: Guarded, attempt: Try, work: Awaitable[T | IntegrationError], clock: Clock
) -> T | IntegrationError:
    """Tell of an attempt.

    Args:
        guarded: Who is told.
        attempt: The attempt.
        work: It.
        clock: For how long it takes.
    """
    monotonic = clock.monotonic
    started = monotonic()
    begun: Any = None
    error: BaseException | None = None
    try:
        begun = guarded.observer.attempt_begins(attempt)
    except Exception:  # noqa: BLE001 -- whatever it is, it must not disturb a call
        guarded.failed()
    token = _attempt.set((guarded, begun))
    try:
        result = await work
    except BaseException as raised:
        error = raised
        raise
    else:
        if isinstance(result, IntegrationError):
            error = result
        return result
    finally:
        _attempt.reset(token)
        try:
            guarded.observer.attempt_ends(begun, attempt, error, monotonic() - started)
        except Exception:  # noqa: BLE001 -- see above
            guarded.failed()


async def exchanged(exchange: Exchange, send: Callable[[Mapping[str, str]], Awaitable[T]]) -> T:
    """Tell of a request over HTTP, if anybody observes the attempt that it is part of.

    Args:
        exchange: The request.
        send: Sends it, given headers to add, and returns something with a `status`.
    """
    here = _attempt.get()
    if here is None:
        return await send({})
    guarded, attempt = here
    begun: Any = None
    headers: Mapping[str, str] = {}
    status, error = None, None
    try:
        begun, headers = guarded.observer.exchange_begins(attempt, exchange)
    except Exception:  # noqa: BLE001 -- whatever it is, it must not disturb a call
        guarded.failed()
    try:
        reply = await send(headers)
        status = getattr(reply, "status", None)
    except BaseException as raised:
        error = raised
        raise
    finally:
        try:
            guarded.observer.exchange_ends(begun, exchange, status, error)
        except Exception:  # noqa: BLE001 -- see above
            guarded.failed()
    return reply

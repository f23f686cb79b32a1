"""What is told of calls while they run, to whoever observes them: logs, traces, metrics. Core knows none of these.

A call is told when it begins and ends, and so is each attempt, each request of a connector over HTTP and each look of
recovery; what happens between is told as an event. Nobody who observes can disturb: what fails there is logged once.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextvars import ContextVar
from functools import wraps
from typing import Any, Concatenate, Literal, NamedTuple, ParamSpec, Protocol, TypeAlias, TypeVar, cast

from .clock import Clock
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


# Tuples, and not frozen dataclasses: making one costs a third, and some are made for every call.
class Ended(NamedTuple):
    """How a call, an attempt or a look ended.

    Args:
        result: The outcome of a call, the verdict of a look; None for attempts and where `error` was raised.
        error: The error of an attempt, or what was raised.
        seconds: How long it took.
    """

    result: Any
    error: BaseException | None
    seconds: float


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
    """Is told of calls. What `…_begins` returns is handed to `…_ends`."""

    def call_begins(self, call: InCall) -> Any:
        """A call begins; `call.trace_id` may be set where it is empty."""
        ...

    def call_ends(self, begun: Any, call: InCall, ended: Ended) -> None:
        """It ended."""
        ...

    def look_begins(self, call: InCall) -> Any:
        """Recovery looks at an operation."""
        ...

    def look_ends(self, begun: Any, call: InCall, ended: Ended) -> None:
        """It ended, with a verdict."""
        ...

    def attempt_begins(self, attempt: Try) -> Any:
        """An attempt goes on the wire."""
        ...

    def attempt_ends(self, begun: Any, attempt: Try, ended: Ended) -> None:
        """It ended."""
        ...

    def exchange_begins(self, exchange: Exchange) -> tuple[Any, Mapping[str, str]]:
        """A request over HTTP begins; the headers are to be sent along."""
        ...

    def exchange_ends(self, begun: Any, exchange: Exchange, status: int | None, error: BaseException | None) -> None:
        """It ended, with a status or an error."""
        ...

    def happened(self, event: Event) -> None:
        """Something happened between."""
        ...


class Guarded:
    """An observer that never raises: what it fails at is left out, and said once.

    Args:
        observer: The observer.
    """

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._said = False
        self.call_begins = self._guard(observer.call_begins, None)
        self.call_ends = self._guard(observer.call_ends, None)
        self.look_begins = self._guard(observer.look_begins, None)
        self.look_ends = self._guard(observer.look_ends, None)
        self.attempt_begins = self._guard(observer.attempt_begins, None)
        self.attempt_ends = self._guard(observer.attempt_ends, None)
        self.exchange_begins = self._guard(observer.exchange_begins, (None, {}))
        self.exchange_ends = self._guard(observer.exchange_ends, None)
        self.happened = self._guard(observer.happened, None)

    def _guard(self, tell: Callable[P, T], otherwise: T) -> Callable[P, T]:
        def told(*args: P.args, **kwargs: P.kwargs) -> T:
            try:
                return tell(*args, **kwargs)
            except Exception:  # noqa: BLE001 -- whatever it is, it must not disturb a call
                if not self._said:
                    self._said = True
                    _log.exception("observing failed; calls go on, and this is not said again")
                return otherwise

        return told


class _Observed(Protocol):
    """What `observed` needs of a pipeline."""

    observer: Guarded | None
    effects: dict[tuple[str, str], str]

    @property
    def systems(self) -> Mapping[str, Any]:
        """The systems by name."""
        ...


S = TypeVar("S", bound=_Observed)

_current: ContextVar[InCall | None] = ContextVar("seawall_in_call", default=None)
_watching: ContextVar[Guarded | None] = ContextVar("seawall_watching", default=None)


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
        effect = self.effects.get((system, action)) or _effect(self, system, action)
        told: dict[str, Any] = given
        here = InCall(system, action, effect, told.get("principal", ""), told.get("trace_id", ""), request)
        token = _current.set(here)
        try:
            if self.observer is None:
                return await work(self, system, action, request, *args, **given)
            return cast("T", await _told(self, here, work, args, told))
        finally:
            _current.reset(token)

    return cast("Callable[Concatenate[S, str, str, Any, P], Coroutine[Any, Any, T]]", call)


async def _told(pipeline: Any, here: InCall, work: Any, args: Any, given: dict[str, Any]) -> Any:
    observer, clock = pipeline.observer, pipeline.sources.clock
    started = clock.monotonic()
    here.begun = observer.call_begins(here)
    outcome, error = None, None
    try:
        outcome = await work(
            pipeline, here.system, here.action, here.request, *args, **{**given, "trace_id": here.trace_id}
        )
    except BaseException as raised:
        error = raised
        raise
    finally:
        observer.call_ends(here.begun, here, Ended(outcome, error, clock.monotonic() - started))
    return outcome


def _effect(pipeline: _Observed, system: str, action: str) -> str:
    found = pipeline.systems.get(system)
    known = None if found is None else found.adapter.actions.get(action)
    if known is None:
        return ""
    effect = pipeline.effects[system, action] = str(known.effect)
    return effect


async def watched_look(observer: Guarded | None, call: InCall, work: Awaitable[T], clock: Clock) -> T:
    """Make recovery's look at an operation known to its logs, and tell the observer of it.

    Args:
        observer: The observer, if there is one.
        call: What is looked at.
        work: The look.
        clock: For how long it takes.
    """
    token = _current.set(call)
    verdict, error = None, None
    started = clock.monotonic()
    if observer is not None:
        call.begun = observer.look_begins(call)
    try:
        verdict = await work
    except BaseException as raised:
        error = raised
        raise
    finally:
        if observer is not None:
            observer.look_ends(call.begun, call, Ended(verdict, error, clock.monotonic() - started))
        _current.reset(token)
    return verdict


async def watched(
    observer: Guarded, attempt: Try, work: Awaitable[T | IntegrationError], clock: Clock
) -> T | IntegrationError:
    """Tell of an attempt.

    Args:
        observer: Who is told.
        attempt: The attempt.
        work: It.
        clock: For how long it takes.
    """
    started = clock.monotonic()
    begun = observer.attempt_begins(attempt)
    token = _watching.set(observer)
    error: BaseException | None = None
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
        _watching.reset(token)
        observer.attempt_ends(begun, attempt, Ended(None, error, clock.monotonic() - started))


async def exchanged(exchange: Exchange, send: Callable[[Mapping[str, str]], Awaitable[T]]) -> T:
    """Tell of a request over HTTP, if anybody observes the attempt that it is part of.

    Args:
        exchange: The request.
        send: Sends it, given headers to add, and returns something with a `status`.
    """
    observer = _watching.get()
    if observer is None:
        return await send({})
    begun, headers = observer.exchange_begins(exchange)
    status, error = None, None
    try:
        reply = await send(headers)
        status = getattr(reply, "status", None)
    except BaseException as raised:
        error = raised
        raise
    finally:
        observer.exchange_ends(begun, exchange, status, error)
    return reply

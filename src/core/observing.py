"""What is told of calls while they run, to whoever observes them: logs, traces, metrics. Core knows none of these.

A call is told when it begins and ends, and so is each attempt, each request of a connector over HTTP and each look of
recovery; what happens between is told as an event. Nobody who observes can disturb: what fails there is logged once.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextvars import ContextVar
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

from .clock import Clock, Sources
from .errors import IntegrationError
from .events import Event, Exchange, InCall, Try

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger("seawall.observing")


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
    here = _current.get()
    if here is not None:
        here.attempt = (guarded, begun)
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
        if here is not None:
            here.attempt = None
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
    here = _current.get()
    if here is None or here.attempt is None:
        return await send({})
    guarded, attempt = here.attempt
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

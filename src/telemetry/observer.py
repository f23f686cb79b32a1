"""The observer: what core tells, as spans and as numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics.export import MetricsData
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.trace import SpanKind, get_current_span

from ..core.breaker import Listener
from ..core.clock import Sources
from ..core.errors import IntegrationError
from ..core.events import Concluded, Event, Exchange, HeldBack, InCall, Moved, Retried, Try
from ..core.ledger.records import Operation, Verdict
from ..core.observing import current
from ..core.outcome import Applied, Partial, Pending, Rejected, Unknown
from ..core.redaction import Secrets
from ..core.settings import TelemetrySettings
from . import conventions as c
from .asked import Arguments, Shown
from .delivery import Delivery
from .measures import Measures
from .serving import in_tool
from .sources import resource_of, scope_of
from .spans import Open, Spans, attempt_id_of, first_attempt, trace_id_of, traceparent
from .tallies import Labels

if TYPE_CHECKING:
    from ..core.ledger import Ledger
    from ..core.system import System

_OUTCOMES = {Applied: "applied", Rejected: "rejected", Unknown: "unknown", Pending: "pending", Partial: "partial"}
_CODE = re.compile(r"[A-Za-z0-9_.:/-]{1,64}")
_KEPT = 2000  # sets of attributes that are kept, so that they need not be made for each call
_PURPOSE, _LANE = ("send", "probe"), ("call", "recovery")


class Telemetry:
    """Sees calls as spans and numbers; what core tells goes nowhere else.

    Args:
        settings: See `TelemetrySettings`.
        sources: The clock.
        secrets: Removed from whatever is text.
        processor: Where ended spans go; None for none.
        delivery: Sends metrics, and closes what sends spans.
    """

    def __init__(
        self,
        settings: TelemetrySettings,
        sources: Sources,
        *,
        secrets: Secrets | None = None,
        processor: SpanProcessor | None = None,
        delivery: Delivery | None = None,
    ) -> None:
        self.settings = settings
        self.resource = resource_of(settings)
        self.measures = Measures(sources.clock)
        self._clock = sources.clock
        self._delivery = delivery or Delivery(settings.interval)
        carries = processor is not None or settings.traceparent
        self.spans = Spans(self.resource, scope_of(), processor, settings.sample, sources.clock) if carries else None
        self._known: dict[tuple[object, ...], tuple[str, Mapping[str, Any]]] = {}
        self._attempts: dict[tuple[Try, str], tuple[str, dict[str, Any]]] = {}
        self._shown = Shown(secrets or Secrets())
        self._arguments = Arguments(secrets or Secrets()) if settings.arguments else None

    # Open and closed --------------------------------------------------------------------------------------------

    def watch(self, systems: Mapping[str, System], ledger: Ledger) -> None:
        """Show these systems and this ledger as gauges, and send metrics from now on.

        Args:
            systems: The systems by name.
            ledger: The ledger.
        """
        self.measures.watch(systems, ledger)
        for system in systems.values():
            system.breaker.listeners.append(self._moved(system.name))
        self._delivery.begin(self.collected)

    def _moved(self, system: str) -> Listener:
        return lambda old, new, _reason: self.happened(Moved(system, old, new))

    def verdict(self, operation: Operation, verdict: Verdict) -> None:
        """Recovery recorded a verdict."""
        self.happened(Concluded(operation.system, operation.action, verdict.status.value, "recovery"))

    async def collected(self) -> MetricsData:
        """All metrics as they are now; what the ledger says may be some seconds old."""
        await self.measures.refresh()
        return self.measures.collect(self.resource, scope_of())

    def closing(self) -> None:
        """The ledger is about to be closed: it is not asked any more."""
        self.measures.forget_ledger()

    async def close(self) -> None:
        """Send what is left, for a few seconds at most."""
        await self._delivery.close()

    # Calls ------------------------------------------------------------------------------------------------------

    def call_begins(self, call: InCall) -> Open | None:
        """A call begins: its span becomes current, and names the trace where the caller named none."""
        if self.spans is None:
            return None
        begun = self.spans.begin(call.trace_id, shared=True)
        if not call.trace_id:
            call.trace_id = begun.trace = f"{begun.trace_id:032x}"
        return begun

    def call_ends(self, call: InCall, outcome: Any, error: BaseException | None, seconds: float) -> None:
        """It ended."""
        kind = _OUTCOMES.get(type(outcome), "failed")
        if outcome is not None:
            error = getattr(outcome, "error", None)
        replayed = getattr(outcome, "replayed", False)
        error_type = None if error is None else type(error).__name__
        # Names that are not configured are left out: a caller could make up any number of them.
        system, action = (call.system, call.action) if call.effect else ("", "")
        labels = (system, action, kind, replayed, error_type)
        self.measures.calls.add(labels, seconds)
        if replayed:
            self.measures.replays.add((system, action))
        begun: Open | None = call.begun
        if begun is None or self.spans is None:
            return
        if not begun.recorded:
            self.spans.abandon(begun)
            return
        alone = begun.parent is None or begun.parent.span_id != in_tool.get()
        name, shared = self._named(call, labels, alone=alone)
        more: dict[str, Any] = {}
        if outcome is not None:
            more[c.EFFECT] = outcome.effect
            operation_id = outcome.batch_id if type(outcome) is Partial else outcome.operation_id
            if operation_id:
                more[c.OPERATION_ID] = operation_id
        if error is not None:
            _describe(error, more)
        if call.trace_id is not begun.trace and call.trace_id != f"{begun.trace_id:032x}":
            more[c.TRACE_ID] = self._shown.text(call.trace_id)  # the one that the ledger keeps
        if self._arguments is not None:
            more[c.TOOL_ARGUMENTS] = self._arguments.text(call.request)
        self.spans.end(begun, name, SpanKind.INTERNAL, {**shared, **more}, seconds, failed=error is not None)

    def _named(self, call: InCall, labels: Labels, *, alone: bool) -> tuple[str, Mapping[str, Any]]:
        """The name of a call's span, and those of its attributes that many have."""
        which = (call.principal, alone, *labels)
        known = self._known.get(which)
        if known is None:
            system, action, kind, replayed, _ = labels
            target = f"{system}.{action}" if system else ""
            attributes: dict[str, Any] = {
                c.SYSTEM: system,
                c.ACTION: action,
                c.EFFECT_CLASS: call.effect,
                c.PRINCIPAL: self._shown.text(call.principal),
                c.OUTCOME: kind,
                c.REPLAYED: replayed,
            }
            if alone:
                attributes |= {c.OPERATION_NAME: c.EXECUTE_TOOL, c.TOOL_TYPE: c.EXTENSION}
                attributes |= {c.TOOL_NAME: target} if target else {}
            known = (f"{c.EXECUTE_TOOL if alone else 'call'} {target}".rstrip(), attributes)
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[which] = known
        return known

    def current_trace(self) -> str:
        """The trace that is under way here; empty if none is."""
        here = get_current_span().get_span_context()
        return f"{here.trace_id:032x}" if here.is_valid else ""

    # Recovery ---------------------------------------------------------------------------------------------------

    def look_begins(self, call: InCall) -> Open | None:
        """Recovery looks at an operation: a trace of its own, recorded where the caller's was."""
        if self.spans is None:
            return None
        return self.spans.begin(root=True, sampled_as=trace_id_of(call.trace_id) if call.trace_id else 0)

    def look_ends(self, call: InCall, verdict: Any, error: BaseException | None, seconds: float) -> None:
        """It ended, with a verdict."""
        begun: Open | None = call.begun
        if begun is None or self.spans is None:
            return
        attributes: dict[str, Any] = {
            c.SYSTEM: call.system,
            c.ACTION: call.action,
            c.EFFECT_CLASS: call.effect,
            c.PRINCIPAL: self._shown.text(call.principal),
            c.OPERATION_ID: call.operation_id,
        }
        if verdict is not None:
            attributes[c.STATUS] = verdict.status.value
        if error is not None:
            _describe(error, attributes)
        if call.trace_id:
            attributes[c.TRACE_ID] = self._shown.text(call.trace_id)
        links = [first_attempt(call.operation_id, call.trace_id)] if call.trace_id else []
        name = f"recover {call.system}.{call.action}"
        self.spans.end(begun, name, SpanKind.INTERNAL, attributes, seconds, failed=error is not None, links=links)

    # Attempts ---------------------------------------------------------------------------------------------------

    def attempt_begins(self, attempt: Try) -> Open | None:
        """An attempt goes on the wire; without a span where the trace is not recorded, which costs the most."""
        if self.spans is None:
            return None
        call = current()
        if call is None or call.begun is None:
            return self.spans.begin()
        if not call.begun.recorded:
            return None
        named = call.operation_id and not attempt.probe
        return self.spans.within(call.begun, attempt_id_of(call.operation_id, attempt.number) if named else 0)

    def attempt_ends(self, begun: Open | None, attempt: Try, error: BaseException | None, seconds: float) -> None:
        """It ended."""
        error_type = None if error is None else type(error).__name__
        purpose, lane = _PURPOSE[attempt.probe], _LANE[attempt.recovery]
        self.measures.attempts.add((attempt.system, purpose, lane, error_type), seconds)
        if begun is None or self.spans is None:
            return
        if not begun.recorded:
            self.spans.abandon(begun)
            return
        call = current()
        action = call.action if call is not None and call.effect else ""
        name, attributes = self._tried(attempt, action)
        if error is not None:
            attributes = {**attributes, c.EFFECT: getattr(error, "effect", "maybe")}
            _describe(error, attributes)
        self.spans.end(begun, name, SpanKind.CLIENT, attributes, seconds, failed=error is not None)

    def _tried(self, attempt: Try, action: str) -> tuple[str, dict[str, Any]]:
        """The name of an attempt's span, and those of its attributes that many have."""
        which = (attempt, action)
        known = self._attempts.get(which)
        if known is None:
            purpose = _PURPOSE[attempt.probe]
            attributes: dict[str, Any] = {
                c.SYSTEM: attempt.system,
                c.ACTION: action,
                c.ATTEMPT_NUMBER: attempt.number,
                c.PURPOSE: purpose,
                c.LANE: _LANE[attempt.recovery],
            }
            target = f"{attempt.system}.{action}" if action else attempt.system
            known = self._attempts[which] = (f"{purpose} {target}", attributes)
        return known

    def exchange_begins(
        self, attempt: Open | None, _exchange: Exchange
    ) -> tuple[tuple[Open, float] | None, Mapping[str, str]]:
        """A request over HTTP begins; it carries `traceparent` only if that was asked for."""
        if self.spans is None:
            return None, {}
        call = current()
        above = attempt or (None if call is None else call.begun)
        if above is None:
            return None, {}
        begun = self.spans.within(above)
        headers = {"traceparent": traceparent(begun.context)} if self.settings.traceparent else {}
        return (begun, self._clock.monotonic()), headers

    def exchange_ends(
        self, begun: tuple[Open, float] | None, exchange: Exchange, status: int | None, error: BaseException | None
    ) -> None:
        """It ended, with a status or an error."""
        if begun is None or self.spans is None or not begun[0].recorded:
            return
        span, started = begun
        method = exchange.method if exchange.method in c.HTTP_METHODS else c.OTHER
        attributes: dict[str, Any] = {c.HTTP_METHOD: method, c.SERVER_ADDRESS: exchange.host}
        if exchange.port is not None:
            attributes[c.SERVER_PORT] = exchange.port
        if status is not None:
            attributes[c.HTTP_STATUS] = status
        failed = error is not None or (status or 0) >= 400
        if failed:
            attributes[c.ERROR_TYPE] = str(status) if error is None else type(error).__name__
        name = method if method != c.OTHER else "HTTP"
        self.spans.end(span, name, SpanKind.CLIENT, attributes, self._clock.monotonic() - started, failed=failed)

    def happened(self, event: Event) -> None:
        """Something happened between."""
        match event:
            case Retried(system, number, error, pause):
                error_type = type(error).__name__
                self.measures.retries.add((system, error_type))
                told: dict[str, Any] = {c.ATTEMPT_NUMBER: number, c.ERROR_TYPE: error_type, c.PAUSE: pause}
                self._note(c.RETRY_EVENT, told)
            case HeldBack(system, error, recovery):
                error_type = type(error).__name__
                self.measures.held_back.add((system, _LANE[recovery], error_type))
                self._note(c.HELD_BACK_EVENT, {c.ERROR_TYPE: error_type})
            case Moved(system, _, new):
                self.measures.moves.add((system, new))
            case Concluded(system, action, status, by):
                self.measures.operations.add((system, action, status, by))

    def _note(self, name: str, attributes: dict[str, Any]) -> None:
        call = current()
        if self.spans is not None and call is not None:
            self.spans.event(call.begun, name, attributes)


def _describe(error: BaseException, attributes: dict[str, Any]) -> None:
    """What may be told of an error: its class, and its code where that looks like one; never its words."""
    attributes[c.ERROR_TYPE] = type(error).__name__
    if isinstance(error, IntegrationError) and error.code and _CODE.fullmatch(error.code):
        attributes[c.ERROR_CODE] = error.code

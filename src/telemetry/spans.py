"""Spans, made when they end and only where the trace is sampled.

The SDK's own way to make one costs more than a read through the whole pipeline: it samples, locks, copies and bounds
attributes for spans that anybody may change while they run. Ours change nowhere: what they need at their beginning
is an id and a place in the context, so that whatever runs inside finds its parent; all else is known at the end.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.context import Context, attach, detach, get_current
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    INVALID_SPAN_CONTEXT,
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)

from ..core.clock import Clock
from ..core.observing import current

_W3C = re.compile("(?!0{32})[0-9a-f]{32}")
_SAMPLED, _NOT_SAMPLED = TraceFlags(TraceFlags.SAMPLED), TraceFlags(TraceFlags.DEFAULT)
_LOW_64 = (1 << 64) - 1
_ids = RandomIdGenerator()
_UNSET, _ERROR = Status(StatusCode.UNSET), Status(StatusCode.ERROR)


class Open:
    """A span that has begun.

    Args:
        trace_id: Its trace.
        span_id: Its id; 0 for a random one, made when it is needed.
        flags: Whether its trace is recorded.
        parent: Its parent, if it has one.
    """

    __slots__ = ("_context", "events", "parent", "recorded", "span_id", "start", "token", "trace", "trace_id")

    def __init__(self, trace_id: int, span_id: int, flags: TraceFlags, parent: SpanContext | None) -> None:
        self.trace_id = trace_id
        self.span_id = span_id
        self.parent = parent
        self.recorded = bool(flags & _SAMPLED)
        self.start = 0  # nanoseconds since the epoch
        self.token: Any = None  # puts the context back; None if it is not current
        self.events: list[Event] | None = None
        self.trace: str | None = None  # the trace's name, if the span gave it one
        self._context: SpanContext | None = None

    @property
    def context(self) -> SpanContext:
        """Its ids, as OpenTelemetry has them; many calls whose trace is not recorded never need them."""
        if self._context is None:
            flags, state = (_SAMPLED if self.recorded else _NOT_SAMPLED), None
            if self.parent is not None:
                state = self.parent.trace_state
                flags = self.parent.trace_flags if self.recorded else flags
            self.span_id = self.span_id or _ids.generate_span_id()
            # By position it takes half as long.
            self._context = SpanContext(self.trace_id, self.span_id, False, flags, state)  # noqa: FBT003
        return self._context


class Spans:
    """Begins spans, and hands them on when they end.

    Args:
        resource: What they all come from.
        scope: Who makes them.
        processor: Where they go; None records none, and only carries the context on.
        sample: Share of traces that are recorded, where no parent decides.
        clock: When they begin.
    """

    def __init__(
        self,
        resource: Resource,
        scope: InstrumentationScope,
        processor: SpanProcessor | None,
        sample: float,
        clock: Clock,
    ) -> None:
        self._resource = resource
        self._scope = scope
        self._processor = processor
        self._bound = 0 if processor is None else round(sample * (1 << 64))
        self._now = clock.now

    def sampled(self, trace_id: int) -> bool:
        """Whether a trace is recorded, as the SDK's `TraceIdRatioBased` decides it."""
        return (trace_id & _LOW_64) < self._bound

    def begin(
        self,
        trace: str = "",
        *,
        root: bool = False,
        sampled_as: int = 0,
        context: Context | None = None,
        shared: bool = False,
    ) -> Open:
        """Begin one, inside whatever is current, and make it current.

        Args:
            trace: The caller's trace, for a span that has no parent.
            root: True for one that never has a parent.
            sampled_as: The trace that decides whether a root is recorded; its own if 0.
            context: Where to look for the parent instead of what is current.
            shared: True for a call's own, which is found through the call: then all share one context.
        """
        around = get_current() if context is None else context
        parent = None if root or not around else get_current_span(around).get_span_context()
        if parent is not None and parent.is_valid:
            flags = parent.trace_flags if self._processor is not None else _NOT_SAMPLED
            begun = Open(parent.trace_id, 0, flags, parent)
        else:
            trace_id = trace_id_of(trace) if trace else _ids.generate_trace_id()
            flags = _SAMPLED if self.sampled(sampled_as or trace_id) else _NOT_SAMPLED
            begun = Open(trace_id, 0, flags, None)
        if begun.recorded:
            begun.start = int(self._now() * 1e9)
        own = around or not shared
        begun.token = attach(set_span_in_context(NonRecordingSpan(begun.context), around) if own else _HERE)
        return begun

    def within(self, parent: Open, span_id: int = 0) -> Open:
        """Begin one inside another, without making it current.

        Args:
            parent: The other.
            span_id: Its id; a random one if 0.
        """
        above = parent.context
        begun = Open(above.trace_id, span_id, above.trace_flags, above)
        begun.start = int(self._now() * 1e9)
        return begun

    def end(
        self,
        begun: Open,
        name: str,
        kind: SpanKind,
        attributes: Mapping[str, Any],
        seconds: float,
        *,
        failed: bool = False,
        links: Sequence[Link] = (),
    ) -> None:
        """End it, and hand it on if its trace is recorded.

        Args:
            begun: What `begin` returned.
            name: Its name.
            kind: Its kind.
            attributes: Not changed any more after this.
            seconds: How long it took.
            failed: Whether its status is an error.
            links: Other spans that it has to do with.
        """
        if begun.token is not None:
            detach(begun.token)
        if self._processor is None or not begun.recorded:
            return
        self._processor.on_end(
            ReadableSpan(
                name,
                begun.context,
                begun.parent,
                self._resource,
                attributes,
                begun.events or (),
                links,
                kind,
                status=_ERROR if failed else _UNSET,
                start_time=begun.start,
                end_time=begun.start + int(seconds * 1e9),
                instrumentation_scope=self._scope,
            )
        )

    def abandon(self, begun: Open) -> None:
        """End it without handing it on."""
        if begun.token is not None:
            detach(begun.token)

    def event(self, begun: object, name: str, attributes: dict[str, Any]) -> None:
        """Something happened inside a span; nothing if it is not recorded."""
        if isinstance(begun, Open) and begun.recorded:
            begun.events = begun.events or []
            begun.events.append(Event(name, attributes, int(self._now() * 1e9)))


class _Here(NonRecordingSpan):
    """Whatever call is under way, as OpenTelemetry asks for it: one object for all, instead of one for each call."""

    def get_span_context(self) -> SpanContext:
        call = current()
        begun = None if call is None else call.begun
        return begun.context if isinstance(begun, Open) else INVALID_SPAN_CONTEXT


_HERE = set_span_in_context(_Here(INVALID_SPAN_CONTEXT), Context())


def trace_id_of(trace: str) -> int:
    """The trace id that stands for a caller's trace: itself, if it is one of W3C, else one that follows from it."""
    if _W3C.fullmatch(trace):
        return int(trace, 16)
    return int.from_bytes(hashlib.blake2b(trace.encode("utf-8", "replace"), digest_size=16).digest()) or 1


def attempt_id_of(operation_id: str, number: int) -> int:
    """The id of the span of an operation's attempt: whoever knows the operation can link to it, in any process."""
    named = f"{operation_id}/{number}".encode("utf-8", "replace")
    return int.from_bytes(hashlib.blake2b(named, digest_size=8).digest()) or 1


def first_attempt(operation_id: str, trace: str) -> Link:
    """A link to the first attempt of an operation.

    Args:
        operation_id: The operation.
        trace: Its caller's trace, as the ledger keeps it.
    """
    return Link(SpanContext(trace_id_of(trace), attempt_id_of(operation_id, 1), is_remote=True, trace_flags=_SAMPLED))


def traceparent(context: SpanContext) -> str:
    """The header of W3C that makes others continue the trace."""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags & TraceFlags.SAMPLED:02x}"

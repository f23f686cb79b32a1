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
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    get_current_span,
    set_span_in_context,
)

from ..core.clock import Clock

_W3C = re.compile("(?!0{32})[0-9a-f]{32}")
_SAMPLED, _NOT_SAMPLED = TraceFlags(TraceFlags.SAMPLED), TraceFlags(TraceFlags.DEFAULT)
_LOW_64 = (1 << 64) - 1
_UNSET, _ERROR = Status(StatusCode.UNSET), Status(StatusCode.ERROR)


class Open:
    """A span that has begun.

    Args:
        context: Its ids.
        parent: Its parent, if it has one.
        start: Nanoseconds since the epoch.
        token: Puts the context back; None if it is not current.
    """

    __slots__ = ("context", "events", "parent", "recorded", "start", "token", "trace")

    def __init__(self, context: SpanContext, parent: SpanContext | None, start: int, token: Any = None) -> None:
        self.context = context
        self.parent = parent
        self.start = start
        self.token = token
        self.recorded = bool(context.trace_flags & _SAMPLED)
        self.events: list[Event] | None = None
        self.trace: str | None = None


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
        self._ids = RandomIdGenerator()

    def sampled(self, trace_id: int) -> bool:
        """Whether a trace is recorded, as the SDK's `TraceIdRatioBased` decides it."""
        return (trace_id & _LOW_64) < self._bound

    def begin(
        self, trace: str = "", *, root: bool = False, sampled_as: int = 0, context: Context | None = None
    ) -> Open:
        """Begin one, inside whatever is current, and make it current.

        Args:
            trace: The caller's trace, for a span that has no parent.
            root: True for one that never has a parent.
            sampled_as: The trace that decides whether a root is recorded; its own if 0.
            context: Where to look for the parent instead of what is current.
        """
        around = get_current() if context is None else context
        parent = None if root or not around else get_current_span(around).get_span_context()
        if parent is not None and parent.is_valid:
            flags = parent.trace_flags if self._processor is not None else _NOT_SAMPLED
            ids = _ids_of(parent.trace_id, self._ids.generate_span_id(), flags, parent.trace_state)
        else:
            parent = None
            trace_id = trace_id_of(trace) if trace else self._ids.generate_trace_id()
            flags = _SAMPLED if self.sampled(sampled_as or trace_id) else _NOT_SAMPLED
            ids = _ids_of(trace_id, self._ids.generate_span_id(), flags)
        token = attach(set_span_in_context(NonRecordingSpan(ids), around))
        return Open(ids, parent, int(self._now() * 1e9), token)

    def within(self, parent: Open, span_id: int = 0) -> Open:
        """Begin one inside another, without making it current.

        Args:
            parent: The other.
            span_id: Its id; a random one if 0.
        """
        above = parent.context
        ids = _ids_of(above.trace_id, span_id or self._ids.generate_span_id(), above.trace_flags, above.trace_state)
        return Open(ids, above, int(self._now() * 1e9))

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


def _ids_of(trace_id: int, span_id: int, flags: TraceFlags, state: TraceState | None = None) -> SpanContext:
    return SpanContext(trace_id, span_id, False, flags, state)  # noqa: FBT003 -- by position it takes half as long


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

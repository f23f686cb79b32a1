"""Where a request comes from, for whoever records what happened. Simulators hand it on and never read it."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

WORKER: ContextVar[object | None] = ContextVar("seawall_worker", default=None)
"""The simulated process in which code runs; None for the targets and the stage itself."""

CALL: ContextVar[asyncio.Task[Any] | None] = ContextVar("seawall_call", default=None)
"""The task that a simulated client waits on; None where nobody is known to wait."""

ACTION: ContextVar[str] = ContextVar("seawall_action", default="")
"""The action that a simulated client called; empty where nobody called one, as in recovery."""

ATTEMPT: ContextVar[int] = ContextVar("seawall_attempt", default=0)
"""Number of the attempt or probe that caused a request; 0 where nobody counts."""

REPLIED: ContextVar[Callable[[int, int, str], None] | None] = ContextVar("seawall_replied", default=None)
"""Told of each reply that reaches a client in this process whole: its status, the size of its body, its Retry-After.
None where nobody listens."""

PREPARING: ContextVar[bool] = ContextVar("seawall_preparing", default=False)
"""Whether a request only prepares what is asked later: it counts for nothing and meets no fault."""


def outside() -> contextvars.Context:
    """A context for work that a target does: it goes on when the process that asked for it dies."""
    context = contextvars.copy_context()
    context.run(WORKER.set, None)
    return context

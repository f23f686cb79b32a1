"""Where a request comes from, for whoever records what happened. Simulators hand it on and never read it."""

from __future__ import annotations

import contextvars
from contextvars import ContextVar

WORKER: ContextVar[object | None] = ContextVar("seawall_worker", default=None)
"""The simulated process in which code runs; None for the targets and the stage itself."""

ATTEMPT: ContextVar[int] = ContextVar("seawall_attempt", default=0)
"""Number of the attempt or probe that caused a request; 0 where nobody counts."""


def outside() -> contextvars.Context:
    """A context for work that a target does: it goes on when the process that asked for it dies."""
    context = contextvars.copy_context()
    context.run(WORKER.set, None)
    return context

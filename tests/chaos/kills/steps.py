"""The steps at which a worker can be told to end, or to stop."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Callable
from typing import Any

BEFORE_BYTES = ("intent", "fenced", "resend fenced")
"""Steps before the last look at the ledger: whoever loses the operation here must not send it any more."""

STEPS = (
    "intent",  # the intent is durable
    "fenced",  # the fence let it through; no connection yet
    "looked",  # the last look at the lease is done; the bytes are about to leave
    "sent",  # they have left; no answer yet
    "replied",  # the answer is read
    "verdict",  # while the verdict is being recorded
    "recorded",  # it is durable; the caller does not know yet
    "claim",  # while recovery takes operations over
    "claimed",  # it has
    "probe",  # it is about to probe
    "probe sent",  # the probe has left
    "resend fenced",
    "resend looked",
    "resend sent",
    "resend replied",
)

POWER_CUT = "POWER_CUT"
"""In place of a signal: kill the database server, not the worker."""

_COMMIT = 0.004  # seconds; a commit takes about so long, so a signal within them often falls into it


class Traps:
    """What a worker is to do to itself when it comes to a step. It says so first, then does it at once.

    Args:
        tell: Tells the campaign; the message must be on its way when this returns.
        seed: For the instants inside a step that takes time.
    """

    def __init__(self, tell: Callable[[dict[str, Any]], None], seed: str) -> None:
        self._tell = tell
        self._random = random.Random(seed)
        self._armed: dict[str, str] = {}

    def arm(self, step: str, by: str) -> None:
        self._armed[step] = by

    def disarm(self) -> None:
        self._armed.clear()

    def armed(self, step: str) -> bool:
        return step in self._armed

    def reach(self, step: str, operation: str = "", token: str = "") -> bool:
        """We are at a step; returns whether something was armed for it, if it returns."""
        by = self._armed.pop(step, None)
        if by is None:
            return False
        self._tell({"at": step, "by": by, "operation": operation, "token": token})
        if by != POWER_CUT:
            os.kill(os.getpid(), signal.Signals[by])
        return True

    def begin(self, step: str, operation: str = "") -> None:
        """We begin a step that takes time: the signal comes some moment inside it."""
        by = self._armed.pop(step, None)
        if by is None:
            return
        self._tell({"at": step, "by": by, "operation": operation, "token": ""})
        if by != POWER_CUT:
            delay = self._random.uniform(0.0, _COMMIT)
            threading.Timer(delay, os.kill, (os.getpid(), signal.Signals[by])).start()

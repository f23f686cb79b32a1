"""Time, randomness and ids, injected everywhere; nothing else in the package reads them."""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol


class Clock(Protocol):
    """Two times and a way to wait."""

    def monotonic(self) -> float:
        """Seconds that never go back; for deadlines, breakers and waits inside one process."""
        ...

    def now(self) -> float:
        """Seconds since the epoch; for what the ledger remembers and other processes read."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait without blocking the event loop."""
        ...


class SystemClock:
    """The machine's clocks."""

    monotonic = staticmethod(time.monotonic)
    now = staticmethod(time.time)
    sleep = staticmethod(asyncio.sleep)


def random_id(prefix: str) -> str:
    """A new id such as `op_4f1c…`: the prefix and 80 random bits."""
    return f"{prefix}_{secrets.token_hex(10)}"


@dataclass(frozen=True, slots=True)
class Sources:
    """Where time, randomness and ids come from.

    Args:
        clock: The clock.
        random: Jitter only; never security.
        new_id: Makes an id from a prefix.
    """

    clock: Clock = field(default_factory=SystemClock)
    random: random.Random = field(default_factory=random.Random)
    new_id: Callable[[str], str] = random_id

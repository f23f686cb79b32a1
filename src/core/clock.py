"""Time, randomness and ids, injected everywhere; nothing else in the package reads them."""

from __future__ import annotations

import asyncio
import os
import random
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

    async def sleep(self, seconds: float) -> None:
        """Wait without blocking the event loop."""
        await asyncio.sleep(seconds)


# Asking the system each time costs more than a whole ledger row.
_ids = random.Random(os.urandom(32))  # noqa: S311 -- ids are names, not secrets
os.register_at_fork(after_in_child=lambda: _ids.seed(os.urandom(32)))


def random_id(prefix: str) -> str:
    """A new id such as `op_019a8f…`: the prefix, the time in milliseconds, and 64 random bits.

    Ids made one after the other sort together, so that rows written together lie on the same few pages of an
    index: a group of 64 then costs a few pages to write and not hundreds.
    """
    return f"{prefix}_{time.time_ns() // 1_000_000:012x}{_ids.getrandbits(64):016x}"


def random_salt() -> str:
    """16 bytes that nobody can guess, in hexadecimal."""
    return os.urandom(16).hex()


@dataclass(frozen=True, slots=True)
class Sources:
    """Where time, randomness and ids come from.

    Args:
        clock: The clock.
        random: Jitter only; never security.
        new_id: Makes an id from a prefix.
        new_salt: Makes what a commitment cannot be guessed without.
    """

    clock: Clock = field(default_factory=SystemClock)
    random: random.Random = field(default_factory=random.Random)
    new_id: Callable[[str], str] = random_id
    new_salt: Callable[[], str] = random_salt

"""What a campaign writes down for its judge. Times are the machine's monotonic clock, the same for every process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["keyed", "marked", "plain"]
"""Dedupe means: the target knows the key; a probe finds the key; nothing."""

Word = Literal["applied", "rejected", "unknown", "pending"]


@dataclass(frozen=True)
class Times:
    """Seconds.

    Args:
        lease: Of the ledger.
        attempt: Attempt timeout.
        horizon: Declared late-commit horizon; the target keeps within 70 % of it.
        deadline: Of a call.
    """

    lease: float = 1.5
    attempt: float = 0.6
    horizon: float = 1.2
    deadline: float = 4.0


@dataclass
class Ask:
    """One time of asking for a change; `word` is None when the worker was gone before it answered."""

    number: int
    kind: Kind
    reference: str
    text: str
    life: int
    asked_at: float
    told_at: float | None = None
    word: Word | None = None
    operation: str = ""
    code: str = ""
    told_text: str = ""


@dataclass(frozen=True)
class Arrival:
    """A write that arrived at the target; `first` unless its sender knew of an earlier attempt."""

    life: int
    token: str
    operation: str
    reference: str
    first: bool
    at: float


@dataclass(frozen=True)
class Effect:
    """A change that was committed in the target."""

    reference: str
    key: str
    text: str
    arrived: float
    at: float


@dataclass
class Strike:
    """One SIGKILL or SIGSTOP; `ended` when a stopped worker went on."""

    life: int
    step: str
    by: str
    operation: str
    token: str
    began: float
    ended: float | None = None


@dataclass(frozen=True)
class Recorded:
    """A worker's verdict about an operation became durable, somewhere between `began` and `at`."""

    life: int
    operation: str
    epoch: int
    final: bool
    began: float
    at: float


@dataclass(frozen=True)
class Claim:
    """A worker came to hold an operation: it began it, or its recovery took it over. Told at `at`, perhaps late."""

    life: int
    operation: str
    epoch: int
    at: float

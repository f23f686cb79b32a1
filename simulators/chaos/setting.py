"""The head of a history: what an episode was, and what is declared and configured of its systems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Wanted:
    """An effect by which one logical operation is known in the effect log.

    Name every effect of an operation: what its requests change or delete beside these counts as asked for by nobody,
    and so does a record that they make of a kind that some operation wants.

    Args:
        object: The vendor's name of what is changed.
        kinds: Which kinds of effect count: `insert`, `update`, `delete`, `invoke`.
        where: Field → text that its value contains; `id` → the record's id, whole. All must hold.
        content: Field → value that the effect must have written for the operation to be what was asked for.
        beside: Fields that the effect may write or change beside these, such as a key or a version. None: any; what an
            adapter writes without being asked is then not noticed.
        contains: Field → text that its value must contain, as `content`, where an adapter adds a marker to a text.
    """

    object: str
    kinds: tuple[str, ...]
    where: Mapping[str, str]
    content: Mapping[str, Any] = field(default_factory=dict)
    beside: tuple[str, ...] | None = None
    contains: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ActionFacts:
    """What is declared of an action, as far as the checker needs it.

    Args:
        effect: The effect class.
        dedupe: Name of the dedupe means.
        probe: Whether there is a probe.
        read_lag: Seconds by which the probe may be behind.
        horizon: Late-commit horizon in seconds; None where nobody knows.
        absent_is_final: Whether an absence needs no horizon.
    """

    effect: str
    dedupe: str
    probe: bool
    read_lag: float = 0.0
    horizon: float | None = None
    absent_is_final: bool = False


@dataclass(frozen=True, slots=True)
class SystemFacts:
    """What is configured of a system.

    Args:
        actions: Facts of its actions by name.
        attempts: Attempts of one call at most.
        retry_ratio: Retries that may be paid per call, over the whole history.
        retry_reserve: Retries that may be paid beside that.
        breaker_failures: Outages in a row that open the breaker.
        half_open_probes: Calls that an open breaker lets through at a time.
        breaker_reset: Seconds for which an open breaker lets nothing through; 0 where that is not known.
        longest_retry_after: A target's Retry-After above so many seconds is cut to it.
        recovery_attempts: Looks after which recovery may leave an operation to people.
    """

    actions: Mapping[str, ActionFacts]
    attempts: int
    retry_ratio: float
    retry_reserve: float
    breaker_failures: int = 5
    half_open_probes: int = 1
    breaker_reset: float = 0.0
    longest_retry_after: float = 86_400.0
    recovery_attempts: int = 50


@dataclass(frozen=True, slots=True)
class Setting:
    """What an episode was: the head of its history.

    Args:
        name: The subject's name.
        seed: The seed.
        plan: The plan, as JSON values.
        systems: Facts of the systems.
        wanted: The logical operations → the effects by which each is known.
        reads: Number of a read call → fields that its reply must hold.
        planned: Ids of the faults that were planned.
        resolve_within: Seconds after `heal` within which everything must be resolved; None where it is not promised.
        deadline_slack: Seconds by which an answer may be later than its deadline.
        canaries: Texts that must appear nowhere: the secrets that were configured.
        approved: System → writes that must not be sent before people approved them.
    """

    name: str
    seed: int
    plan: Mapping[str, Any]
    systems: Mapping[str, SystemFacts]
    wanted: Mapping[str, tuple[Wanted, ...]] = field(default_factory=dict)
    reads: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    planned: tuple[str, ...] = ()
    resolve_within: float | None = None
    deadline_slack: float = 1.0
    canaries: tuple[str, ...] = ()
    approved: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

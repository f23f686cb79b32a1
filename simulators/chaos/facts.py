"""What a system declares and configures, in the words of a history."""

from __future__ import annotations

from collections.abc import Mapping

from ...core.action import Action
from ...core.settings import SystemSettings
from ...core.system import System
from .entries import ActionFacts, SystemFacts


def facts_of(system: System) -> SystemFacts:
    """The facts of a system as an open wall has it."""
    settings: SystemSettings = system.settings
    actions: Mapping[str, Action] = system.adapter.actions
    return SystemFacts(
        actions={name: _facts(system, action) for name, action in actions.items()},
        attempts=settings.retry.attempts,
        retry_ratio=settings.retry.budget_ratio,
        retry_reserve=settings.retry.budget_reserve,
        breaker_failures=settings.breaker.failures,
        half_open_probes=settings.breaker.probes,
        breaker_reset=settings.breaker.reset_after,
        longest_retry_after=settings.retry.longest_retry_after,
        recovery_attempts=settings.recovery.attempts,
    )


def _facts(system: System, action: Action) -> ActionFacts:
    return ActionFacts(
        effect=action.effect.value,
        dedupe=type(action.dedupe).__name__,
        probe=action.probe is not None,
        read_lag=0.0 if action.probe is None else action.probe.read_lag,
        horizon=system.horizon(action),
        absent_is_final=action.probe is not None and action.probe.absent_is_final,
    )

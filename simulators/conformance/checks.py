"""All checks, in the order of the ladder."""

from __future__ import annotations

from . import (
    ambiguity,
    breaking,
    contract,
    error_map,
    facts,
    fencing,
    left_out,
    overtaken,
    probe_honesty,
    repetition,
    side_by_side,
    silence,
    undoing,
    whole,
)
from .cases import Check

CHECKS: tuple[Check, ...] = (
    facts.FACTS,
    contract.SAMPLES,
    left_out.SUBJECT,
    contract.CALM,
    contract.SCHEMAS,
    silence.SECRETS,
    silence.DEADLINES,
    contract.UNMAPPED,
    error_map.ERROR_MAP,
    error_map.RETRY_AFTER,
    ambiguity.RETRY,
    ambiguity.CRASH,
    repetition.APPLY_TWICE,
    repetition.REWORDING,
    ambiguity.TWO_WORKERS,
    side_by_side.SIDE_BY_SIDE,
    fencing.FENCE,
    probe_honesty.PROBES,
    overtaken.OVERTAKEN,
    breaking.BREAKER,
    silence.CANCELLATION,
    undoing.COMPENSATION,
    undoing.UNDOABLE,
    whole.EXACTLY_ONCE,
    whole.CHAOS,
)

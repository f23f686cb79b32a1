"""What went wrong, in a code and a kind that agents can go by."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..core import errors
from ..core.errors import IntegrationError
from .result import Fault


def fault(error: IntegrationError) -> Fault:
    """What went wrong, without what the target wrote."""
    kind = next((name for name, classes in _KINDS.items() if isinstance(error, classes)), "unknown")
    code = error.code or _SNAKE.sub("_", type(error).__name__).lower()
    return Fault(_NO_CODE.sub("_", code)[:100], kind)


_KINDS: Mapping[str, tuple[type[IntegrationError], ...]] = {
    "request": (errors.InvalidRequest,),
    "policy": (errors.Denied,),
    "ledger": (errors.LedgerUnavailable,),
    "outage": (errors.CircuitOpen,),
    "paused": (errors.Paused,),
    "authorization": (errors.Unauthenticated, errors.Forbidden),
    "limit": (
        errors.BulkheadFull,
        errors.RateLimited,
        errors.PoolExhausted,
        errors.BudgetExhausted,
        errors.DeadlineBeforeSend,
        errors.Throttled,
    ),
    "conflict": (errors.Conflict, errors.PreconditionFailed),
    "rule": (errors.BusinessRule, errors.NotFound),
    "contract": (errors.ContractBroken,),
    "cancelled": (errors.Cancelled,),
    "transport": (errors.ConnectFailed, errors.Ambiguous),
}
_SNAKE = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NO_CODE = re.compile(r"[^\w.:-]")

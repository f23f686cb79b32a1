"""The faults under which every connector behind HTTP carries out every write."""

from __future__ import annotations

from typing import Any

HTTP_FAULTS: list[dict[str, Any]] = [
    *(
        {"kind": kind, "point": point, "params": params}
        for point in ("apply", "after_commit")
        for kind, params in (
            ("reset", {}),
            ("hang", {}),
            ("status", {"status": 502, "body": "html"}),
            ("status", {"status": 500, "body": "json"}),
            ("status", {"status": 503, "body": "empty"}),
            ("slow", {"seconds": 20}),
        )
    ),
    *(
        {"kind": kind, "point": "after_commit", "params": params}
        for kind, params in (
            ("reset", {"bytes": 5}),
            ("html_200", {}),
            ("truncate", {"fraction": 0.5}),
            ("empty", {}),
            ("garbage", {}),
        )
    ),
    {"kind": "lock_error", "point": "apply"},
    {"kind": "throttle", "point": "apply", "params": {"status": 429, "retry_after": "3"}},
    {"kind": "session_expired", "point": "apply"},
    {"kind": "duplicate_delivery", "point": "apply", "params": {"answer": "first"}},
    {"kind": "duplicate_delivery", "point": "apply", "params": {"answer": "second"}},
    *(
        {"kind": "late_commit", "point": "later", "params": {"delay": 40, "reply": reply}}
        for reply in ("hang", "504", "reset")
    ),
]


def fault_id(fault: dict[str, Any]) -> str:
    """How a test's id names a fault."""
    return " ".join([fault["kind"], fault["point"], *map(str, fault.get("params", {}).values())])

"""The kinds of fault that an HTTP simulator can carry out, and the points at which each makes sense.

Points: ``apply`` is before anything is applied; ``after_commit`` is after the change was committed (for a read: after
it was answered inside), and ``respond`` is another name for it; ``later`` applies the change after the reply was
given up. The same kind before and after the commit is the pair that matters: the client sees the same, and the truth
is the opposite.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Lane = Literal["read", "write", "auth"]
Point = Literal["apply", "after_commit", "respond", "later"]

_ANY: tuple[Lane, ...] = ("read", "write", "auth")
_DATA: tuple[Lane, ...] = ("read", "write")
_WRITE: tuple[Lane, ...] = ("write",)
_BEFORE: tuple[Point, ...] = ("apply",)
_AFTER: tuple[Point, ...] = ("after_commit", "respond")
_BOTH: tuple[Point, ...] = ("apply", "after_commit", "respond")


@dataclass(frozen=True, slots=True)
class KindOfFault:
    """What a kind allows.

    Args:
        says: One sentence on what happens.
        points: Where it can happen.
        lanes: Which calls it can befall.
        params: Its parameters with their defaults.
        choices: The values that a parameter is limited to.
        batches: Only calls with several items.
        databases: Only statements of a database.
    """

    says: str
    points: tuple[Point, ...]
    lanes: tuple[Lane, ...] = _ANY
    params: Mapping[str, Any] = field(default_factory=dict)
    choices: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    batches: bool = False
    databases: bool = False

    def problem_with(self, params: Mapping[str, Any]) -> str | None:
        """What is wrong with the parameters, as one sentence that says what to do, or None."""
        for name, value in params.items():
            if name not in self.params:
                known = ", ".join(self.params) or "none"
                return f"there is no parameter {name!r}; it has: {known}"
            if value is None and self.params[name] is None:
                continue
            if name in self.choices and value not in self.choices[name]:
                return f"{name} must be one of {', '.join(map(str, self.choices[name]))}, not {value!r}"
            if name in _NON_NEGATIVE and (isinstance(value, bool) or not isinstance(value, int | float) or value < 0):
                return f"{name} must be a number from 0 up, not {value!r}"
            if name == "fraction" and isinstance(value, int | float) and value > 1:
                return f"fraction must be between 0 and 1, not {value!r}"
            if name == "k" and (not isinstance(value, int) or value < 1):
                return f"k must be a whole number from 1 up, not {value!r}"
        return None


_NON_NEGATIVE = ("seconds", "delay", "fraction", "bytes", "k")
_OUTAGE = (477, 500, 502, 503, 504, 521, 524)

KINDS: Mapping[str, KindOfFault] = {
    "hang": KindOfFault(
        "No answer: the connection stays open until the client goes or `seconds` have passed, then it is closed.",
        _BOTH,
        params={"seconds": 30.0},
    ),
    "reset": KindOfFault(
        "The connection is reset (TCP RST) after `bytes` bytes of the reply's body; with 0, not one byte is sent.",
        _BOTH,
        params={"bytes": 0},
    ),
    "status": KindOfFault(
        "An outage status with a JSON or HTML body, as a gateway or the vendor's front end sends it.",
        _BOTH,
        params={"status": 503, "body": "json", "retry_after": None},
        choices={"status": _OUTAGE, "body": ("json", "html", "empty")},
    ),
    "slow": KindOfFault(
        "`seconds` pass and then all goes on as if nothing had been, whether or not the client is still there. "
        "With `locks`, the rows that are to be changed stay locked meanwhile.",
        _BOTH,
        params={"seconds": 1.0, "locks": False},
        choices={"locks": (False, True)},
    ),
    "lock_error": KindOfFault("The vendor's row-lock refusal; nothing is written.", _BEFORE, _WRITE),
    "throttle": KindOfFault(
        "The vendor's refusal because of too many calls; nothing is written.",
        _BEFORE,
        params={"status": 403, "retry_after": None},
        choices={"status": (403, 429, 503)},
    ),
    "sql_error": KindOfFault(
        "A database's own error in place of the statement, which never runs. A victim's transaction is rolled back.",
        _BEFORE,
        params={"error": "deadlock"},
        choices={"error": ("deadlock", "serialization", "lock_timeout", "statement_timeout", "read_only")},
        databases=True,
    ),
    "session_expired": KindOfFault(
        "The session of the call is ended for good, and the call is refused for it.", _BEFORE, _DATA
    ),
    "html_200": KindOfFault("Status 200 with an HTML maintenance page in place of the reply.", _AFTER),
    "truncate": KindOfFault(
        "The reply's body stops after `fraction` of the length that its header promised.",
        _AFTER,
        params={"fraction": 0.5},
    ),
    "empty": KindOfFault("The reply's status with an empty body.", _AFTER),
    "garbage": KindOfFault("The reply's status and content type with bytes that are no document at all.", _AFTER),
    "late_commit": KindOfFault(
        "The call is accepted and applied `delay` seconds later, whatever the client does; meanwhile the client "
        "sees `reply`: no answer for `seconds`, a 504, or a reset. With `locks`, the rows stay locked until then, "
        "so that a retry meets the original still running.",
        ("later",),
        _WRITE,
        params={"delay": 1.0, "reply": "hang", "seconds": 30.0, "locks": False},
        choices={"reply": ("hang", "504", "reset"), "locks": (False, True)},
    ),
    "duplicate_delivery": KindOfFault(
        "The call is applied twice, as when a proxy sends it again; the client gets the first or second answer.",
        _BEFORE,
        _WRITE,
        params={"answer": "second"},
        choices={"answer": ("first", "second")},
    ),
    "partial_batch": KindOfFault(
        "Some items of a batch (`k` of them, or a `fraction`) are refused with `code`, and the others commit.",
        _BEFORE,
        _WRITE,
        params={"k": None, "fraction": 0.5, "code": "UNABLE_TO_LOCK_ROW"},
        batches=True,
    ),
    "cut_batch": KindOfFault(
        "The first `k` items of a batch commit and the others are never looked at; no answer for `seconds`.",
        _BEFORE,
        _WRITE,
        params={"k": 1, "seconds": 30.0},
        batches=True,
    ),
}

"""The kinds of fault: what each does, at which points it makes sense, and with which parameters.

`vocabulary` explains the points; `docs/faults.md` shows all of it. A kind is in this list only if it is really carried
out: by the simulators in `exchange`, by databases in `sql`, and in the client's own process by the chaos kit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .vocabulary import CLIENT_POINTS, KindOfFault, Lane, Point

__all__ = ["KINDS", "KindOfFault", "Lane", "Point"]

_DATA: Final[tuple[Lane, ...]] = ("read", "write")
_WRITE: Final[tuple[Lane, ...]] = ("write",)
_READ: Final[tuple[Lane, ...]] = ("read",)
_CONNECT: Final[tuple[Point, ...]] = ("connect",)
_BEFORE: Final[tuple[Point, ...]] = ("apply",)
_AFTER: Final[tuple[Point, ...]] = ("after_commit", "respond")
_BOTH: Final[tuple[Point, ...]] = ("apply", "before_commit", "after_commit", "respond")
_STEPS: Final = CLIENT_POINTS[1:]
_OUTAGE = (477, 500, 502, 503, 504, 521, 524)
_REFUSAL = (400, 403, 404, 405, 408, 409, 411, 412, 413, 415, 421, 425, 431)
IN_DOUBT = ("in_doubt", "completion_unknown")
"""Errors of a database that leave open whether the transaction was committed."""


def _only_refusals_come_first(point: Point, params: Mapping[str, Any]) -> str | None:
    code = params["code"]
    if code != "Server" and point in _AFTER:
        return f"a fault that blames the client ({code}) is a refusal, which comes before: set point to apply"
    return None


def _doubt_is_about_the_commit(point: Point, params: Mapping[str, Any]) -> str | None:
    error = params["error"]
    if error in IN_DOUBT and point == "apply":
        return f"{error} is about a commit: set point to before_commit or after_commit, and match.operation to commit"
    if error not in IN_DOUBT and point != "apply":
        return f"{error} comes in place of the statement: set point to apply"
    return None


KINDS: Mapping[str, KindOfFault] = {
    # On the way to the system ------------------------------------------------------------------------------------
    "refused": KindOfFault("Nobody listens at the address: the connection is refused.", _CONNECT),
    "dns": KindOfFault("The system's name cannot be resolved.", _CONNECT),
    "connect_timeout": KindOfFault(
        "Nobody answers at the address: the client's connect timeout passes, or the operating system's own of "
        "`seconds`.",
        _CONNECT,
        params={"seconds": 127.0},
    ),
    "tls": KindOfFault(
        "The TLS handshake fails because the certificate is not valid.",
        _CONNECT,
        params={"problem": "expired"},
        choices={"problem": ("expired", "wrong_host", "unknown_issuer")},
    ),
    "pool_exhausted": KindOfFault(
        "No connection of the client's pool becomes free before its pool timeout, or for `seconds` if it has none.",
        _CONNECT,
        params={"seconds": 30.0},
    ),
    "proxy_407": KindOfFault("The client's own proxy demands a login and opens no connection.", _CONNECT),
    # Anywhere in a call ------------------------------------------------------------------------------------------
    "hang": KindOfFault(
        "No answer: the connection stays open until the client goes or `seconds` have passed, then it is closed.",
        ("send", *_BOTH),
        params={"seconds": 30.0},
        traits=("http", "sql"),
    ),
    "reset": KindOfFault(
        "The connection is reset (TCP RST) after `bytes` bytes of the reply's body; with 0, not one byte is sent.",
        ("send", *_BOTH),
        params={"bytes": 0},
        traits=("http", "sql"),
    ),
    "status": KindOfFault(
        "An outage status with a JSON or HTML body, as a gateway or the vendor's front end sends it.",
        ("admit", *_BOTH),
        params={"status": 503, "body": "json", "retry_after": None},
        choices={"status": _OUTAGE, "body": ("json", "html", "empty")},
    ),
    "slow": KindOfFault(
        "`seconds` pass and then all goes on as if nothing had been, whether or not the client is still there. "
        "With `locks`, the rows that are to be changed stay locked meanwhile.",
        ("apply", *_AFTER),
        params={"seconds": 1.0, "locks": False},
        choices={"locks": (False, True)},
        traits=("http", "sql"),
    ),
    # In place of the work ----------------------------------------------------------------------------------------
    "refusal": KindOfFault(
        "A gateway's own refusal with a 4xx status and an HTML page; the system never sees the request.",
        ("admit",),
        params={"status": 408},
        choices={"status": _REFUSAL},
    ),
    "redirect_loop": KindOfFault(
        "A redirect to the same address, as a login page or a broken load balancer gives it.",
        ("admit",),
        params={"status": 302},
        choices={"status": (301, 302, 303, 307, 308)},
    ),
    "lock_error": KindOfFault(
        "The vendor's row-lock refusal; nothing is written.", _BEFORE, _WRITE, traits=("http", "sql")
    ),
    "throttle": KindOfFault(
        "The vendor's refusal because of too many calls; nothing is written. `retry_after` is sent as it is: seconds, "
        "a date, or nonsense.",
        _BEFORE,
        params={"status": 403, "retry_after": None},
        choices={"status": (403, 429, 503)},
    ),
    "session_expired": KindOfFault(
        "The session of the call is ended for good, and the call is refused for it.", _BEFORE, _DATA
    ),
    "ws_security_expired": KindOfFault(
        "The clocks are too far apart: the message is refused as expired (`wsse:MessageExpired`).",
        _BEFORE,
        _DATA,
        traits=("wss",),
    ),
    "sql_error": KindOfFault(
        "A database's own error in place of the statement, which never runs. A victim's transaction is rolled back; "
        "a killed session is closed. `in_doubt` (SQLSTATE 08007) and `completion_unknown` (40003) answer COMMIT, "
        "whether it was rolled back or went through.",
        ("apply", "before_commit", "after_commit"),
        params={"error": "deadlock"},
        choices={
            "error": (
                "deadlock",
                "serialization",
                "lock_timeout",
                "statement_timeout",
                "read_only",
                "killed_session",
                *IN_DOUBT,
            )
        },
        traits=("sql",),
        at_commit=True,
        refuses=_doubt_is_about_the_commit,
    ),
    "soap_fault": KindOfFault(
        "A SOAP fault under HTTP `status`. Its code says whose fault it is, which is true: one that blames the client "
        "comes before anything is applied. `detail` is none, the vendor's, or an HTML page.",
        _BOTH,
        params={"status": 500, "code": "Server", "detail": "none"},
        choices={
            "status": (200, 400, 500),
            "code": ("Server", "Client", "VersionMismatch", "MustUnderstand"),
            "detail": ("none", "vendor", "html"),
        },
        traits=("soap",),
        refuses=_only_refusals_come_first,
    ),
    # A reply that is spoilt --------------------------------------------------------------------------------------
    "html_200": KindOfFault("Status 200 with an HTML maintenance page in place of the reply.", _AFTER),
    "truncate": KindOfFault(
        "The reply's body stops after `fraction` of the length that its header promised.",
        _AFTER,
        params={"fraction": 0.5},
        traits=("http", "sql"),
    ),
    "bad_length": KindOfFault(
        "The reply's header promises `fraction` of its length, and so much is sent: to HTTP it looks whole.",
        _AFTER,
        params={"fraction": 0.5},
    ),
    "empty": KindOfFault("The reply's status with an empty body.", _AFTER),
    "no_content": KindOfFault("Status 204 in place of the reply.", _AFTER),
    "garbage": KindOfFault("The reply's status and content type with bytes that are no document at all.", _AFTER),
    "wrong_content_type": KindOfFault(
        "The reply as it is, said to be something else.", _AFTER, params={"content_type": "text/html; charset=UTF-8"}
    ),
    "wrong_reply": KindOfFault(
        "The reply to the call before, as a proxy gives it that mixes up its connections.", _AFTER, deceives=True
    ),
    "soap_drift": KindOfFault(
        "The reply is not what the WSDL says: an element `added` everywhere, every value `nil`, the `namespace` of "
        "another version, elements in another `order`, or the last one `removed`.",
        _AFTER,
        params={"how": "added"},
        choices={"how": ("added", "nil", "namespace", "order", "removed")},
        traits=("soap",),
    ),
    "json_drift": KindOfFault(
        "The reply is not what was published: a field `added` to every object, every value `null`, the last field of "
        "every object `removed`, all fields `renamed`, or numbers and booleans as `text`. Errors stay as they are.",
        _AFTER,
        params={"how": "added"},
        choices={"how": ("added", "null", "removed", "renamed", "text")},
        traits=("json",),
    ),
    # What comes later, twice, in part, or to light late ----------------------------------------------------------
    "late_commit": KindOfFault(
        "The call is accepted and applied `delay` seconds later, whatever the client does; meanwhile the client "
        "sees `reply`: no answer for `seconds`, a 504, or a reset. With `locks`, the rows stay locked until then, "
        "so that a retry meets the original still running.",
        ("later",),
        _WRITE,
        params={"delay": 1.0, "reply": "hang", "seconds": 30.0, "locks": False},
        choices={"reply": ("hang", "504", "reset"), "locks": (False, True)},
        traits=("http", "sql"),
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
    "search_lag": KindOfFault(
        "Search shows the records as they were `seconds` ago, or longer ago where the system always lags more.",
        ("visible",),
        _READ,
        params={"seconds": 30.0},
        traits=("search",),
    ),
    # In the client's own process ---------------------------------------------------------------------------------
    "crash": KindOfFault(
        "The process is killed, and another takes its place after `seconds`.",
        _STEPS,
        _DATA,
        params={"seconds": 1.0},
        traits=("client",),
    ),
    "pause": KindOfFault(
        "Nothing of the process runs for `seconds`, while everything else does; then it goes on as if nothing had "
        "been.",
        _STEPS,
        _DATA,
        params={"seconds": 45.0},
        traits=("client",),
    ),
    "cancel": KindOfFault(
        "The caller goes away: what it waits for is cancelled, `seconds` after it asked or after the step.",
        CLIENT_POINTS,
        _DATA,
        params={"seconds": 0.0},
        traits=("client",),
    ),
    "short_deadline": KindOfFault(
        "The client gives the call only `seconds`.", ("call",), _DATA, params={"seconds": 0.5}, traits=("client",)
    ),
    "two_workers": KindOfFault(
        "The same request is given to another process as well, `seconds` later.",
        ("call",),
        _WRITE,
        params={"seconds": 0.0},
        traits=("client",),
    ),
    "ledger_write_fails": KindOfFault(
        "The ledger does not take what is to be written, and says so; nothing of it is kept.",
        ("before_journal", "before_record"),
        _DATA,
        params={"error": "disk_full"},
        choices={"error": ("disk_full", "locked", "io_error")},
        traits=("client",),
    ),
    "clock_jump": KindOfFault(
        "The machine's wall clock jumps `by` seconds, forwards or back; its monotonic clock does not.",
        CLIENT_POINTS,
        _DATA,
        params={"by": 3600.0},
        traits=("client",),
    ),
}

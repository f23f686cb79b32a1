"""What is known not to hold of SuiteCRM's actions, and settings that show how their facts differ; for pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_V4_1: Final = {
    "url": "https://crm.example.com",
    "api": "v4_1",
    "auth": {"flow": "login", "username": "seawall", "password": "example"},
}
_V8: Final = {
    "url": "https://crm.example.com",
    "api": "v8",
    "auth": {"flow": "client_credentials", "client_id": "seawall", "client_secret": "example"},
}

EXAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "v4_1": _V4_1,
    "v4_1, `case_marker_field`": {**_V4_1, "case_marker_field": "seawall_marks_c"},
    "v8": _V8,
    "v8, `case_marker_field`": {**_V8, "case_marker_field": "seawall_marks_c"},
}

_NO_CONDITION: Final = (
    "No conditional write: a change by somebody else between our read and our write, or before a late commit of "
    "ours, is overwritten. Versions have a resolution of one second: two changes in one second differ by content only."
)
_NO_CHECK_OF_PARENTS: Final = "The record that it belongs to is looked up first; it may be deleted before the write."

LIMITS: Final[Mapping[str, str]] = {
    "*": "The horizon is a setting: no vendor document bounds how long PHP may still commit. What logic hooks and "
    "workflows do on a write is theirs, and is not undone or looked up. Texts are compared as SuiteCRM shows them: "
    "HTML encoding, line ends and blanks around them do not count, and content that it strips (scripts) is reported "
    "as content that is not there. Where PHP keeps sessions in files, the calls of one v4_1 session run one after the "
    "other: one that hangs holds up the others, probes included.",
    "find_cases": "Filters match exactly: v8 has no LIKE.",
    "find_contacts": "As find_cases; v8 cannot filter by e-mail address.",
    "create_contact": "The e-mail address and the account lie in tables of their own and are written after the "
    "contact: a contact without them may still be on its way.",
    "log_call": _NO_CHECK_OF_PARENTS,
    "add_note": _NO_CHECK_OF_PARENTS,
    "create_cases": "No transaction: SuiteCRM saves one after the other; each is read back for itself.",
    "update_case": _NO_CONDITION + " Versions of v8 before 2019 refuse empty values, and so `clear`.",
    "close_case": _NO_CONDITION,
}

"""The arguments of a v4_1 method.

Source: ``service/core/REST/SugarRestJSON.php`` hands the decoded values to ``call_user_func_array``. PHP 7 takes them
in their order and never looks at their names; PHP 8 takes an object's members by name, and an unknown one is a fatal
error (SuiteCRM issue 10091). A missing one is fatal in both. The methods are those of ``service/v4_1`` and what it
extends.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..kinds import Lane
from .errors import FatalError


@dataclass(frozen=True, slots=True)
class Method:
    """A method.

    Args:
        lane: Its lane.
        names: Its arguments, in order.
        required: How many of them must be there.
        right: What the session's user must be allowed to do in the module: ``read`` or ``write``.
    """

    lane: Lane
    names: tuple[str, ...]
    required: int
    right: Literal["", "read", "write"] = ""


_RELATED = ("related_module_query", "related_fields", "related_module_link_name_to_fields_array", "deleted")
_LISTED = ("select_fields", "link_name_to_fields_array")

METHODS: Mapping[str, Method] = {
    "login": Method("auth", ("user_auth", "application", "name_value_list"), 1),
    "logout": Method("auth", ("session",), 1),
    "seamless_login": Method("read", ("session",), 1),
    "get_server_info": Method("read", (), 0),
    "get_user_id": Method("read", ("session",), 1),
    "get_available_modules": Method("read", ("session", "filter", "modules"), 1),
    "get_module_fields": Method("read", ("session", "module_name", "fields"), 2, "read"),
    "get_entry": Method("read", ("session", "module_name", "id", *_LISTED, "track_view"), 5, "read"),
    "get_entries": Method("read", ("session", "module_name", "ids", *_LISTED, "track_view"), 5, "read"),
    "get_entry_list": Method(
        "read",
        ("session", "module_name", "query", "order_by", "offset", *_LISTED, "max_results", "deleted", "favorites"),
        0,
        "read",
    ),
    "get_entries_count": Method("read", ("session", "module_name", "query", "deleted"), 4, "read"),
    "get_relationships": Method(
        "read",
        ("session", "module_name", "module_id", "link_field_name", *_RELATED, "order_by", "offset", "limit"),
        8,
        "read",
    ),
    "set_entry": Method("write", ("session", "module_name", "name_value_list", "track_view"), 3, "write"),
    "set_entries": Method("write", ("session", "module_name", "name_value_lists"), 3, "write"),
    "set_relationship": Method(
        "write",
        ("session", "module_name", "module_id", "link_field_name", "related_ids", "name_value_list", "delete"),
        7,
    ),
    "set_relationships": Method(
        "write",
        (
            "session",
            "module_names",
            "module_ids",
            "link_field_names",
            "related_ids",
            "name_value_lists",
            "delete_array",
        ),
        7,
    ),
}


def bind(method: Method, rest_data: str, php: Literal[7, 8]) -> dict[str, Any]:
    """The arguments by name; one that was left out and may be is None.

    Raises:
        FatalError: One is missing, or PHP 8 does not know one.
    """
    try:
        content = json.loads(rest_data)
    except ValueError:
        content = None
    if isinstance(content, dict) and php == 8:
        if unknown := set(content) - set(method.names):
            raise FatalError(f"Uncaught Error: Unknown named parameter ${min(unknown)}")
        given = content
    else:
        values = list(content.values()) if isinstance(content, dict) else content
        values = values if isinstance(values, list) else [values]
        given = dict(zip(method.names, values, strict=False))
    if missing := [name for name in method.names[: method.required] if name not in given]:
        raise FatalError(f"Uncaught ArgumentCountError: Too few arguments to function, ${missing[0]} is missing")
    return {name: given.get(name) for name in method.names}

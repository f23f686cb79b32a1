"""The v4_1 API: sessions, reading and lists.

Source: ``service/v4_1/SugarWebServiceImplv4_1.php`` and the versions that it extends. A record that is not there, or
not any more, is answered like one, with a ``warning`` among its values. Lists of named values are PHP arrays, so an
empty one is ``[]`` where a filled one is an object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

from .call import Call
from .database import Row
from .errors import DatabaseFailure, Refusal
from .related import related
from .schema import Module
from .sql import ordered, where
from .suite import Suite
from .values import as_text, to_html, truthy

Named: TypeAlias = dict[str, dict[str, Any]] | list[Any]
Responder: TypeAlias = Callable[[Suite, Call], Any]

_GONE = "Access to this object is denied since it has been deleted or does not exist"
_ACTIONS = ("edit", "delete", "list", "view", "import", "export")


def login(suite: Suite, call: Call) -> Any:
    """Open a session."""
    session, user = suite.sessions.login(call.request, call.args["user_auth"])
    facts = {
        "user_id": user.id,
        "user_name": user.user_name,
        "user_language": "en_us",
        "user_currency_id": None,
        "user_is_admin": user.is_admin,
        "user_default_team_id": None,
        "user_default_dateformat": "m/d/Y",
        "user_default_timeformat": "H:i",
    }
    return {"id": session, "module_name": "Users", "name_value_list": named(facts)}


def logout(suite: Suite, call: Call) -> Any:
    """End a session; there is no answer to it but ``null``."""
    suite.sessions.end(call.args["session"])


def seamless_login(suite: Suite, call: Call) -> Any:
    """Whether a session is open, as a number."""
    try:
        suite.sessions.user(call.request, call.args["session"])
    except Refusal:
        return 0
    return 1


def get_server_info(suite: Suite, _call: Call) -> Any:
    """The version."""
    moment = datetime.fromtimestamp(int(suite.database.now()), UTC)
    return {"flavor": "CE", "version": suite.settings.version, "gmt_time": moment.strftime("%Y-%m-%d %H:%M:%S")}


def get_user_id(_suite: Suite, call: Call) -> Any:
    """The user of the session."""
    return call.user.id


def get_available_modules(suite: Suite, call: Call) -> Any:
    """The modules, with what the user may do in each."""
    return {
        "modules": [
            {
                "module_key": name,
                "module_label": name,
                "favorite_enabled": False,
                "acls": [
                    {"action": action, "access": call.user.may("save" if action == "edit" else action, name)}
                    for action in _ACTIONS
                ],
            }
            for name in suite.modules
            if name not in call.user.denied or call.user.is_admin
        ]
    }


def get_module_fields(suite: Suite, call: Call) -> Any:
    """The fields of a module, with the lengths of their columns, and its links."""
    module = suite.modules[call.args["module_name"]]
    wanted = call.args["fields"] or list(module.fields)
    fields = {
        field.name: {
            "name": field.name,
            "type": field.type,
            "group": "",
            "id_name": "",
            "label": field.name,
            "required": int(field.required),
            "options": [],
            "related_module": "",
            "calculated": False,
            "len": "" if field.len is None or field.type == "text" else str(field.len),
        }
        for field in module.fields.values()
        if field.name in wanted
    }
    links = {
        link.name: {
            "name": link.name,
            "type": "link",
            "group": "",
            "id_name": "",
            "relationship": link.relationship,
            "module": link.module,
            "bean_name": suite.modules[link.module].bean,
        }
        for link in module.links.values()
        if not call.args["fields"] or link.name in wanted
    }
    return {
        "module_name": module.name,
        "table_name": module.table,
        "module_fields": fields or [],
        "link_fields": links or [],
    }


def get_entry(suite: Suite, call: Call) -> Any:
    """One record."""
    return _entries(suite, call, [call.args["id"]])


def get_entries(suite: Suite, call: Call) -> Any:
    """Several records by their ids."""
    ids = call.args["ids"]
    return _entries(suite, call, ids if isinstance(ids, list) else [])


def get_entry_list(suite: Suite, call: Call) -> Any:
    """The records that meet a condition, a page of them."""
    module = suite.modules[call.args["module_name"]]
    rows = _met(suite, call, module)
    if not call.user.may("list", module.name):
        raise Refusal("no_access")
    rows = ordered(rows, as_text(call.args["order_by"]), module)
    offset = max(0, _whole(call.args["offset"]))
    size = _whole(call.args["max_results"])
    page = rows[offset : offset + (size if size > 0 else suite.settings.page_size)]
    return {
        "result_count": len(page),
        "total_count": str(len(rows)),
        "next_offset": offset + len(page),
        "entry_list": [entry(suite, module, row, call.args["select_fields"]) for row in page],
        "relationship_list": _linked(suite, call, module, page),
    }


def get_entries_count(suite: Suite, call: Call) -> Any:
    """How many records meet a condition, as text; or NULL if the database cannot read it, which is no error here.

    The condition is not put into brackets, so an OR in it lets deleted records in.
    """
    module = suite.modules[call.args["module_name"]]
    query = as_text(call.args["query"])
    if not call.user.may("list", module.name):
        raise Refusal("no_access")
    if not truthy(call.args["deleted"]):
        query = " AND ".join(part for part in (query, f"{module.table}.deleted = 0") if part)
    try:
        condition = where(query, module)
    except DatabaseFailure:
        return {"result_count": None}
    return {"result_count": str(sum(condition(row) for row in suite.database.rows(module)))}


def get_relationships(suite: Suite, call: Call) -> Any:
    """The records that one is linked to; an unknown record or link has none."""
    args = call.args
    module = suite.modules[args["module_name"]]
    if not call.user.may("view", module.name):
        raise Refusal("no_access")
    link = module.links.get(as_text(args["link_field_name"]))
    row = suite.database.live(module, as_text(args["module_id"]))
    if link is None or row is None:
        return {"entry_list": [], "relationship_list": []}
    other = suite.modules[link.module]
    condition = where(as_text(args["related_module_query"]), other)
    rows = [found for found in related(suite, module, link, row) if condition(found)]
    rows = ordered(rows, as_text(args["order_by"]), other)
    offset, limit = max(0, _whole(args["offset"])), _whole(args["limit"])
    page = rows[offset : offset + limit if limit > 0 else None]
    return {
        "entry_list": [entry(suite, other, found, args["related_fields"]) for found in page],
        "relationship_list": [],
    }


def entry(suite: Suite, module: Module, row: Row, fields: Any) -> dict[str, Any]:
    """A record; without a choice of fields, all of them. Texts come with entities for quotes and angle brackets."""
    shown = suite.shown(module, row)
    wanted = fields if isinstance(fields, list) and fields else list(shown)
    values = {name: to_html(shown[name]) for name in wanted if name in shown}
    return {"id": row["id"], "module_name": module.name, "name_value_list": named(values)}


def named(values: Mapping[str, Any]) -> Named:
    """Named values, each with its name once more."""
    return {name: {"name": name, "value": value} for name, value in values.items()} or []


def _entries(suite: Suite, call: Call, ids: Iterable[Any]) -> Any:
    module = suite.modules[call.args["module_name"]]
    listed, found = [], []
    for record_id in ids:
        row = suite.database.live(module, as_text(record_id))
        if row is None:
            warning = [{"name": "warning", "value": _GONE}, {"name": "deleted", "value": "1"}]
            listed.append({"id": record_id, "module_name": module.name, "name_value_list": warning})
            continue
        if not call.user.may("view", module.name):
            raise Refusal("no_access")
        listed.append(entry(suite, module, row, call.args["select_fields"]))
        found.append(row)
    return {"entry_list": listed, "relationship_list": _linked(suite, call, module, found)}


def _met(suite: Suite, call: Call, module: Module) -> list[Row]:
    condition = where(as_text(call.args["query"]), module)
    too = truthy(call.args["deleted"])
    return [row for row in suite.database.rows(module) if (too or row["deleted"] != "1") and condition(row)]


def _linked(suite: Suite, call: Call, module: Module, rows: list[Row]) -> list[Any]:
    wanted = call.args["link_name_to_fields_array"]
    return [{"link_list": _links_of(suite, module, row, wanted)} for row in rows] if wanted else []


def _links_of(suite: Suite, module: Module, row: Row, wanted: Any) -> list[Any]:
    links = []
    for asked in wanted if isinstance(wanted, list) else []:
        if not isinstance(asked, dict) or not asked.get("name") or not asked.get("value"):
            continue
        link = module.links.get(asked["name"])
        if link is None:
            links.append({"name": asked["name"], "records": []})
        elif rows := related(suite, module, link, row):
            entries = [entry(suite, suite.modules[link.module], found, asked["value"]) for found in rows]
            links.append({"name": link.name, "records": [{"link_value": e["name_value_list"]} for e in entries]})
    return links


def _whole(value: Any) -> int:
    try:
        return int(as_text(value) or 0)
    except ValueError:
        return 0

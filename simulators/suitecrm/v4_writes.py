"""The writes of the v4_1 API.

Source: ``set_entry`` in ``service/v3_1/SugarWebServiceImplv3_1.php``; ``new_handle_set_entries`` in
``service/v4/SugarWebServiceUtilv4.php``: records that the user may not save are left out of the ids, so the list is
shorter and shifts; a contact with the e-mail address and last name of another is answered with that one's id; a call
with the ``outlook_id`` of another overwrites it. ``set_relationship`` counts calls and not pairs, and never asks
whether the records are there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .beans import Bean
from .call import Call
from .errors import FatalError, Refusal
from .related import relate, unrelate
from .schema import Module
from .suite import Suite
from .v4 import named
from .values import as_text, truthy

DIES = "FATAL"
"""A failing item of this code ends the process at that item."""

SESSION_ENDS = "INVALID_SESSION"
"""A failing item of this code ends the call at that item with error 11. Any other code leaves the item out."""


def set_entry(suite: Suite, call: Call) -> Any:
    """Save one record. The answer says what was sent, not what was stored."""
    module = suite.modules[call.args["module_name"]]
    pairs = list(pairs_of(call.args["name_value_list"]))
    bean = _bean(suite, module, pairs)
    if not _may_save(suite, call, bean):
        raise Refusal("no_access")
    record_id = suite.beans.save(call.origin, call.user, bean)
    echoed = {name: value for name, value in pairs if name in module.fields and value is not None}
    return {"id": record_id, "entry_list": named(echoed)}


def set_entries(suite: Suite, call: Call) -> Any:
    """Save several records, one after the other; those that were saved stay so, whatever comes."""
    module = suite.modules[call.args["module_name"]]
    ids: list[str] = []
    lists = call.args["name_value_lists"]
    for place, item in enumerate(lists if isinstance(lists, list) else []):
        code = call.failing.get(place)
        if code == DIES:
            raise FatalError("Maximum execution time of 30 seconds exceeded")
        if code == SESSION_ENDS:
            suite.sessions.end(call.args["session"])
            raise Refusal("invalid_session")
        bean = _bean(suite, module, list(pairs_of(item)))
        if code is not None:
            continue
        if module.name == "Contacts":
            _give_account(suite, call, bean)
            if (duplicate := _same_contact(suite, bean)) is not None:
                bean = Bean(module, id=duplicate)
        elif module.name == "Calls" and not bean.id and (call_id := _same_outlook_id(suite, bean)) is not None:
            bean.id = call_id
        if _may_save(suite, call, bean):
            ids.append(suite.beans.save(call.origin, call.user, bean))
    return {"ids": ids}


def set_relationship(suite: Suite, call: Call) -> Any:
    """Link a record to others, or take links away."""
    args = call.args
    return _counted(suite, call, [(args["module_name"], args["module_id"], args["link_field_name"])], [args["delete"]])


def set_relationships(suite: Suite, call: Call) -> Any:
    """The same for several records."""
    args = call.args
    names, ids, links = (args[name] for name in ("module_names", "module_ids", "link_field_names"))
    if not all(isinstance(part, list) and part for part in (names, ids, links, args["related_ids"])):
        raise Refusal("invalid_data_format")
    deletes = args["delete_array"] if isinstance(args["delete_array"], list) else []
    return _counted(suite, call, list(zip(names, ids, links, strict=False)), deletes)


def _counted(suite: Suite, call: Call, records: list[tuple[Any, Any, Any]], deletes: list[Any]) -> Any:
    counts = {"created": 0, "failed": 0, "deleted": 0}
    delete = False
    for place, (module_name, record_id, link_name) in enumerate(records):
        delete = truthy(deletes[place]) if place < len(deletes) else delete
        others = call.args["related_ids"]
        if call.operation == "set_relationships":
            others = others[place] if place < len(others) else []
        done = place not in call.failing and _linked(
            suite, call, module_name, record_id, link_name, others, delete=delete
        )
        counts[("deleted" if delete else "created") if done else "failed"] += 1
    return counts


def _linked(
    suite: Suite, call: Call, module_name: Any, record_id: Any, link_name: Any, others: Any, *, delete: bool
) -> bool:
    module = suite.modules.get(as_text(module_name))
    if module is None or not call.user.may("view", module.name):
        return False
    link = module.links.get(as_text(link_name))
    if link is None:
        return False
    row = suite.database.live(module, as_text(record_id))
    change = unrelate if delete else relate
    for other in others if isinstance(others, list) else [others]:
        if row is not None:
            change(suite, call, module, link, row, as_text(other))
            row = suite.database.live(module, as_text(record_id))
    return True


def pairs_of(name_value_list: Any) -> Iterator[tuple[str, Any]]:
    """Names and values, whether they come as objects with ``name`` and ``value`` or as one object."""
    if isinstance(name_value_list, dict):
        items = list(name_value_list.items())
    else:
        items = list(enumerate(name_value_list if isinstance(name_value_list, list) else []))
    for name, value in items:
        if isinstance(value, dict):
            yield as_text(value.get("name")), value.get("value")
        else:
            yield as_text(name), value


def _bean(suite: Suite, module: Module, pairs: list[tuple[str, Any]]) -> Bean:
    ids = [as_text(value) for name, value in pairs if name == "id"]
    bean = suite.beans.retrieve(module, ids[0] if ids else "")
    for name, value in pairs:
        bean.set(name, value)
    return bean


def _may_save(suite: Suite, call: Call, bean: Bean) -> bool:
    may = suite.beans.may_save(call.user, bean)
    return may and (not bean.deleted or call.user.may("delete", bean.module.name))


def _give_account(suite: Suite, call: Call, bean: Bean) -> None:
    """The account that a contact names, made if there is none of the name."""
    name, account_id = as_text(bean.values.get("account_name")), as_text(bean.values.get("account_id"))
    accounts = suite.modules["Accounts"]
    if not (name or account_id) or not call.user.may("save", accounts.name):
        return
    known, value = ("id", account_id) if account_id else ("name", name)
    for row in suite.database.all(accounts.name):
        if row[known] == value:
            bean.set("account_id", row["id"])
            return
    account = Bean(accounts)
    account.set("name", name)
    account.set("assigned_user_id", call.user.id)
    bean.set("account_id", suite.beans.save(call.origin, call.user, account))


def _same_contact(suite: Suite, bean: Bean) -> str | None:
    last_name = bean.get("last_name").strip()
    addresses = {address for name in ("email1", "email2") if (address := bean.get(name).strip())}
    if bean.id or not last_name or not addresses:
        return None
    account = bean.get("account_name")
    for row in suite.database.all("Contacts"):
        theirs = suite.shown(bean.module, row)
        same_address = addresses & {theirs["email1"], theirs["email2"]}
        if theirs["last_name"] == last_name and same_address and account in ("", theirs["account_name"]):
            return theirs["id"]
    return None


def _same_outlook_id(suite: Suite, bean: Bean) -> str | None:
    outlook_id = bean.get("outlook_id")
    matches = [row["id"] for row in suite.database.all("Calls") if outlook_id and row["outlook_id"] == outlook_id]
    return matches[0] if matches else None

"""Links between records: those of a table of their own, and those that a column of one side holds."""

from __future__ import annotations

from .call import Call
from .database import Row
from .schema import Link, Module
from .suite import Suite
from .values import database_time, id_key


def related(suite: Suite, module: Module, link: Link, row: Row) -> list[Row]:
    """The records at the other side of a link that are not deleted."""
    other, own_id = suite.modules[link.module], row["id"] or ""
    match link.side:
        case "many_to_many":
            found = [suite.database.live(other, record_id) for record_id in suite.database.related_ids(link, own_id)]
        case "children":
            found = [
                child
                for child in suite.database.rows(other)
                if child["deleted"] != "1" and _points(child, link, module, own_id)
            ]
        case "parent":
            holds = link.key != "parent_id" or row.get("parent_type") == other.name
            found = [suite.database.live(other, row.get(link.key) or "")] if holds else []
    return [record for record in found if record is not None]


def relate(suite: Suite, call: Call, module: Module, link: Link, row: Row, related_id: str) -> None:
    """Link a record to another, by its id alone: the database does not ask whether it is there."""
    other, own_id = suite.modules[link.module], row["id"] or ""
    match link.side:
        case "many_to_many":
            suite.database.relate(call.origin, link, own_id, related_id)
        case "children":
            child = suite.database.live(other, related_id)
            if child is not None:
                _point(suite, call, other, child, link, module.name, own_id)
        case "parent":
            _point(suite, call, module, row, link, other.name, related_id)


def unrelate(suite: Suite, call: Call, module: Module, link: Link, row: Row, related_id: str) -> None:
    """Take a link away."""
    other, own_id = suite.modules[link.module], row["id"] or ""
    match link.side:
        case "many_to_many":
            suite.database.unrelate(call.origin, link, own_id, related_id)
        case "children":
            child = suite.database.live(other, related_id)
            if child is not None and _points(child, link, module, own_id):
                _point(suite, call, other, child, link, None, None)
        case "parent":
            if id_key(row.get(link.key) or "") == id_key(related_id):
                _point(suite, call, module, row, link, None, None)


def _points(child: Row, link: Link, module: Module, own_id: str) -> bool:
    if link.key == "parent_id" and child.get("parent_type") != module.name:
        return False
    return id_key(child.get(link.key) or "") == id_key(own_id)


def _point(
    suite: Suite, call: Call, holder: Module, row: Row, link: Link, parent_type: str | None, parent_id: str | None
) -> None:
    written = {link.key: parent_id}
    if link.key == "parent_id":
        written["parent_type"] = parent_type
    moment: Row = {"date_modified": database_time(suite.database.now()), "modified_user_id": call.user.id}
    suite.database.update(call.origin, holder, row, written, moment)

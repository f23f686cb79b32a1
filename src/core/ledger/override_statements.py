"""The statements about overrides, compiled once for each database."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlalchemy import ClauseElement, ColumnElement, and_, bindparam, func, literal_column, or_, select, update

from .schema import overrides

if TYPE_CHECKING:
    from .statements import Statement

_ov = overrides.c
_STANDS = and_(_ov.ended_at.is_(None), or_(_ov.until.is_(None), _ov.until > bindparam("now")))
_RESET: ColumnElement[str] = literal_column("'reset'")


class OverrideStatements:
    """Statements about overrides, in the words of one database.

    Args:
        compiled: Makes text for the driver.
        insert: Makes an insert that leaves alone what is there with the same values of the named columns.
    """

    def __init__(self, compiled: Callable[[ClauseElement], Statement], insert: Callable[..., Statement]) -> None:
        row = select(*[column for column in overrides.columns if column.name != "seq"], _ov.seq)
        self.insert = insert(overrides, "id")
        self.newest = compiled(select(func.max(_ov.seq)))
        self.by_id = compiled(row.where(_ov.id == bindparam("id")))
        # One question, answered from two indexes: every process asks it several times a second.
        self.look = compiled(
            row.where(or_(_STANDS, and_(_ov.seq > bindparam("after"), _ov.kind == _RESET))).order_by(_ov.seq)
        )
        self.in_force = compiled(row.where(_STANDS).order_by(_ov.seq))
        self.history = compiled(row.order_by(_ov.seq.desc()).limit(bindparam("most")))
        self.end = compiled(
            update(overrides)
            .where(_ov.id == bindparam("which"), _STANDS)
            .values(ended_at=bindparam("at"), ended_by=bindparam("by"), ended_reason=bindparam("because"))
        )

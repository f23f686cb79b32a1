"""The statements, written with SQLAlchemy Core and compiled once to text for the driver.

SQLAlchemy's execution costs more than the commit's other work (reference/libraries, section 4: 13 k against 62 k
rows a second); compiled text through the driver's own cursor keeps its schema and dialects without that.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ClauseElement,
    Column,
    ColumnElement,
    Float,
    Table,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.compiler import SQLCompiler

from .schema import attempts, decisions, holders, ledger_meta, operations, probes

_op = operations.c


def _status(*names: str) -> ColumnElement[bool]:
    return or_(*(_op.status == literal_column(f"'{name}'") for name in names))


_OPEN = _status("running", "unknown")
_UNSETTLED = _status("running", "unknown", "parked")


class Statement(NamedTuple):
    """SQL text and the names of its parameters in order."""

    text: str
    names: tuple[str, ...]
    fixed: Mapping[str, Any]

    def values(self, **given: Any) -> tuple[Any, ...]:
        """The parameters in order; what is not given is a constant of the statement."""
        fixed = self.fixed
        return tuple([given[name] if name in given else fixed[name] for name in self.names])


DIALECT = sqlite.dialect()


def _compiled(statement: ClauseElement) -> Statement:
    compiled = statement.compile(dialect=DIALECT)
    assert isinstance(compiled, SQLCompiler)
    return Statement(str(compiled), tuple(compiled.positiontup or ()), dict(compiled.params))


def _stored(table: Table) -> list[Column[Any]]:
    """The columns of a record; the number by which its rows are ordered is the table's own."""
    return [column for column in table.columns if column.name != "seq"]


def _insert(table: Table, *unless: str) -> Statement:
    """An insert that leaves alone what is there with the same values of the columns `unless`."""
    statement = sqlite.insert(table).values({column.name: bindparam(column.name) for column in _stored(table)})
    return _compiled(statement.on_conflict_do_nothing(index_elements=unless) if unless else statement)


INSERT_OPERATION = _insert(operations, "system", "key")
INSERT_ATTEMPT = _insert(attempts, "operation_id", "epoch", "number")
INSERT_PROBE = _insert(probes)
INSERT_DECISION = _insert(decisions)

_operation = select(*_stored(operations))

BY_ID = _compiled(_operation.where(_op.id == bindparam("id")))
BY_KEY = _compiled(_operation.where(_op.system == bindparam("system"), _op.key == bindparam("key")))
UNSETTLED_ON_ENTITY = _compiled(
    _operation.where(
        _op.system == bindparam("system"),
        _op.entity == bindparam("entity"),
        _op.key != bindparam("key"),
        _UNSETTLED,
    ).limit(1)
)
UNDOING = _compiled(
    _operation.where(_op.undoes == bindparam("undoes"), _op.status != literal_column("'rejected'"))
    .order_by(_op.seq.desc())
    .limit(1)
)
START_ANEW = _compiled(
    update(operations)
    .where(_op.id == bindparam("which"))
    .values(
        {name: bindparam(name) for name in (
            "request", "digest", "entity", "principal", "adapter_version", "policy", "trace_id", "batch_id",
            "atomic", "deadline_at", "undoes", "holder", "epoch", "updated_at", "intent_id",
        )}
        | {"status": "running", "outcome": None, "error": None, "sent_at": None, "last_sent_at": None}
        | {"next_check_at": None, "checks": 0, "parked_because": None, "orphaned": 0}
    )
)  # fmt: skip
FINISH = _compiled(
    update(operations)
    .where(
        _op.id == bindparam("which"),
        _op.holder == bindparam("by"),
        _op.epoch == bindparam("under"),
        _OPEN,
    )
    .ordered_values(
        (_op.status, bindparam("new_status")),
        (_op.outcome, bindparam("outcome")),
        (_op.error, bindparam("error")),
        (_op.sent_at, func.coalesce(_op.sent_at, bindparam("sent_at"))),
        (_op.last_sent_at, func.coalesce(bindparam("last_sent_at"), _op.last_sent_at)),
        (_op.next_check_at, bindparam("next_check_at")),
        (_op.parked_because, bindparam("parked_because")),
        (_op.checks, _op.checks + bindparam("checked")),
        (_op.updated_at, bindparam("updated_at")),
        (_op.holder, null()),
    )
)
"""Its parameters in the order in which `jobs` has them."""
HOLDS = _compiled(
    select(_op.id).where(_op.id == bindparam("id"), _op.holder == bindparam("holder"), _op.epoch == bindparam("epoch"))
)
_gone = or_(holders.c.id.is_(None), holders.c.beat_at < bindparam("alive_since"))
_joined = operations.outerjoin(holders, holders.c.id == _op.holder)
DUE = _compiled(
    _operation.add_columns(holders.c.beat_at)
    .select_from(_joined)
    .where(
        _OPEN,
        _gone,
        or_(_status("running"), _op.next_check_at <= bindparam("now")),
        or_(bindparam("any_system"), _op.system == bindparam("system")),
    )
    .order_by(_op.next_check_at)
    .limit(bindparam("most"))
)
CLAIM = _compiled(
    update(operations)
    .where(_op.id == bindparam("which"))
    .values(
        {name: bindparam(name) for name in (
            "error", "holder", "epoch", "sent_at", "last_sent_at", "next_check_at", "updated_at", "orphaned",
        )}
        | {"status": "unknown"}
    )
)  # fmt: skip
RESOLVE = _compiled(
    update(operations)
    .where(
        _op.id == bindparam("which"),
        _op.epoch == bindparam("under"),
        _op.holder.is_(None),
        _status("unknown", "parked"),
    )
    .values(
        status=bindparam("new_status"),
        outcome=bindparam("outcome"),
        error=bindparam("error"),
        next_check_at=bindparam("next_check_at"),
        parked_because=null(),
        checks=_op.checks * bindparam("kept"),
        orphaned=_op.orphaned * bindparam("kept"),
        epoch=_op.epoch + 1,
        updated_at=bindparam("now"),
    )
)
_check_at = case((_status("unknown"), func.coalesce(_op.next_check_at, 0.0)), else_=0.0)
_lapse_at = func.coalesce(holders.c.beat_at + bindparam("lease", type_=Float), 0.0)
NEXT_DUE = _compiled(
    select(func.min(case((_check_at > _lapse_at, _check_at), else_=_lapse_at)))
    .select_from(_joined)
    .where(
        _OPEN,
        or_(_op.holder != bindparam("holder"), _op.holder.is_(None)),
        or_(bindparam("any_system"), _op.system == bindparam("system")),
    )
)
ANYTHING_DUE = _compiled(
    select(literal_column("1"))
    .select_from(_joined)
    .where(
        _OPEN,
        _gone,
        or_(_status("running"), _op.next_check_at <= bindparam("now")),
        or_(bindparam("any_system"), _op.system == bindparam("system")),
    )
    .limit(1)
)


@cache
def find(*names: str, unsettled: bool = False) -> Statement:
    """Operations by the columns `names`, newest first.

    Only a batch and an unsettled status are rare enough to be looked up in an index. For the others walking back
    from the newest row finds the first hundred soonest; an empty text added to a column keeps the index out.
    """
    rare = {"batch_id", "status"} if unsettled else {"batch_id"}
    columns = [(name, _op[name] if name in rare else _op[name].concat("")) for name in names]
    conditions = [column == bindparam(f"only_{name}") for name, column in columns]
    return _compiled(_operation.where(*conditions).order_by(_op.seq.desc()).limit(bindparam("most")))


def _of_operation(table: Table, *order: Column[Any]) -> Statement:
    found = select(*_stored(table)).where(table.c.operation_id == bindparam("id"))
    return _compiled(found.order_by(*order))


ATTEMPTS = _of_operation(attempts, attempts.c.started_at, attempts.c.epoch, attempts.c.number)
PROBES = _of_operation(probes, probes.c.at, probes.c.seq)
DECISIONS = _of_operation(decisions, decisions.c.at, decisions.c.seq)
COUNTS = _compiled(select(_op.system, _op.status, func.count()).group_by(_op.status, _op.system))

BEAT = _compiled(
    sqlite.insert(holders)
    .values(id=bindparam("id"), beat_at=bindparam("beat_at"))
    .on_conflict_do_update(index_elements=["id"], set_={"beat_at": bindparam("again")})
)
LEAVE = _compiled(update(holders).where(holders.c.id == bindparam("which")).values(beat_at=0.0))
"""No heartbeat is that old: it says that the holder left, and did not vanish."""
FORGET_HOLDERS = _compiled(
    holders.delete().where(
        holders.c.beat_at < bindparam("before"),
        ~exists().where(_OPEN, _op.holder == holders.c.id).correlate(holders),
    )
)
SCHEMA_VERSION = _compiled(select(func.max(ledger_meta.c.schema_version)))
SET_SCHEMA_VERSION = _insert(ledger_meta, "schema_version")

"""The statements, written with SQLAlchemy Core and compiled once to text for the driver.

SQLAlchemy's execution costs more than the commit's other work (reference/libraries, section 4: 13 k against 62 k
rows a second); compiled text through the driver's own cursor keeps its schema and dialects without that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import ClauseElement, ColumnElement, and_, bindparam, func, literal_column, or_, select, update
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


def _insert(table: Any) -> Statement:
    return _compiled(sqlite.insert(table).values({column.name: bindparam(column.name) for column in table.columns}))


INSERT_OPERATION = _compiled(
    sqlite.insert(operations)
    .values({column.name: bindparam(column.name) for column in operations.columns})
    .on_conflict_do_nothing(index_elements=["system", "key"])
)
INSERT_ATTEMPT = _insert(attempts)
INSERT_PROBE = _insert(probes)
INSERT_DECISION = _insert(decisions)

BY_ID = _compiled(select(operations).where(_op.id == bindparam("id")))
BY_KEY = _compiled(select(operations).where(_op.system == bindparam("system"), _op.key == bindparam("key")))
UNSETTLED_ON_ENTITY = _compiled(
    select(operations)
    .where(
        _op.system == bindparam("system"),
        _op.entity == bindparam("entity"),
        _op.key != bindparam("key"),
        _UNSETTLED,
    )
    .limit(1)
)
START_ANEW = _compiled(
    update(operations)
    .where(_op.id == bindparam("which"))
    .values(
        {name: bindparam(name) for name in (
            "request", "digest", "entity", "principal", "adapter_version", "policy", "trace_id", "batch_id",
            "atomic", "deadline_at", "holder", "epoch", "updated_at",
        )}
        | {"status": "running", "outcome": None, "error": None, "sent_at": None, "last_sent_at": None}
        | {"next_check_at": None, "checks": 0, "parked_because": None}
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
    .values(
        status=bindparam("new_status"),
        outcome=bindparam("outcome"),
        error=bindparam("error"),
        sent_at=func.coalesce(_op.sent_at, bindparam("first_sent")),
        last_sent_at=func.coalesce(bindparam("last_sent"), _op.last_sent_at),
        next_check_at=bindparam("next_check_at"),
        parked_because=bindparam("parked_because"),
        checks=_op.checks + bindparam("more_checks"),
        holder=None,
        updated_at=bindparam("updated_at"),
    )
)
HOLDS = _compiled(
    select(_op.id).where(_op.id == bindparam("id"), _op.holder == bindparam("holder"), _op.epoch == bindparam("epoch"))
)
_gone = or_(holders.c.id.is_(None), holders.c.beat_at < bindparam("alive_since"))
_joined = operations.outerjoin(holders, holders.c.id == _op.holder)
DUE = _compiled(
    select(operations)
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
            "error", "holder", "epoch", "sent_at", "last_sent_at", "next_check_at", "updated_at",
        )}
        | {"status": "unknown"}
    )
)  # fmt: skip
NEXT_CHECK = _compiled(
    select(func.min(_op.next_check_at)).select_from(_joined).where(_status("unknown"), or_(_op.holder.is_(None), _gone))
)
NEXT_LAPSE = _compiled(
    select(func.min(func.coalesce(holders.c.beat_at, 0.0)))
    .select_from(_joined)
    .where(_status("running"), or_(_op.holder != bindparam("holder"), _op.holder.is_(None)))
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
FIND = _compiled(
    select(operations)
    .where(
        and_(
            *(
                or_(bindparam(f"any_{name}"), operations.c[name] == bindparam(f"only_{name}"))
                for name in ("system", "action", "status", "batch_id", "principal")
            )
        )
    )
    .order_by(_op.created_at.desc(), _op.id)
    .limit(bindparam("most"))
)
ATTEMPTS = _compiled(select(attempts).where(attempts.c.operation_id == bindparam("id")))
PROBES = _compiled(select(probes).where(probes.c.operation_id == bindparam("id")))
DECISIONS = _compiled(select(decisions).where(decisions.c.operation_id == bindparam("id")))
COUNTS = _compiled(select(_op.system, _op.status, func.count()).group_by(_op.system, _op.status))

BEAT = _compiled(
    sqlite.insert(holders)
    .values(id=bindparam("id"), beat_at=bindparam("beat_at"))
    .on_conflict_do_update(index_elements=["id"], set_={"beat_at": bindparam("again")})
)
LEAVE = _compiled(holders.delete().where(holders.c.id == bindparam("id")))
SCHEMA_VERSION = _compiled(select(func.max(ledger_meta.c.schema_version)))
SET_SCHEMA_VERSION = _insert(ledger_meta)

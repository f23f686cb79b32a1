"""The statements, written with SQLAlchemy Core and compiled once for each database to text for its driver.

SQLAlchemy's execution costs more than the commit's other work (reference/libraries, section 4: 13 k against 62 k
rows a second); compiled text through the driver's own cursor keeps its schema and dialects without that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import (
    Boolean,
    ClauseElement,
    Column,
    ColumnElement,
    Dialect,
    Float,
    Select,
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
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.compiler import SQLCompiler

from .approval_statements import ApprovalStatements
from .override_statements import OverrideStatements
from .schema import (
    attempts,
    audit,
    checkpoints,
    configurations,
    decisions,
    holders,
    ledger_meta,
    operations,
    probes,
    restores,
    usages,
)

_op = operations.c

ANEW = (
    "identity", "request", "digest", "entity", "principal", "adapter_version", "policy", "trace_id", "batch_id",
    "atomic", "deadline_at", "undoes", "holder", "epoch", "updated_at", "sent_at", "last_sent_at", "intent_id", "salt",
)  # fmt: skip
"""The columns that an operation gets when it starts anew after a rejection."""
CLAIMED = ("error", "holder", "epoch", "sent_at", "last_sent_at", "next_check_at", "updated_at", "orphaned", "salt")
"""The columns that an operation gets when it is claimed."""


def _status(*names: str) -> ColumnElement[bool]:
    return or_(*(_op.status == literal_column(f"'{name}'") for name in names))


_OPEN = _status("running", "unknown")
_UNSETTLED = _status("running", "unknown", "parked")
_GONE = or_(holders.c.id.is_(None), holders.c.beat_at < bindparam("alive_since"))
_JOINED = operations.outerjoin(holders, holders.c.id == _op.holder)
_CHECK_AT = case((_status("unknown"), func.coalesce(_op.next_check_at, 0.0)), else_=0.0)
_LAPSE_AT = func.coalesce(holders.c.beat_at + bindparam("lease", type_=Float), 0.0)


def _due() -> list[ColumnElement[bool]]:
    of_system = or_(bindparam("any_system", type_=Boolean), _op.system == bindparam("system"))
    return [_OPEN, _GONE, or_(_status("running"), _op.next_check_at <= bindparam("now")), of_system]


def stored(table: Table) -> list[Column[Any]]:
    """The columns of a record; the number by which its rows are ordered is the table's own."""
    return [column for column in table.columns if column.name != "seq"]


def heads() -> Select[tuple[str, int, str]]:
    """The last row of each chain, found from chain to chain without a walk through all rows."""
    first = select(func.min(audit.c.chain).label("chain")).cte("chains", recursive=True)
    after = select(func.min(audit.c.chain)).where(audit.c.chain > first.c.chain).scalar_subquery()
    chains = first.union_all(select(after).where(first.c.chain.is_not(None)))
    last = select(func.max(audit.c.number)).where(audit.c.chain == chains.c.chain).correlate(chains).scalar_subquery()
    return (
        select(audit.c.chain, audit.c.number, audit.c.hash)
        .select_from(chains.join(audit, audit.c.chain == chains.c.chain))
        .where(audit.c.number == last)
    )


class Statement(NamedTuple):
    """SQL text and the names of its parameters in order."""

    text: str
    names: tuple[str, ...]
    fixed: Mapping[str, Any]

    def values(self, **given: Any) -> tuple[Any, ...]:
        """The parameters in order; what is not given is a constant of the statement."""
        fixed = self.fixed
        return tuple([given[name] if name in given else fixed[name] for name in self.names])


class Statements:
    """All statements in the words of one database.

    Args:
        dialect: The database's, with parameters by position.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._found: dict[tuple[object, ...], Statement] = {}
        compiled, op = self.compiled, _op
        operation = select(*stored(operations))

        self.insert_operation = self._insert(operations, "system", "key")
        self.insert_attempt = self._insert(attempts, "operation_id", "epoch", "number")
        self.insert_probe = self._insert(probes)
        self.insert_decision = self._insert(decisions)
        self.insert_restore = self._insert(restores)

        self.approving = ApprovalStatements(compiled, self._insert)
        self.overriding = OverrideStatements(compiled, self._insert)
        self.by_id = compiled(operation.where(op.id == bindparam("id")))
        self.by_key = compiled(operation.where(op.system == bindparam("system"), op.key == bindparam("key")))
        self.unsettled_on_entity = compiled(
            operation.where(
                op.system == bindparam("system"),
                op.entity == bindparam("entity"),
                op.key != bindparam("key"),
                _UNSETTLED,
            ).limit(1)
        )
        self.undoing = compiled(
            operation.where(op.undoes == bindparam("undoes"), op.status != literal_column("'rejected'"))
            .order_by(op.seq.desc())
            .limit(1)
        )
        self.start_anew = compiled(
            update(operations)
            .where(op.id == bindparam("which"), op.epoch == bindparam("after"), _status("rejected"))
            .values(
                {name: bindparam(name) for name in ANEW}
                | {"status": bindparam("status"), "outcome": None, "error": None, "next_check_at": None, "checks": 0}
                | {"parked_because": None, "orphaned": 0}
            )
        )
        self.finish = compiled(
            update(operations)
            .where(op.id == bindparam("which"), op.holder == bindparam("by"), op.epoch == bindparam("under"), _OPEN)
            .ordered_values(
                (op.status, bindparam("new_status")),
                (op.outcome, bindparam("outcome")),
                (op.error, bindparam("error")),
                (op.sent_at, func.coalesce(op.sent_at, bindparam("sent_at"))),
                (op.last_sent_at, func.coalesce(bindparam("last_sent_at"), op.last_sent_at)),
                (op.next_check_at, bindparam("next_check_at")),
                (op.parked_because, bindparam("parked_because")),
                (op.checks, op.checks + bindparam("checked")),
                (op.updated_at, bindparam("updated_at")),
                (op.salt, func.coalesce(op.salt, bindparam("salt"))),
                (op.holder, null()),
            )
            .returning(op.salt)
        )
        """Its parameters in the order in which `verdicts` has them."""

        self.holds = compiled(
            select(op.id).where(
                op.id == bindparam("id"), op.holder == bindparam("holder"), op.epoch == bindparam("epoch")
            )
        )
        # Locked against their own heartbeat until the claim is durable; one that is just beating is not gone.
        self.gone = compiled(
            select(holders.c.id)
            .where(holders.c.beat_at < bindparam("alive_since"))
            .with_for_update(read=True, skip_locked=True)
        )
        self.due = compiled(
            operation.add_columns(holders.c.beat_at)
            .select_from(_JOINED)
            .where(*_due())
            .order_by(op.next_check_at.nulls_first())
            .limit(bindparam("most"))
            .with_for_update(of=operations, skip_locked=True)
        )
        # Of one system, in the order of an index: as quick with ten thousand of them as with ten.
        of_system = (op.system == bindparam("system"), _GONE)
        is_due = (_status("unknown"), op.next_check_at <= bindparam("now"), *of_system)
        self.abandoned_of_system = compiled(
            operation.add_columns(holders.c.beat_at)
            .select_from(_JOINED)
            .where(_status("running"), *of_system)
            .limit(bindparam("most"))
            .with_for_update(of=operations, skip_locked=True)
        )
        self.due_of_system = compiled(
            operation.add_columns(holders.c.beat_at)
            .select_from(_JOINED)
            .where(*is_due)
            .order_by(op.next_check_at)
            .limit(bindparam("most"))
            .with_for_update(of=operations, skip_locked=True)
        )
        self.anything_abandoned_of_system = compiled(
            select(literal_column("1")).select_from(_JOINED).where(_status("running"), *of_system).limit(1)
        )
        self.anything_due_of_system = compiled(select(literal_column("1")).select_from(_JOINED).where(*is_due).limit(1))
        self.claim = compiled(
            update(operations)
            .where(op.id == bindparam("which"))
            .values({name: bindparam(name) for name in CLAIMED} | {"status": "unknown"})
        )
        self.resolve = compiled(
            update(operations)
            .where(
                op.id == bindparam("which"),
                op.epoch == bindparam("under"),
                op.holder.is_(None),
                _status("unknown", "parked"),
            )
            .values(
                status=bindparam("new_status"),
                outcome=bindparam("outcome"),
                error=bindparam("error"),
                next_check_at=bindparam("next_check_at"),
                parked_because=null(),
                checks=op.checks * bindparam("kept"),
                orphaned=op.orphaned * bindparam("kept"),
                epoch=op.epoch + 1,
                updated_at=bindparam("now"),
                salt=func.coalesce(op.salt, bindparam("new_salt")),
            )
            .returning(op.salt)
        )
        self.anything_due = compiled(select(literal_column("1")).select_from(_JOINED).where(*_due()).limit(1))
        self.next_due = compiled(
            select(func.min(case((_CHECK_AT > _LAPSE_AT, _CHECK_AT), else_=_LAPSE_AT)))
            .select_from(_JOINED)
            .where(
                _OPEN,
                or_(op.holder != bindparam("holder"), op.holder.is_(None)),
                or_(bindparam("any_system", type_=Boolean), op.system == bindparam("system")),
            )
        )
        self.beat = compiled(
            self._plain_insert(holders)
            .values(id=bindparam("id"), beat_at=bindparam("beat_at"), commits=0)
            .on_conflict_do_update(index_elements=["id"], set_={"beat_at": bindparam("again", type_=Float)})
        )
        self.leave = compiled(update(holders).where(holders.c.id == bindparam("which")).values(beat_at=0.0))
        """No heartbeat is that old: it says that the holder left, and did not vanish."""
        self.forget_holders = compiled(
            holders.delete().where(
                holders.c.beat_at < bindparam("before"),
                ~exists().where(_OPEN, op.holder == holders.c.id).correlate(holders),
            )
        )
        self.attempts = self._of_operation(attempts, attempts.c.started_at, attempts.c.epoch, attempts.c.number)
        self.probes = self._of_operation(probes, probes.c.at, probes.c.seq)
        self.decisions = self._of_operation(decisions, decisions.c.at, decisions.c.seq)
        self.probed = compiled(
            select(literal_column("1"))
            .where(probes.c.operation_id == bindparam("id"), probes.c.epoch == bindparam("epoch"))
            .limit(1)
        )
        self.counts = compiled(select(op.system, op.status, func.count()).group_by(op.status, op.system))
        self.unsettled = compiled(
            select(op.system, op.status, func.count(), func.min(op.created_at))
            .where(_UNSETTLED)
            .group_by(op.system, op.status)
        )
        self.restores = compiled(select(*stored(restores)).order_by(restores.c.seq))
        self.presume_sent = compiled(
            update(operations)
            .where(or_(_UNSETTLED, _status("held")))  # what was held then may have been approved and sent since
            .values(
                sent_at=func.coalesce(op.sent_at, op.updated_at),
                last_sent_at=bindparam("restored_at"),
                epoch=op.epoch + 1,
                holder=None,
            )
            .returning(op.id, op.epoch, op.status, op.sent_at, op.last_sent_at)
        )
        self.newest = compiled(select(func.max(op.updated_at)))
        self.last_beat = compiled(select(func.max(holders.c.beat_at)))
        self.forget_all_holders = compiled(holders.delete())
        self.insert_usage = self._insert(usages)
        used = (usages.c.rule == bindparam("rule"), usages.c.principal == bindparam("principal"))
        self.count_usages = compiled(
            select(func.count()).select_from(usages).where(*used, usages.c.at > bindparam("since"))
        )
        self.usage_at = compiled(
            select(usages.c.at).where(*used).order_by(usages.c.at.desc()).limit(1).offset(bindparam("place"))
        )
        """The time of the newest use, of the one before it, and so on: place 0, 1, …"""
        self.forget_usages = compiled(usages.delete().where(*used, usages.c.at <= bindparam("since")))
        self.forget_old_usages = compiled(usages.delete().where(usages.c.at <= bindparam("since")))
        self.insert_audit = self._insert(audit)
        self.audit_head = compiled(
            select(audit.c.number, audit.c.hash)
            .where(audit.c.chain == bindparam("chain"))
            .order_by(audit.c.number.desc())
            .limit(1)
        )
        self.insert_configuration = self._insert(configurations)
        self.last_configuration = compiled(
            select(configurations.c.facts).order_by(configurations.c.seq.desc()).limit(1)
        )
        self.insert_checkpoint = self._insert(checkpoints)
        self.last_checkpoint = compiled(select(checkpoints.c.line).order_by(checkpoints.c.seq.desc()).limit(1))
        self.unsent_checkpoints = compiled(
            select(checkpoints.c.seq, checkpoints.c.line)
            .where(checkpoints.c.sent_at.is_(None))
            .order_by(checkpoints.c.seq)
            .limit(bindparam("most"))
        )
        self.checkpoint_sent = compiled(
            update(checkpoints).where(checkpoints.c.seq == bindparam("which")).values(sent_at=bindparam("now"))
        )
        self.audit_heads = compiled(heads())
        blank: dict[str, Any] = {
            name: bindparam(name) for name in ("identity", "request", "digest", "policy", "outcome", "error")
        }
        self.erase = compiled(
            update(operations)
            .where(op.id == bindparam("which"), op.epoch == bindparam("under"), op.status == bindparam("of_status"))
            .values(blank | {"salt": None, "entity": None, "trace_id": "", "parked_because": None})
        )
        self.blank_attempt = compiled(
            update(attempts)
            .where(
                attempts.c.operation_id == bindparam("operation"),
                attempts.c.epoch == bindparam("under"),
                attempts.c.number == bindparam("which"),
            )
            .values(error=bindparam("error"))
        )
        self.blank_probes = compiled(
            update(probes).where(probes.c.operation_id == bindparam("which")).values(detail=bindparam("detail"))
        )
        self.blank_decisions = compiled(
            update(decisions)
            .where(decisions.c.operation_id == bindparam("which"))
            .values(reason=bindparam("reason"), detail=bindparam("detail"), salt=None)
        )
        self.schema_version = compiled(select(func.max(ledger_meta.c.schema_version)))
        self.set_schema_version = self._insert(ledger_meta, "schema_version")

    def compiled(self, statement: ClauseElement) -> Statement:
        """Text for the driver."""
        compiled = statement.compile(dialect=self._dialect)
        assert isinstance(compiled, SQLCompiler)
        return Statement(str(compiled), tuple(compiled.positiontup or ()), dict(compiled.params))

    def find(self, *names: str, unsettled: bool = False) -> Statement:
        """Operations by the columns `names`, newest first.

        Only a batch and an unsettled status are rare enough to be looked up in an index. For the others walking back
        from the newest row finds the first hundred soonest; an empty text added to a column keeps the index out.
        """
        if (names, unsettled) not in self._found:
            rare = {"batch_id", "status"} if unsettled else {"batch_id"}
            columns = [(name, _op[name] if name in rare else _op[name].concat("")) for name in names]
            conditions = [column == bindparam(f"only_{name}") for name, column in columns]
            found = select(*stored(operations)).where(*conditions).order_by(_op.seq.desc()).limit(bindparam("most"))
            self._found[names, unsettled] = self.compiled(found)
        return self._found[names, unsettled]

    def _plain_insert(self, table: Table) -> sqlite.Insert | postgresql.Insert:
        return postgresql.insert(table) if self._dialect.name == "postgresql" else sqlite.insert(table)

    def _insert(self, table: Table, *unless: str) -> Statement:
        """An insert that leaves alone what is there with the same values of the columns `unless`."""
        statement = self._plain_insert(table).values({column.name: bindparam(column.name) for column in stored(table)})
        return self.compiled(statement.on_conflict_do_nothing(index_elements=unless) if unless else statement)

    def _of_operation(self, table: Table, *order: Column[Any]) -> Statement:
        return self.compiled(select(*stored(table)).where(table.c.operation_id == bindparam("id")).order_by(*order))


SQLITE = Statements(sqlite.dialect())

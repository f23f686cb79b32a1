"""The tables. One schema for every database; times are seconds since the epoch, JSON is text."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text, UniqueConstraint

VERSION = 2
"""Grows with every change of the tables."""

metadata = MetaData()


def _in_order() -> Column[int]:
    """Numbers rows as they come. In SQLite this is the row's own number and costs nothing."""
    return Column("seq", Integer, primary_key=True)


# After `seq` in the order of `records.Operation`, so that a row is an operation.
operations = Table(
    "operations",
    metadata,
    _in_order(),
    Column("id", String(64), nullable=False, unique=True),
    Column("system", String(255), nullable=False),
    Column("action", String(255), nullable=False),
    Column("key", String(255), nullable=False),
    Column("identity", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("entity", String(255)),
    Column("principal", String(255), nullable=False),
    Column("adapter_version", String(255), nullable=False),
    Column("policy", Text, nullable=False),
    Column("trace_id", String(255), nullable=False),
    Column("batch_id", String(64)),
    Column("atomic", Boolean, nullable=False),
    Column("deadline_at", Float, nullable=False),
    Column("undoes", String(64)),
    Column("status", String(16), nullable=False),
    Column("outcome", Text),
    Column("error", Text),
    Column("holder", String(64)),
    Column("epoch", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    Column("sent_at", Float),
    Column("last_sent_at", Float),
    Column("next_check_at", Float),
    Column("checks", Integer, nullable=False),
    Column("parked_because", Text),
    Column("orphaned", Integer, nullable=False, server_default="0"),
    Column("intent_id", String(64)),
    UniqueConstraint("system", "key"),
)

# In the order in which operations are counted, so that counting reads the index alone.
Index("ix_operations_status", operations.c.status, operations.c.system, operations.c.next_check_at)
for _name in ("entity", "batch_id", "undoes"):  # most operations have none
    _given = operations.c[_name].is_not(None)
    Index(f"ix_operations_{_name}", operations.c[_name], sqlite_where=_given, postgresql_where=_given)

# One tree instead of a table and an index: every write records an attempt.
attempts = Table(
    "attempts",
    metadata,
    Column("operation_id", String(64), primary_key=True),
    Column("epoch", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("purpose", String(16), nullable=False),
    Column("started_at", Float, nullable=False),
    Column("ended_at", Float, nullable=False),
    Column("effect", String(16), nullable=False),
    Column("error", Text),
    Column("stale", Boolean, nullable=False),
    sqlite_with_rowid=False,
)

probes = Table(
    "probes",
    metadata,
    _in_order(),
    Column("operation_id", String(64), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("at", Float, nullable=False),
    Column("finding", String(16), nullable=False),
    Column("detail", Text, nullable=False),
    Index("ix_probes_operation", "operation_id"),
)

decisions = Table(
    "decisions",
    metadata,
    _in_order(),
    Column("operation_id", String(64)),
    Column("at", Float, nullable=False),
    Column("by", String(64), nullable=False),
    Column("decision", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Index("ix_decisions_operation", "operation_id"),
)

holders = Table(
    "holders",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("beat_at", Float, nullable=False),
)

ledger_meta = Table("ledger_meta", metadata, Column("schema_version", Integer, primary_key=True))

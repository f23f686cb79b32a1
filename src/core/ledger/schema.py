"""The tables. One schema for every database; times are seconds since the epoch, JSON is text."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeEngine

from ..errors import LedgerUnavailable

VERSION = 3
"""Grows with every change of the tables; `migrations/` has the way from each version to the next."""

ONE_AT_A_TIME = 0x5EA_3A11
"""Name of the lock under which tables are made or changed in PostgreSQL."""

metadata = MetaData()


def _in_order() -> Column[int]:
    """Numbers rows as they come. In SQLite this is the row's own number and costs nothing."""
    return Column("seq", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True)


def _text(length: int) -> TypeEngine[str]:
    """Short text. SQLite does not hold it to its length, so PostgreSQL must not refuse what SQLite takes."""
    return String(length).with_variant(Text(), "postgresql")


# After `seq` in the order of `records.Operation`, so that a row is an operation.
operations = Table(
    "operations",
    metadata,
    _in_order(),
    Column("id", _text(64), nullable=False, unique=True),
    Column("system", _text(255), nullable=False),
    Column("action", _text(255), nullable=False),
    Column("key", _text(255), nullable=False),
    Column("identity", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("digest", _text(64), nullable=False),
    Column("entity", _text(255)),
    Column("principal", _text(255), nullable=False),
    Column("adapter_version", _text(255), nullable=False),
    Column("policy", Text, nullable=False),
    Column("trace_id", _text(255), nullable=False),
    Column("batch_id", _text(64)),
    Column("atomic", Boolean, nullable=False),
    Column("deadline_at", Float, nullable=False),
    Column("undoes", _text(64)),
    Column("status", _text(16), nullable=False),
    Column("outcome", Text),
    Column("error", Text),
    Column("holder", _text(64)),
    Column("epoch", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    Column("sent_at", Float),
    Column("last_sent_at", Float),
    Column("next_check_at", Float),
    Column("checks", Integer, nullable=False),
    Column("parked_because", Text),
    Column("orphaned", Integer, nullable=False, server_default="0"),
    Column("intent_id", _text(64)),
    Column("salt", _text(32)),
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
    Column("operation_id", _text(64), primary_key=True),
    Column("epoch", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("purpose", _text(16), nullable=False),
    Column("started_at", Float, nullable=False),
    Column("ended_at", Float, nullable=False),
    Column("effect", _text(16), nullable=False),
    Column("error", Text),
    Column("stale", Boolean, nullable=False),
    sqlite_with_rowid=False,
)

probes = Table(
    "probes",
    metadata,
    _in_order(),
    Column("operation_id", _text(64), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("at", Float, nullable=False),
    Column("finding", _text(16), nullable=False),
    Column("detail", Text, nullable=False),
    Index("ix_probes_operation", "operation_id"),
)

decisions = Table(
    "decisions",
    metadata,
    _in_order(),
    Column("operation_id", _text(64)),
    Column("at", Float, nullable=False),
    Column("by", _text(64), nullable=False),
    Column("decision", _text(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("salt", _text(32)),
    Index("ix_decisions_operation", "operation_id"),
)

holders = Table(
    "holders",
    metadata,
    Column("id", _text(64), primary_key=True),
    Column("beat_at", Float, nullable=False),
    Column("commits", Integer, nullable=False, server_default="0"),
)
"""`commits` is the number of the holder's last transaction, where a lost acknowledgement must be read back."""

restores = Table(
    "restores",
    metadata,
    _in_order(),
    Column("backup_at", Float, nullable=False),
    Column("restored_at", Float, nullable=False),
    Column("until", Float),
)
"""What was done between `backup_at` and `restored_at` is not in the ledger. It counts as possibly sent."""

approvals = Table(
    "approvals",
    metadata,
    _in_order(),
    Column("id", _text(64), nullable=False, unique=True),
    Column("operation_id", _text(64), nullable=False),
    Column("status", _text(16), nullable=False),
    Column("role", _text(255), nullable=False),
    Column("quorum", Integer, nullable=False),
    Column("executed_by", _text(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("digest", _text(64), nullable=False),
    Column("shown", Text, nullable=False),
    Column("asked_digest", _text(64), nullable=False),
    Column("edited_by", _text(64)),
    Column("replaces", _text(64)),
    Column("because", Text),
    Column("requested_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("ended_at", Float),
    Column("message", Text),
    Column("told", _text(16), nullable=False),
    Column("tell_at", Float, nullable=False),
    Index("ix_approvals_operation", "operation_id"),
)
"""What people are asked: bound to what they were shown (`shown`, of which `digest` is the digest), and used once."""
_open_approval = approvals.c.status.in_(("waiting", "approved"))
Index("ix_approvals_open", approvals.c.expires_at, sqlite_where=_open_approval, postgresql_where=_open_approval)
_untold = approvals.c.told != approvals.c.status
Index("ix_approvals_untold", approvals.c.tell_at, sqlite_where=_untold, postgresql_where=_untold)

votes = Table(
    "votes",
    metadata,
    _in_order(),
    Column("approval_id", _text(64), nullable=False),
    Column("by", _text(64), nullable=False),
    Column("at", Float, nullable=False),
    Column("vote", _text(16), nullable=False),
    Column("digest", _text(64), nullable=False),
    Column("message", Text, nullable=False),
    UniqueConstraint("approval_id", "by"),
)
"""What each of them said, under the digest of what they saw; nobody counts twice."""

usages = Table(
    "usages",
    metadata,
    _in_order(),
    Column("rule", _text(255), nullable=False),
    Column("principal", _text(255), nullable=False),
    Column("at", Float, nullable=False),
    Index("ix_usages_rule", "rule", "principal", "at"),
)
"""Who used a rule of the policy that has a rate, and when; as long as that counts."""

# One tree that grows at the ends of its chains: every transaction that writes adds one row.
audit = Table(
    "audit",
    metadata,
    Column("chain", _text(64), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("body", Text, nullable=False),
    Column("hash", _text(64), nullable=False),
    sqlite_with_rowid=False,
)

checkpoints = Table(
    "checkpoints",
    metadata,
    _in_order(),
    Column("at", Float, nullable=False),
    Column("line", Text, nullable=False),
    Column("sent_at", Float),
)
"""`sent_at` is None while a checkpoint waits to be exported."""

configurations = Table(
    "configurations",
    metadata,
    _in_order(),
    Column("at", Float, nullable=False),
    Column("chain", _text(64), nullable=False),
    Column("facts", Text, nullable=False),
)
"""What was in force, each time that it differed from what was before."""

overrides = Table(
    "overrides",
    metadata,
    _in_order(),
    Column("id", _text(64), nullable=False, unique=True),
    Column("scope", _text(255), nullable=False),
    Column("kind", _text(16), nullable=False),
    Column("by", _text(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("until", Float),
    Column("ended_at", Float),
    Column("ended_by", _text(64)),
    Column("ended_reason", Text),
)
"""What people stopped (`scope` is a system, or `*` for all), and its end."""
_in_force = overrides.c.ended_at.is_(None)
Index("ix_overrides_in_force", overrides.c.scope, sqlite_where=_in_force, postgresql_where=_in_force)

ledger_meta = Table("ledger_meta", metadata, Column("schema_version", Integer, primary_key=True))


def check_version(found: int | None, where: str) -> None:
    """Refuse a ledger of another version.

    Args:
        found: Its version, None if it has none yet.
        where: The ledger, in words.

    Raises:
        LedgerUnavailable: It cannot be used; the message says what to do.
    """
    if found is None or found == VERSION:
        return
    if found > VERSION:
        said = f"was written by a newer Seawall (schema {found}, this one knows {VERSION}); upgrade this one"
    else:
        said = (
            f"was written by an older Seawall (schema {found}, this one needs {VERSION}); run: seawall ledger upgrade"
        )
    raise LedgerUnavailable(f"{where} {said}", code="ledger_schema")

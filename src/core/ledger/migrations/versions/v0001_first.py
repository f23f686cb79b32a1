"""Operations, attempts, probes, decisions, and holders with their heartbeats."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def _text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.Text(), "postgresql")


def _in_order() -> sa.Column[int]:
    return sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "operations",
        _in_order(),
        sa.Column("id", _text(64), nullable=False, unique=True),
        sa.Column("system", _text(255), nullable=False),
        sa.Column("action", _text(255), nullable=False),
        sa.Column("key", _text(255), nullable=False),
        sa.Column("identity", sa.Text, nullable=False),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("digest", _text(64), nullable=False),
        sa.Column("entity", _text(255)),
        sa.Column("principal", _text(255), nullable=False),
        sa.Column("adapter_version", _text(255), nullable=False),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("trace_id", _text(255), nullable=False),
        sa.Column("batch_id", _text(64)),
        sa.Column("atomic", sa.Boolean, nullable=False),
        sa.Column("deadline_at", sa.Float, nullable=False),
        sa.Column("status", _text(16), nullable=False),
        sa.Column("outcome", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("holder", _text(64)),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("updated_at", sa.Float, nullable=False),
        sa.Column("sent_at", sa.Float),
        sa.Column("last_sent_at", sa.Float),
        sa.Column("next_check_at", sa.Float),
        sa.Column("checks", sa.Integer, nullable=False),
        sa.Column("parked_because", sa.Text),
        sa.UniqueConstraint("system", "key"),
    )
    op.create_index("ix_operations_status", "operations", ["status", "system", "next_check_at"])
    for name in ("entity", "batch_id"):
        given = sa.column(name).is_not(None)
        op.create_index(f"ix_operations_{name}", "operations", [name], sqlite_where=given, postgresql_where=given)
    op.create_table(
        "attempts",
        sa.Column("operation_id", _text(64), primary_key=True),
        sa.Column("epoch", sa.Integer, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("purpose", _text(16), nullable=False),
        sa.Column("started_at", sa.Float, nullable=False),
        sa.Column("ended_at", sa.Float, nullable=False),
        sa.Column("effect", _text(16), nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("stale", sa.Boolean, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "probes",
        _in_order(),
        sa.Column("operation_id", _text(64), nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("finding", _text(16), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_index("ix_probes_operation", "probes", ["operation_id"])
    op.create_table(
        "decisions",
        _in_order(),
        sa.Column("operation_id", _text(64)),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("by", _text(64), nullable=False),
        sa.Column("decision", _text(64), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_index("ix_decisions_operation", "decisions", ["operation_id"])
    op.create_table(
        "holders",
        sa.Column("id", _text(64), primary_key=True),
        sa.Column("beat_at", sa.Float, nullable=False),
    )
    op.create_table("ledger_meta", sa.Column("schema_version", sa.Integer, primary_key=True))
    op.execute("INSERT INTO ledger_meta (schema_version) VALUES (1)")

"""Compensations, vanished holders, lost acknowledgements, restored backups."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def _text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.Text(), "postgresql")


def upgrade() -> None:
    """Add the columns, each with a value for the rows that are there, and a table."""
    op.add_column("operations", sa.Column("undoes", _text(64)))
    op.add_column("operations", sa.Column("orphaned", sa.Integer, nullable=False, server_default="0"))
    op.add_column("operations", sa.Column("intent_id", _text(64)))
    given = sa.column("undoes").is_not(None)
    op.create_index("ix_operations_undoes", "operations", ["undoes"], sqlite_where=given, postgresql_where=given)
    op.add_column("holders", sa.Column("commits", sa.Integer, nullable=False, server_default="0"))
    op.create_table(
        "restores",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("backup_at", sa.Float, nullable=False),
        sa.Column("restored_at", sa.Float, nullable=False),
        sa.Column("until", sa.Float),
    )
    op.execute("UPDATE ledger_meta SET schema_version = 2")

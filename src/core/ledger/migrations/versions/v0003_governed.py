"""Uses of rules that have a rate."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def _text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.Text(), "postgresql")


def upgrade() -> None:
    """Add a table."""
    op.create_table(
        "usages",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("rule", _text(255), nullable=False),
        sa.Column("principal", _text(255), nullable=False),
        sa.Column("at", sa.Float, nullable=False),
    )
    op.create_index("ix_usages_rule", "usages", ["rule", "principal", "at"])
    op.execute("UPDATE ledger_meta SET schema_version = 3")

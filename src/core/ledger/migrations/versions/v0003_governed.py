"""People decide: approvals and their votes, and what they stop."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def _text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.Text(), "postgresql")


def _in_order() -> sa.Column[int]:
    return sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True)


def upgrade() -> None:
    """Add the tables."""
    _approvals()
    _overrides()
    op.execute("UPDATE ledger_meta SET schema_version = 3")


def _approvals() -> None:
    op.create_table(
        "approvals",
        _in_order(),
        sa.Column("id", _text(64), nullable=False, unique=True),
        sa.Column("operation_id", _text(64), nullable=False),
        sa.Column("status", _text(16), nullable=False),
        sa.Column("role", _text(255), nullable=False),
        sa.Column("quorum", sa.Integer, nullable=False),
        sa.Column("executed_by", _text(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("digest", _text(64), nullable=False),
        sa.Column("shown", sa.Text, nullable=False),
        sa.Column("asked_digest", _text(64), nullable=False),
        sa.Column("edited_by", _text(64)),
        sa.Column("replaces", _text(64)),
        sa.Column("because", sa.Text),
        sa.Column("requested_at", sa.Float, nullable=False),
        sa.Column("expires_at", sa.Float, nullable=False),
        sa.Column("ended_at", sa.Float),
        sa.Column("message", sa.Text),
        sa.Column("told", _text(16), nullable=False),
        sa.Column("tell_at", sa.Float, nullable=False),
    )
    op.create_index("ix_approvals_operation", "approvals", ["operation_id"])
    open_now = sa.column("status").in_(("waiting", "approved"))
    op.create_index("ix_approvals_open", "approvals", ["expires_at"], sqlite_where=open_now, postgresql_where=open_now)
    op.create_table(
        "votes",
        _in_order(),
        sa.Column("approval_id", _text(64), nullable=False),
        sa.Column("by", _text(64), nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("vote", _text(16), nullable=False),
        sa.Column("digest", _text(64), nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.UniqueConstraint("approval_id", "by"),
    )
    untold = sa.column("told") != sa.column("status")
    op.create_index("ix_approvals_untold", "approvals", ["tell_at"], sqlite_where=untold, postgresql_where=untold)


def _overrides() -> None:
    op.create_table(
        "overrides",
        _in_order(),
        sa.Column("id", _text(64), nullable=False, unique=True),
        sa.Column("scope", _text(255), nullable=False),
        sa.Column("kind", _text(16), nullable=False),
        sa.Column("by", _text(64), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("until", sa.Float),
        sa.Column("ended_at", sa.Float),
        sa.Column("ended_by", _text(64)),
        sa.Column("ended_reason", sa.Text),
    )
    in_force = sa.column("ended_at").is_(None)
    op.create_index("ix_overrides_in_force", "overrides", ["scope"], sqlite_where=in_force, postgresql_where=in_force)

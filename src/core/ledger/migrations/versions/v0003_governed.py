"""People decide and stop things, rules have rates, and everything is accounted for in the audit."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import sqlalchemy as sa
from alembic import context, op

revision = "0003"
down_revision = "0002"


def _text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.Text(), "postgresql")


def _in_order() -> sa.Column[int]:
    return sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True)


def upgrade() -> None:
    """Add the tables."""
    _approvals()
    _usages()
    _overrides()
    _audit()
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


def _usages() -> None:
    op.create_table(
        "usages",
        _in_order(),
        sa.Column("rule", _text(255), nullable=False),
        sa.Column("principal", _text(255), nullable=False),
        sa.Column("at", sa.Float, nullable=False),
    )
    op.create_index("ix_usages_rule", "usages", ["rule", "principal", "at"])


def _audit() -> None:
    op.add_column("operations", sa.Column("salt", _text(32)))
    op.add_column("decisions", sa.Column("salt", _text(32)))
    audit = op.create_table(
        "audit",
        sa.Column("chain", _text(64), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("hash", _text(64), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "checkpoints",
        _in_order(),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("line", sa.Text, nullable=False),
        sa.Column("sent_at", sa.Float),
    )
    op.create_table(
        "configurations",
        _in_order(),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("chain", _text(64), nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
    )
    op.get_bind().execute(sa.insert(audit).values(**_begins()))


def _begins() -> dict[str, Any]:
    """The row that says what is older than the audit, and so is not proven by it."""
    found: dict[str, int] = {}
    for table in ("operations", "attempts", "probes", "decisions", "restores"):
        last = "count(*)" if table == "attempts" else "max(seq)"
        row = op.get_bind().execute(sa.text(f"SELECT count(*), {last} FROM {table}")).one()  # noqa: S608 -- our own names
        found |= {table: row[0], f"last_{table}": row[1] or 0}
    at, chain = context.config.attributes["now"], context.config.attributes["chain"]
    body = json.dumps([{"kind": "begins", **found}], sort_keys=True, separators=(",", ":"))
    sealed = hashlib.sha256(f"{'0' * 64}\n{chain}\n1\n{at!r}\n{body}".encode()).hexdigest()
    return {"chain": chain, "number": 1, "at": at, "body": body, "hash": sealed}


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

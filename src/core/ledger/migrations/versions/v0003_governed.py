"""The audit: a chain of hashes, its checkpoints, and salts for what may have to be forgotten."""

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
    """Add tables, and columns that are empty in the rows that are there."""
    _audit()
    op.execute("UPDATE ledger_meta SET schema_version = 3")


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

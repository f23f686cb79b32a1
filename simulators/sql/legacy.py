"""A legacy order database on SQLite, PostgreSQL or MariaDB, and the truth about it.

What clients may do is theirs; what really happened is read from the hidden table over a connection of its own, so
that it is the database that tells, and nobody's own report.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, RowMapping, create_engine, make_url, text

from ..effects import Effect
from .ddl import COLUMNS, TRUTH, procedures, tables, triggers

_CITIES = ("Oslo", "Málaga", "Köln", "Ghent", "Turin")
_SKUS = tuple(f"SKU-{number:03d}" for number in range(1, 21))


class LegacyDatabase:
    """One order database.

    Args:
        url: Where it is, for SQLAlchemy. The user may make tables there; an empty database or schema is expected.
    """

    def __init__(self, url: str | URL) -> None:
        self.url = make_url(url)
        self._engine = create_engine(self.url, pool_size=1, max_overflow=0, isolation_level="AUTOCOMMIT")
        self.dialect = "mysql" if self._engine.dialect.name == "mariadb" else self._engine.dialect.name

    def create(self, *, seed: int = 0, customers: int = 10) -> None:
        """Make tables, procedure and triggers, and fill them: each customer has one order, with two lines.

        Args:
            seed: The same seed gives the same data.
            customers: How many; their numbers begin with ``C0001``, those of their orders with ``O0001``.
        """
        draw = random.Random(f"legacy {seed}")  # noqa: S311 -- sample data
        with self._connected() as connection:
            if self.dialect == "sqlite":
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            for statement in (*tables(self.dialect), *procedures(self.dialect)):
                self._run(connection, statement)
            for sku in _SKUS:
                connection.execute(text("INSERT INTO stock VALUES (:sku, 1000)"), {"sku": sku})
            for number in range(1, customers + 1):
                self._add_customer(connection, number, draw)
            for statement in triggers(self.dialect):
                self._run(connection, statement)

    def drop(self) -> None:
        """Take everything away that `create` made."""
        with self._connected() as connection:
            if self.dialect != "sqlite":
                connection.exec_driver_sql("DROP PROCEDURE IF EXISTS ship_order")
            for table in ("shipping_audit", TRUTH, *reversed(COLUMNS)):
                connection.exec_driver_sql(f"DROP TABLE IF EXISTS {table}")
            if self.dialect == "postgresql":
                connection.exec_driver_sql("DROP FUNCTION IF EXISTS record_truth")

    def close(self) -> None:
        """Release the connection."""
        self._engine.dispose()

    def effects(self, after: int = 0) -> list[Effect]:
        """What was really committed, in order.

        Args:
            after: Only those behind this `seq`.
        """
        with self._connected() as connection:
            rows = connection.execute(_EFFECTS, {"after": after})
            return [_effect(row) for row in rows.mappings()]

    def read(self, table: str, key: str) -> dict[str, Any] | None:
        """A row as it is now; None if there is none.

        Args:
            table: One of `COLUMNS`.
            key: The value of its first column.
        """
        columns = COLUMNS[table]
        query = text(f"SELECT {', '.join(columns)} FROM {table} WHERE {columns[0]} = :key")  # noqa: S608 -- names of ours
        with self._connected() as connection:
            row = connection.execute(query, {"key": key}).mappings().first()
            return None if row is None else dict(row)

    def change_order(self, order_no: str, **fields: Any) -> None:
        """Change an order as if another user had: its version moves on, and it is not among the effects."""
        unknown = fields.keys() - set(COLUMNS["orders"])
        if unknown:
            raise ValueError(f"orders have no {', '.join(sorted(unknown))}")
        changes = ", ".join(f"{name} = :{name}" for name in fields)
        with self._unlogged() as connection:
            connection.execute(
                text(f"UPDATE orders SET {changes}, version = version + 1 WHERE order_no = :order_no"),  # noqa: S608
                {**fields, "order_no": order_no},
            )

    def add_entry(self, order_no: str, what: str) -> None:
        """Enter something into an order's history as if another user had; it is not among the effects."""
        with self._unlogged() as connection:
            connection.execute(
                text("INSERT INTO order_history (order_no, what, entered_by) VALUES (:order_no, :what, 'by hand')"),
                {"order_no": order_no, "what": what},
            )

    def _run(self, connection: Connection, statement: str) -> None:
        # The drivers of both servers take a percent sign for a parameter.
        connection.exec_driver_sql(statement if self.dialect == "sqlite" else statement.replace("%", "%%"))

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        with self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _unlogged(self) -> Iterator[Connection]:
        with self._connected() as connection:
            last = connection.execute(text(f"SELECT COALESCE(MAX(seq), 0) FROM {TRUTH}")).scalar_one()  # noqa: S608
            yield connection
            connection.execute(text(f"DELETE FROM {TRUTH} WHERE seq > :last"), {"last": last})  # noqa: S608

    def _add_customer(self, connection: Connection, number: int, draw: random.Random) -> None:
        customer, order = f"C{number:04d}", f"O{number:04d}"
        facts = {
            "no": customer,
            "name": f"Customer {number}",
            "email": f"c{number}@example.com",
            "city": draw.choice(_CITIES),
        }
        connection.execute(text("INSERT INTO customers VALUES (:no, :name, :email, :city)"), facts)
        lines = [(sku, draw.randint(1, 5), draw.randint(100, 9999)) for sku in draw.sample(_SKUS, 2)]
        total = sum(quantity * price for _, quantity, price in lines)
        connection.execute(
            text("INSERT INTO orders VALUES (:order, :customer, :status, '20160401', :total, NULL, 1)"),
            {"order": order, "customer": customer, "status": draw.choice(("NW", "PK")), "total": total},
        )
        for line, (sku, quantity, price) in enumerate(lines, 1):
            connection.execute(
                text("INSERT INTO order_lines VALUES (:order, :line, :sku, :quantity, :price)"),
                {"order": order, "line": line, "sku": sku, "quantity": quantity, "price": price},
            )


_EFFECTS = text(f"SELECT seq, at, kind, tbl, row_id, old, new FROM {TRUTH} WHERE seq > :after ORDER BY seq")  # noqa: S608


def _effect(row: RowMapping) -> Effect:
    old = json.loads(row["old"]) if row["old"] else {}
    new = json.loads(row["new"]) if row["new"] else {}
    changed = tuple(name for name in new if name not in old or old[name] != new[name])
    # An update shows what it changed; one that changed nothing shows the row, so that its request is still known.
    fields = {name: new[name] for name in (changed or new)} if row["kind"] == "update" else new
    return Effect(row["seq"], row["at"], row["kind"], row["tbl"], row["row_id"], fields, changed, row["seq"])

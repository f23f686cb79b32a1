"""MariaDB and MySQL: named locks, tables without transactions, and procedures that commit by themselves."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from sqlalchemy import Connection, exc, text

from ...core.errors import Conflict
from .family import Family, rows, unfit_charset

_HOLD = text("SELECT GET_LOCK(:name, :seconds)")
_RELEASE = text("SELECT RELEASE_LOCK(:name)")
_UNTRANSACTED = text(
    "SELECT t.table_name, CASE WHEN t.table_schema = DATABASE() THEN '' ELSE t.table_schema END "
    "FROM information_schema.tables t "
    "LEFT JOIN information_schema.engines e ON e.engine = t.engine "
    "WHERE t.table_type = 'BASE TABLE' AND COALESCE(e.transactions, 'NO') <> 'YES' "
    "AND t.table_schema NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys')"
)
_BODIES = text(
    "SELECT action_statement FROM information_schema.triggers WHERE trigger_schema = DATABASE() UNION ALL "
    "SELECT routine_definition FROM information_schema.routines "
    "WHERE routine_schema = DATABASE() AND routine_definition IS NOT NULL"
)
_NOT_ROLLED_BACK = 1196  # ER_WARNING_NOT_COMPLETE_ROLLBACK
_REFUSED = ("1213", "1290")
_SHORTEST_WAIT = 1  # seconds; what these servers count in


class MysqlFamily(Family):
    """MariaDB 10.5 and later, MySQL 8.

    GET_LOCK belongs to the session and ends with it, so a session that may still commit holds it. Behind Galera, and
    behind a proxy that shares sessions, it does not: `key_locks = false` says so.
    """

    locks: ClassVar[bool] = True

    def connect_arguments(self, connect_timeout: float) -> dict[str, Any]:
        """All of Unicode."""
        wanted: dict[str, Any] = {"connect_timeout": max(_SHORTEST_WAIT, round(connect_timeout))}
        return wanted if self.dialect.driver == "mysqlconnector" else {**wanted, "charset": "utf8mb4"}

    def greet(self, connection: Any, *, reads: bool) -> dict[str, Any]:
        """All of Unicode, strict modes (content that does not fit is refused, not cut), no autocommit."""
        super().greet(connection, reads=reads)
        ((version, client, between, autocommit, database),) = rows(
            connection, "SELECT @@version, @@character_set_client, @@character_set_connection, @@autocommit, DATABASE()"
        )
        if {client, between} != {"utf8mb4"}:
            raise unfit_charset(f"the connection's character set is {client}, and must be utf8mb4")
        if autocommit:
            rows(connection, "SET SESSION autocommit = 0")
        rows(connection, "SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')")
        if reads:
            rows(connection, "SET SESSION TRANSACTION READ ONLY")
        galera = rows(connection, "SHOW VARIABLES LIKE 'wsrep_on'")
        return {
            "transactional": True,
            "database": str(database or "").lower(),
            "mariadb": "mariadb" in str(version).lower(),
            "galera": bool(galera) and str(galera[0][1]).upper() == "ON",
        }

    def begin(self, connection: Connection, seconds: float, lock_seconds: float) -> None:
        """The server ends statements, waits for locks and (MariaDB) transactions that fell silent."""
        waits = max(_SHORTEST_WAIT, int(lock_seconds))
        limits = {"innodb_lock_wait_timeout": waits, "lock_wait_timeout": waits}
        if connection.info.get("mariadb"):
            limits["idle_transaction_timeout"] = max(_SHORTEST_WAIT, int(seconds) + 1)
            limits_of_time = f"max_statement_time = {max(seconds, 0.001):.3f}"
        else:
            limits_of_time = f"max_execution_time = {max(int(seconds * 1000), 1)}"
        sets = ", ".join([limits_of_time, *(f"{name} = {value}" for name, value in limits.items())])
        connection.exec_driver_sql(f"SET SESSION {sets}")

    def limited(self, connection: Connection, sql: str, rows: int) -> str:
        """`sql_select_limit`."""
        connection.exec_driver_sql(f"SET SESSION sql_select_limit = {rows}")
        return sql

    def hold(self, connection: Connection, key: str, seconds: float) -> Mapping[str, Any]:
        """A named lock of the session."""
        got = connection.execute(_HOLD, {"name": _lock(connection, key), "seconds": max(int(seconds), 0)}).scalar_one()
        if got != 1:
            raise Conflict("another transaction with this key is still open", code="key_in_use", transient=True)
        thread = connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar_one()
        return {"connection": thread}

    def release(self, connection: Connection, key: str) -> None:
        """The session would keep it."""
        connection.execute(_RELEASE, {"name": _lock(connection, key)})
        connection.rollback()

    def is_settled(self, connection: Connection, key: str) -> bool:
        """Whether the key's lock can be had."""
        return bool(connection.execute(_HOLD, {"name": _lock(connection, key), "seconds": 0}).scalar_one() == 1)

    def misleading(self, connection: Connection) -> str | None:
        """A server that takes no writes is a replica, or about to become one. Galera's locks are each node's own."""
        if connection.info.get("galera"):
            return "Galera keeps no locks across its nodes: set key_locks = false"
        read_only = connection.exec_driver_sql("SELECT @@global.read_only").scalar_one()
        return "this server takes no writes (read_only)" if read_only else None

    def untransacted(self, connection: Connection, sql: Sequence[str]) -> tuple[str, ...]:
        """Tables of engines without transactions that statements, triggers or routines name."""
        tables = [tuple(map(str, row)) for row in connection.execute(_UNTRANSACTED)]
        if not tables:
            return ()
        bodies = [str(body) for (body,) in connection.execute(_BODIES)]
        said = "\n".join([*sql, *bodies])
        return tuple(name for name, schema in tables if _is_named(name, schema, said))

    def kept_after_rollback(self, connection: Connection) -> bool:
        """The server warns if a table without transactions kept what was written."""
        warnings = connection.exec_driver_sql("SHOW WARNINGS").all()
        return any(int(code) == _NOT_ROLLED_BACK for _, code, _ in warnings)

    def is_refused_commit(self, code: str | None, error: BaseException) -> bool:
        """A failed certification (Galera), or a server that became read-only: it rolls back and says so."""
        lost = isinstance(error, exc.DBAPIError) and error.connection_invalidated
        return code in _REFUSED and not lost

    def checks(self, connection: Connection) -> list[str]:
        """Tables without transactions, and locks that a cluster does not keep."""
        names = [str(name) for name, schema in connection.execute(_UNTRANSACTED) if not schema]
        found = []
        if names:
            found.append(
                f"Tables without transactions ({', '.join(sorted(names)[:10])}): what writes them cannot be undone by "
                "a rollback, and the key cannot be written together with them."
            )
        if connection.info.get("galera"):
            found.append("This is a Galera cluster, whose nodes do not share locks: set key_locks = false.")
        return found


def _is_named(table: str, schema: str, said: str) -> bool:
    """Whether a text names a table; one of another schema only together with the schema."""
    qualified = rf"{re.escape(schema)}`?\s*\.\s*`?" if schema else ""
    return re.search(rf"(?<!\w){qualified}{re.escape(table)}(?!\w)", said, re.IGNORECASE) is not None


def _lock(connection: Connection, key: str) -> str:
    # These names are the whole server's: the same key in another database there (a copy, for tests) is another's.
    database = connection.info["database"]
    return f"seawall {hashlib.sha256(f'{database} {key}'.encode()).hexdigest()[:48]}"

"""PostgreSQL: a lock for each key, transactions that can be asked about, and limits that the server keeps."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, ClassVar

from sqlalchemy import Connection, exc, text

from .classify import word_of
from .family import Family, Fate, rows, unfit_charset

_LIMITS = text(
    "SELECT set_config('statement_timeout', :statement, true), set_config('lock_timeout', :lock, true), "
    "set_config('idle_in_transaction_session_timeout', :idle, true)"
)
_HOLD = text("SELECT pg_advisory_xact_lock(:key), CAST(txid_current() AS text)")
_TRY = text("SELECT pg_try_advisory_xact_lock(:key)")
_FATE = text("SELECT txid_status(CAST(:transaction AS bigint))")
_RECOVERS = text("SELECT pg_is_in_recovery()")
_INVALID_PARAMETER = "22023"
_REFUSED = ("23", "40001", "40P01", "40002", "44", "22", "P0", "45")


class PostgresFamily(Family):
    """PostgreSQL 10 and later.

    `txid_current` and `txid_status` are the functions of its documentation's section 9.27.7; a transaction that was
    open when the server crashed reads as aborted. Inside a transaction block a procedure cannot commit (documentation
    of CALL), and a rollback undoes schema changes too.
    """

    locks: ClassVar[bool] = True
    tells_fate: ClassVar[bool] = True
    procedures_commit: ClassVar[bool] = False

    def connect_arguments(self, connect_timeout: float) -> dict[str, Any]:
        """Libpq counts whole seconds, and 2 at least."""
        return {"connect_timeout": max(2, round(connect_timeout))}

    def greet(self, connection: Any, *, reads: bool) -> dict[str, Any]:
        """The encoding must be UTF-8 here, and known there; reads run in read-only transactions."""
        facts = super().greet(connection, reads=reads)
        client, server, recovers, life = rows(
            connection,
            "SELECT current_setting('client_encoding'), current_setting('server_encoding'), pg_is_in_recovery(), "
            "concat(pg_postmaster_start_time(), ' ', (SELECT stats_reset FROM pg_stat_bgwriter))",
        )[0]
        if client.upper() not in ("UTF8", "UNICODE"):
            raise unfit_charset(f"client_encoding is {client}, and must be UTF8")
        if server.upper() == "SQL_ASCII":
            raise unfit_charset("the database is SQL_ASCII, which keeps bytes and knows no characters")
        if reads:
            # Committed, because a rollback takes a SET back.
            rows(connection, "SELECT set_config('default_transaction_read_only', 'on', false)")
        connection.commit()
        return {**facts, "timeline": None if recovers else _timeline(connection), "life": life}

    def begin(self, connection: Connection, seconds: float, lock_seconds: float) -> None:
        """The server ends statements, waits for locks and sessions that fell silent."""
        connection.execute(
            _LIMITS,
            {"statement": _milliseconds(seconds), "lock": _milliseconds(lock_seconds), "idle": _milliseconds(seconds)},
        )

    def limited(self, connection: Connection, sql: str, rows: int) -> str:
        """The driver reads an answer to its end, so the server must stop. The order of a subquery is kept."""
        del connection
        return f"SELECT * FROM ({sql}) AS seawall_read LIMIT {rows}"  # noqa: S608

    def hold(self, connection: Connection, key: str, seconds: float) -> Mapping[str, Any]:
        """An advisory lock that ends with the transaction, and the transaction's number."""
        del seconds
        number = connection.execute(_HOLD, {"key": _lock(key)}).one()[1]
        return {"transaction": number, **{name: connection.info.get(name) for name in ("timeline", "life")}}

    def is_settled(self, connection: Connection, key: str) -> bool:
        """Whether the key's lock can be had."""
        return bool(connection.execute(_TRY, {"key": _lock(key)}).scalar_one())

    def misleading(self, connection: Connection) -> str | None:
        """A standby is behind."""
        return "this server is a standby" if connection.execute(_RECOVERS).scalar_one() else None

    def fate(self, connection: Connection, transaction: Mapping[str, Any]) -> Fate | None:
        """`txid_status`, as far as the number is still that transaction's own.

        After a failover numbers are another server's, and say nothing. After a crash, the number of a transaction whose
        COMMIT did not reach the disk is given to another one: then "aborted" holds for both, and "committed" for one of
        them. A crash resets the server's statistics (section 28.2), a restart its start time.
        """
        timeline = transaction.get("timeline")
        if "transaction" not in transaction or timeline is None or timeline != connection.info.get("timeline"):
            return None
        try:
            with connection.begin_nested():
                found = connection.execute(_FATE, {"transaction": transaction["transaction"]}).scalar_one()
        except exc.DBAPIError as error:
            if error.connection_invalidated:
                raise
            # "The transaction is in the future": the server never heard of it, and gives its number to another one.
            return "aborted" if word_of(error).code == _INVALID_PARAMETER else None
        if found == "committed" and transaction.get("life") != connection.info.get("life"):
            return None
        return found if found in ("committed", "aborted", "in progress") else None

    def is_refused_commit(self, code: str | None, error: BaseException) -> bool:
        """An ERROR, and not the end of the session, in answer to COMMIT aborts: deferred constraints, serialization."""
        diagnostics = getattr(getattr(error, "orig", error), "diag", None)
        severity = getattr(diagnostics, "severity_nonlocalized", None) or getattr(diagnostics, "severity", None)
        return code is not None and code.startswith(_REFUSED) and severity in ("ERROR", None)


def _timeline(connection: Any) -> str | None:
    """The history that the server writes; it changes when a standby is promoted. None where it may not be asked."""
    try:
        found = rows(connection, "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)")
    except Exception:  # noqa: BLE001 -- some hosted variants do not offer it
        return None
    else:
        return str(found[0][0])
    finally:
        connection.rollback()


def _milliseconds(seconds: float) -> str:
    return str(max(int(seconds * 1000), 1))


def _lock(key: str) -> int:
    return int.from_bytes(hashlib.sha256(f"seawall {key}".encode()).digest()[:8], signed=True)

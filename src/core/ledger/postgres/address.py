"""Reaching the PostgreSQL server, and clear words when it cannot be used. No word ever holds a secret."""

from __future__ import annotations

import math
from typing import Any

import psycopg
from psycopg import AsyncConnection, conninfo

from ...errors import LedgerUnavailable
from ...settings import LedgerSettings
from ..job import ROW

_SET_UP = """
SELECT set_config('lock_timeout', %s, false),
       set_config('idle_in_transaction_session_timeout', %s, false),
       set_config('synchronous_commit', CASE setting WHEN 'off' THEN 'on' ELSE setting END, false),
       (SELECT set_config(name, '1s', false) FROM pg_settings WHERE name = 'client_connection_check_interval')
FROM current_setting('synchronous_commit') AS setting
"""
"""A transaction must not hold others up for ever because its process was stopped, or went while it waited."""

_KEEPALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
_SAID = {
    "28": "it refuses the user or the password of ledger.url",
    "3D000": "it has no such database; make it, or mend ledger.url",
    "3F000": "the user of ledger.url may use no schema there; make one, or grant the rights on it",
    "42501": "the user of ledger.url may not do this; grant it the rights on the ledger's tables and schema",
    "53100": "its disk is full; free some space",
    "53300": "it takes no more connections; raise its max_connections, or run fewer processes",
    "25006": "it is read-only; name the primary server in ledger.url",
    "55P03": "another process kept a lock for too long; look for a transaction that stands still",
    "42P01": "the ledger's tables are not there; restore them, or name an empty database",
    "42703": "the ledger's tables are those of another version; run: seawall ledger check",
    "57P03": "it is starting up or shutting down; it is asked again",
}


class Address:
    """Where the ledger's server is.

    Args:
        settings: With `url`.

    Raises:
        LedgerUnavailable: The address cannot be read.
    """

    def __init__(self, settings: LedgerSettings) -> None:
        assert settings.url is not None
        try:
            self._given: dict[str, Any] = dict(conninfo.conninfo_to_dict(settings.url.get_secret_value()))
        except psycopg.Error:
            # The driver's own words may quote a part of a password with a special character in it.
            raise LedgerUnavailable(
                "ledger.url cannot be read; write it as postgresql://user:password@host:port/database, "
                "with special characters in the password written as %XX",
                code="ledger_url",
            ) from None
        self._patience = settings.busy_timeout
        host = self._given.get("host") or self._given.get("hostaddr") or "the local socket"
        port = f":{self._given['port']}" if self._given.get("port") else ""
        self.where = f"the ledger at {host}{port}/{self._given.get('dbname', '')}".rstrip("/")
        self._secrets = [str(self._given[name]) for name in ("password", "sslpassword") if self._given.get(name)]

    async def connect(self) -> AsyncConnection[Any]:
        """A connection in autocommit mode, on which commits are flushed and nothing waits for ever.

        Raises:
            LedgerUnavailable: The server cannot be reached or used.
        """
        defaults: dict[str, Any] = {
            "application_name": "seawall",
            "client_encoding": "utf8",
            "connect_timeout": max(2, math.ceil(self._patience)),
            **_KEEPALIVE,
        }
        try:
            connection = await AsyncConnection.connect(**(defaults | self._given), autocommit=True)
        except psycopg.Error as error:
            raise self._unreachable(error) from None
        try:
            wait = f"{max(1, int(self._patience * 1000))}ms"
            await connection.execute(_SET_UP, (wait, f"{max(1000, int(self._patience * 1000))}ms"))
        except BaseException as error:
            await connection.close()
            if isinstance(error, psycopg.Error):
                raise self.unavailable(error) from None
            raise
        return connection

    def connect_to_upgrade(self) -> psycopg.Connection[Any]:
        """A plain connection, for the one who changes the tables.

        Raises:
            LedgerUnavailable: The server cannot be reached.
        """
        try:
            given: dict[str, Any] = {"application_name": "seawall", "connect_timeout": 10} | self._given
            return psycopg.connect(**given)
        except psycopg.Error as error:
            raise self._unreachable(error) from None

    def translated(self, error: BaseException | None) -> BaseException:
        """The error as the ledger's callers are told it; a mistake of ours stays what it is."""
        if isinstance(error, psycopg.Error | OSError):
            return self.unavailable(error)
        return error or LedgerUnavailable(f"{self.where}: it failed, and nobody said why", code="ledger")

    def unavailable(self, error: BaseException) -> LedgerUnavailable:
        """The error in one clear sentence."""
        state = getattr(error, "sqlstate", None) or ""
        code = ROW if state[:2] in ("21", "22", "23") or isinstance(error, psycopg.DataError) else "ledger"
        said = _SAID.get(state) or _SAID.get(state[:2])
        if said is not None:
            return LedgerUnavailable(f"{self.where}: {said}", code=code)
        if isinstance(error, psycopg.OperationalError) and state[:2] in ("", "08", "57"):
            return LedgerUnavailable(f"{self.where}: the connection was lost; it is opened again", code=code)
        return LedgerUnavailable(f"{self.where} failed: {self._first_line(error)}", code=code)

    def _unreachable(self, error: psycopg.Error) -> LedgerUnavailable:
        text = str(error)
        if "password" in text or "authentication" in text or "role" in text or "pg_hba" in text:
            said = "it refuses the user or the password of ledger.url"
        elif "database" in text and "does not exist" in text:
            said = _SAID["3D000"]
        elif "too many clients" in text or "remaining connection slots" in text:
            said = _SAID["53300"]
        elif "starting up" in text or "shutting down" in text or "recovery" in text:
            said = _SAID["57P03"]
        else:
            said = f"it cannot be reached ({self._first_line(error)}); start the server, or mend ledger.url"
        return LedgerUnavailable(f"{self.where}: {said}", code="ledger")

    def _first_line(self, error: BaseException) -> str:
        diag = getattr(error, "diag", None)
        lines = (getattr(diag, "message_primary", None) or str(error) or type(error).__name__).splitlines()
        text = lines[0].rstrip(". ")
        for secret in self._secrets:
            text = text.replace(secret, "[redacted]")
        return text


def is_lost(connection: AsyncConnection[Any]) -> bool:
    """Whether nothing can come through the connection any more."""
    return connection.closed or connection.broken

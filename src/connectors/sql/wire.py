"""Connections to one database: for writes, for reads, and a fresh one for each probe."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, NullPool, QueuePool, TextClause, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection, ExceptionContext
from sqlalchemy.pool import ConnectionPoolEntry

from ...core.adapter import Sent, Surroundings
from ...core.errors import Ambiguous, ConnectFailed, IntegrationError
from .classify import classify, word_of
from .codes import READ_ONLY
from .effects import Effects
from .family import family_of
from .models import SqlAction, Values
from .settings import SqlSettings
from .threads import Flight, Stage

_REMEMBERED = 10_000  # transactions whose COMMIT was sent and whose fate may have to be asked for


class Sending(NamedTuple):
    """A transaction of this process whose COMMIT was sent.

    Args:
        transaction: What `Family.hold` said of it.
        sent: What it would have answered.
        first: Whether no attempt before it may have landed, for all that was known.
        still_ours: Whether the operation is ours without a gap since then: nobody else sent it meanwhile.
    """

    transaction: Mapping[str, Any]
    sent: Sent[Any]
    first: bool
    still_ours: Callable[[], bool]


class Wire:
    """The database.

    Args:
        settings: The connector's settings.
        surroundings: Clock, and where secrets are registered.
    """

    def __init__(self, settings: SqlSettings, surroundings: Surroundings) -> None:
        self.settings = settings
        self.clock = surroundings.sources.clock
        self.effects = Effects(settings.effects_table, settings.effects_schema) if settings.effects_table else None
        self._secrets = surroundings.secrets
        self._memory: OrderedDict[str, list[Sending]] = OrderedDict()
        self._untransacted: dict[str, tuple[str, ...]] = {}
        self._lock = threading.Lock()
        self._local = threading.local()
        url = settings.url.get_secret_value()
        reading = settings.read_url.get_secret_value() if settings.read_url else url
        self._register(settings)
        pool: dict[str, Any] = {
            "poolclass": QueuePool,
            "pool_size": settings.pool_size,
            "max_overflow": 0,
            "pool_timeout": 1.0,
        }
        # Transactions are ended before a connection is given back, while it can still be cut.
        pool |= {"pool_recycle": settings.recycle or -1, "pool_use_lifo": True, "pool_reset_on_return": None}
        self.writer = self._engine(url, isolation_level=settings.isolation_level, **pool)
        self.family = family_of(self.writer.dialect)
        self.reader = self._engine(reading, reads=True, **pool)
        # A probe must see what was committed before it began to read, and where the address leads now.
        isolation = "READ COMMITTED" if self.writer.dialect.name in ("postgresql", "mysql", "mariadb") else None
        self.prober = self._engine(url, poolclass=NullPool, isolation_level=isolation)

    @property
    def locks(self) -> bool:
        """Whether a lock on the key proves that no transaction with it is open."""
        return self.family.locks and self.settings.key_locks

    @contextmanager
    def connection(self, engine: Engine, flight: Flight[Any]) -> Iterator[Connection]:
        """A connection that can be cut from outside; let go of at the end, and thrown away if it broke.

        Args:
            engine: `writer`, `reader` or `prober`.
            flight: Whose work it is for.

        Raises:
            IntegrationError: There is none; nothing was sent.
        """
        flight.reach(Stage.CONNECTING)
        try:
            connection = self._connected(engine, flight)
        except Exception as error:  # noqa: BLE001 -- drivers have exceptions of all kinds
            found = self.unsent(error)
            if type(found) is Ambiguous:  # a driver names no code where nobody answered
                found = ConnectFailed(found.message, code="connect", evidence=found.evidence)
            raise found from None
        try:
            yield connection
        finally:
            self._let_go(connection, flight)

    def unsent(self, error: BaseException) -> IntegrationError:
        """The error for a failure before any transaction began."""
        found = classify(error)
        return found if found.effect == "none" else found.without_effect("no transaction had begun")

    def untransacted(self, connection: Connection, declared: SqlAction) -> tuple[str, ...]:
        """Tables that an action may write outside of its transaction; asked once for each action.

        Args:
            connection: No transaction is open on it.
            declared: The action.
        """
        name = declared.action.name
        if name not in self._untransacted:
            texts = [statement.sql for statement in declared.statements]
            texts += [declared.table.table] if declared.table else []
            self._untransacted[name] = self.family.untransacted(connection, texts)
            connection.rollback()
        return self._untransacted[name]

    def remember(self, key: str, sending: Sending) -> None:
        """Keep what is known of a transaction whose COMMIT is about to be sent.

        Args:
            key: The idempotency key.
            sending: The transaction.
        """
        if not self.family.tells_fate:
            return
        with self._lock:
            self._memory.setdefault(key, []).append(sending)
            self._memory.move_to_end(key)
            while len(self._memory) > _REMEMBERED:
                self._memory.popitem(last=False)

    def forget(self, key: str) -> None:
        """A transaction with this key was acknowledged."""
        with self._lock:
            self._memory.pop(key, None)

    def remembered(self, key: str) -> tuple[Sending, ...]:
        """What is known of the transactions with this key, in order."""
        with self._lock:
            return tuple(self._memory.get(key, ()))

    def parameters(self, sql: str, values: Values) -> tuple[TextClause, dict[str, Any]]:
        """A statement with its parameters as the driver takes them."""
        clause, names = _clause(sql)
        return clause, {name: self.family.adapt(values[name]) for name in names}

    def close(self) -> None:
        """Close what is not in use."""
        for engine in (self.writer, self.reader, self.prober):
            engine.dispose()

    def _engine(self, url: str, *, reads: bool = False, **options: Any) -> Engine:
        made = make_url(url)
        family = family_of(made.get_dialect()())
        arguments = {**family.connect_arguments(self.settings.connect_timeout), **self.settings.driver_options}
        options = {name: value for name, value in options.items() if value is not None}
        engine = create_engine(made, connect_args=arguments, hide_parameters=True, **options)
        family.prepare(engine, reads=reads)

        def on_connect(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
            flight: Flight[Any] | None = getattr(self._local, "flight", None)
            if flight is not None:
                flight.may_be_cut(partial(family.cut, connection))
            record.info.update(family.greet(connection, reads=reads), new=True)

        event.listen(engine, "connect", on_connect)
        event.listen(engine, "handle_error", _leave_replicas)
        return engine

    def _register(self, settings: SqlSettings) -> None:
        for one in filter(None, (settings.url, settings.read_url)):
            self._secrets.add(one.get_secret_value(), make_url(one.get_secret_value()).password)
        self._secrets.add(*(value for value in settings.driver_options.values() if isinstance(value, str)))

    def _connected(self, engine: Engine, flight: Flight[Any]) -> Connection:
        """A connection that answers, of the pool or new."""
        self._local.flight = flight
        try:
            while True:
                connection = engine.connect()
                driver = connection.connection.dbapi_connection
                assert driver is not None
                flight.may_be_cut(partial(self.family.cut, driver))
                if connection.info.pop("new", False) or not self.settings.pre_ping:
                    return connection
                try:
                    engine.dialect.do_ping(driver)
                except Exception:  # noqa: BLE001 -- it was dropped while it was idle: one of us is left or made
                    flight.may_be_cut(None)
                    connection.invalidate()
                    connection.close()
                else:
                    return connection
        finally:
            self._local.flight = None

    def _let_go(self, connection: Connection, flight: Flight[Any]) -> None:
        try:
            connection.rollback()
        except Exception:  # noqa: BLE001 -- what became of the transaction is known by now
            connection.invalidate()
        flight.may_be_cut(None)  # from here on it may be somebody else's
        connection.close()


def _leave_replicas(context: ExceptionContext) -> None:
    """Use none of the pool's connections again when their server takes no writes any more: it was the primary once."""
    if word_of(context.original_exception).mapped is READ_ONLY:
        context.is_disconnect = True


@lru_cache(maxsize=1024)
def _clause(sql: str) -> tuple[TextClause, frozenset[str]]:
    clause = text(sql)
    return clause, frozenset(clause.compile().params)

"""One write, in one transaction: the key first, then the statements, then the answer beside the key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, exc

from ...core.adapter import Attempt, ClientId, Present, Sent
from ...core.errors import (
    Ambiguous,
    BusinessRule,
    Conflict,
    ContractBroken,
    IntegrationError,
    InvalidRequest,
    NotFound,
    NotSent,
    PreconditionFailed,
)
from . import codes, tables
from .classify import classify, word_of
from .endings import Endings
from .judging import look_for, replayed
from .models import KEY, SqlAction, Statement, differing, fit
from .statements import PROCEDURES, READS
from .threads import Flight, Stage
from .wire import Sending, Wire

_SERVERS_SHARE = 0.9  # of the time, so that the server's word comes before ours


class Write:
    """One attempt at a write.

    Args:
        wire: The database.
        declared: The action.
        attempt: The attempt.
        flight: How far it is, for whoever waits.
        left: Tells the seconds that are left.
    """

    def __init__(
        self, wire: Wire, declared: SqlAction, attempt: Attempt, flight: Flight[Sent[Any]], left: Callable[[], float]
    ) -> None:
        self._wire = wire
        self._family = wire.family
        self._declared = declared
        self._attempt = attempt
        self._flight = flight
        self._left = left
        self._effects = wire.effects if declared.in_effects else None
        self._endings = Endings(wire, declared, attempt.key, flight)
        self._wrote = False

    def run(self) -> Sent[Any]:
        """Do it, in a thread.

        Raises:
            IntegrationError: With what is known of the effect.
        """
        with self._wire.connection(self._wire.writer, self._flight) as connection:
            try:
                sent = self._transact(connection)
            except BaseException as error:
                self._flight.end(error)
                raise
            else:
                self._flight.end(sent)
                return sent
            finally:
                self._release(connection)

    def _transact(self, connection: Connection) -> Sent[Any]:
        try:
            self._begin(connection)
        except Exception as error:  # noqa: BLE001 -- drivers have exceptions of all kinds
            raise self._wire.unsent(error) from None
        try:
            if (earlier := self._claimed_before(connection)) is not None:
                return earlier
            sent = self._write(connection)
            self._complete(connection, sent)
            self._fence()
            self._wire.remember(self._attempt.key, self._sending(sent))
            self._flight.reach(Stage.COMMITTING)
        except Exception as error:  # noqa: BLE001 -- drivers have exceptions of all kinds
            ending = self._endings.undone(connection, error, wrote=self._wrote)
            if isinstance(ending, Conflict) and (earlier := self._same_key(connection, ending)) is not None:
                return earlier
            raise ending from None
        try:
            connection.commit()
        except Exception as error:  # noqa: BLE001 -- drivers have exceptions of all kinds
            raise self._endings.unacknowledged(connection, error) from None
        self._wire.forget(self._attempt.key)
        return sent

    def _sending(self, sent: Sent[Any]) -> Sending:
        attempt = self._attempt
        return Sending(dict(self._flight.evidence), sent, not attempt.maybe_applied, attempt.may_send)

    def _begin(self, connection: Connection) -> None:
        untransacted = self._wire.untransacted(connection, self._declared)
        if untransacted and self._effects is not None:
            raise InvalidRequest(
                f"{', '.join(untransacted)} has no transactions, so the key cannot be written together with what is "
                "written there: declare other dedupe means, or change the table's engine; nothing was sent",
                code="not_transactional",
            )
        seconds = self._left() * _SERVERS_SHARE
        self._family.begin(connection, seconds, min(self._wire.settings.lock_timeout, seconds))
        self._fence()
        self._flight.evidence["certain"] = self._endings.is_certain(connection, untransacted)
        self._flight.reach(Stage.OPEN)

    def _fence(self) -> None:
        if not self._attempt.may_send():
            raise NotSent(
                "another process took the operation over before it was sent", code="lost_lease", transient=True
            )

    def _claimed_before(self, connection: Connection) -> Sent[Any] | None:
        """Take the key; None if nobody had it."""
        if self._wire.locks:
            seconds = min(self._wire.settings.lock_timeout, self._left() * _SERVERS_SHARE)
            self._flight.evidence.update(self._family.hold(connection, self._attempt.key, seconds))
        if self._effects is None:
            return None
        try:
            self._effects.claim(connection, self._declared.action.name, self._attempt)
        except exc.IntegrityError as error:
            if word_of(error).mapped is not codes.TAKEN:
                raise
        else:
            return None
        connection.rollback()
        return self._earlier(connection)

    def _earlier(self, connection: Connection) -> Sent[Any]:
        assert self._effects is not None
        found = self._effects.find(connection, self._attempt.key)
        connection.rollback()
        if found is None:
            raise Conflict("the key was there, and is there no more", code="key_vanished", transient=True)
        return replayed(self._declared, self._attempt, found)

    def _same_key(self, connection: Connection, refusal: Conflict) -> Sent[Any] | None:
        """The answer of an earlier attempt, if the record that stands in the way carries our key."""
        how = tables.look(self._declared, self._family.dialect)
        if how is None or not isinstance(self._declared.action.dedupe, ClientId) or connection.invalidated:
            return None
        try:
            found = look_for(self._wire, self._declared, how, self._attempt, connection)
            connection.rollback()
        except Exception as error:  # noqa: BLE001 -- the refusal stands, but whether it is about us is not known
            raise Ambiguous(
                f"a record stands in the way, and looking whether it is ours failed: {classify(error).message}",
                code="read_back",
                outage=False,
                evidence={"refusal": refusal.to_record()},
            ) from None
        if not isinstance(found, Present):
            return None
        if found.differs:
            names = ", ".join(found.differs)
            raise ContractBroken(f"a record with this key is there, but with other content: {names}", code="content")
        return Sent(found.value, found.record, {"already_there": True})

    def _write(self, connection: Connection) -> Sent[Any]:
        values = {**self._declared.parameters(self._attempt), KEY: self._attempt.key}
        dialect = self._family.dialect
        instead = tables.inserts_instead(self._declared, dialect, values)
        for statement in tables.statements(self._declared, dialect, values):
            self._wrote = self._wrote or statement.verb not in READS
            found = self._execute(connection, statement, values)
            if found is None and instead is not None:
                found, instead = self._execute(connection, instead, values), None
            if found is None:
                raise self._missing(statement)
            values |= found
        value = fit(self._declared.action.reply, values)
        record = self._declared.record
        return Sent(value, None if record is None else str(getattr(value, record)))

    def _execute(self, connection: Connection, statement: Statement, values: dict[str, Any]) -> dict[str, Any] | None:
        """What a statement gives; None if there were too few rows."""
        result = connection.execute(*self._wire.parameters(statement.sql, values))
        found: dict[str, Any] = {}
        try:
            if result.returns_rows:
                fetched = result.mappings().fetchmany(2 if statement.rows is None else statement.rows + 1)
                count = len(fetched)
                if statement.columns and fetched:
                    found = {name: _column(fetched[0], name) for name in statement.columns}
            else:
                count = statement.rows or 0 if statement.verb in PROCEDURES else result.rowcount
            if statement.generated:
                found[statement.generated] = result.lastrowid
        finally:
            result.close()
        if statement.rows is None or count == statement.rows:
            if lost := differing(values, found, statement.verify):
                raise BusinessRule(
                    f"the database keeps other content than was asked for: {', '.join(lost)}", code="content_lost"
                )
            return found
        if count < statement.rows:
            return None
        raise BusinessRule(
            f"a statement met {count if count >= 0 else 'an unknown number of'} rows and not {statement.rows}",
            code="too_many_rows",
        )

    def _missing(self, statement: Statement) -> IntegrationError:
        usual = PreconditionFailed if self._declared.action.version else NotFound
        error = statement.missing or usual
        if error is PreconditionFailed:
            return error("the record changed since it was read: read it again, decide again", code="version")
        return error("the record that it is about is not there", code="missing")

    def _complete(self, connection: Connection, sent: Sent[Any]) -> None:
        if self._effects is None:
            return
        if self._effects.complete(connection, self._attempt.key, sent) != 1:
            raise ContractBroken("the key's row is gone from the transaction that wrote it", code="split")

    def _release(self, connection: Connection) -> None:
        if not self._wire.locks or connection.invalidated:
            return
        try:
            self._family.release(connection, self._attempt.key)
        except Exception:  # noqa: BLE001 -- the key is free when the connection is gone
            connection.invalidate()


def _column(row: Any, name: str) -> Any:
    if name in row:
        return row[name]
    folded = {str(key).lower(): value for key, value in row.items()}
    if name.lower() not in folded:
        raise ContractBroken(f"the answer has no column {name}", code="schema")
    return folded[name.lower()]

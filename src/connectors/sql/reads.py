"""Reads: one statement in a read-only transaction, with a limit of rows and of time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from ...core.adapter import Attempt, Sent
from ...core.errors import ContractBroken, NotFound
from .classify import classify
from .models import SqlAction, fit
from .threads import Flight, Stage
from .wire import Wire


def read(
    wire: Wire, declared: SqlAction, attempt: Attempt, flight: Flight[Sent[Any]], left: Callable[[], float]
) -> Sent[Any]:
    """Read, in a thread.

    Args:
        wire: The database.
        declared: The action.
        attempt: The attempt.
        flight: How far it is, for whoever waits.
        left: Tells the seconds that are left.

    Raises:
        IntegrationError: It could not be read.
    """
    with wire.connection(wire.reader, flight) as connection:
        try:
            flight.reach(Stage.OPEN)
            wire.family.begin(connection, left() * 0.9, min(wire.settings.lock_timeout, left() * 0.9))
            sent = _read(wire, declared, attempt, connection)
        except Exception as error:  # noqa: BLE001 -- drivers have exceptions of all kinds
            told = classify(error, declared.action.errors)
            ending = told if told.effect == "none" else told.without_effect("a read changes nothing")
            flight.end(ending)
            raise ending from None
        flight.end(sent)
        return sent


def _read(wire: Wire, declared: SqlAction, attempt: Attempt, connection: Connection) -> Sent[Any]:
    (statement,) = declared.statements
    most = wire.settings.max_rows if declared.rows else 1
    # A result that is too long is not read into memory.
    sql = wire.family.limited(connection, statement.sql, most + 1)
    result = connection.execute(*wire.parameters(sql, declared.parameters(attempt)))
    try:
        found = [dict(row) for row in result.mappings().fetchmany(most + 1)]
    finally:
        result.close()
    if declared.rows:
        value = {declared.rows: found[:most], "complete": len(found) <= most}
        return Sent(fit(declared.action.reply, value))
    if not found:
        raise NotFound("there is no such record", code="missing")
    if len(found) > 1:
        raise ContractBroken("several records were found where one was asked for", code="several")
    value_of_one = fit(declared.action.reply, found[0])
    record = declared.record
    return Sent(value_of_one, None if record is None else str(getattr(value_of_one, record)))

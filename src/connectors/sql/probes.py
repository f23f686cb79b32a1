"""Looking whether an earlier attempt landed: on a fresh connection to the primary, behind a lock on the key."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from ...core.adapter import Absent, Attempt, CannotTell, Finding, NoDedupe, Present
from . import tables
from .classify import classify, word_of
from .codes import CONTENDED
from .judging import look_for, replayed
from .models import SqlAction
from .threads import Flight, Stage
from .wire import Wire


def probe(
    wire: Wire, declared: SqlAction, attempt: Attempt, flight: Flight[Finding], left: Callable[[], float]
) -> Finding:
    """Look, in a thread.

    Args:
        wire: The database.
        declared: The action.
        attempt: Key and request of the operation.
        flight: How far it is, for whoever waits.
        left: Tells the seconds that are left.

    Raises:
        IntegrationError: It could not be looked at; that says nothing about the effect.
    """
    with wire.connection(wire.prober, flight) as connection:
        try:
            flight.reach(Stage.OPEN)
            finding = _look(wire, declared, attempt, connection, left() * 0.9)
        except Exception as error:  # noqa: BLE001 -- drivers have exceptions of all kinds
            if wire.locks and word_of(error).mapped is CONTENDED:
                return _open()
            raise classify(error) from None
        flight.end(finding)
        return finding


def _look(wire: Wire, declared: SqlAction, attempt: Attempt, connection: Connection, seconds: float) -> Finding:
    family = wire.family
    family.begin(connection, seconds, min(wire.settings.lock_timeout, seconds))
    if (reason := family.misleading(connection)) is not None:
        return CannotTell(f"an absence would prove nothing here: {reason}")
    if wire.locks and not family.is_settled(connection, attempt.key):
        return _open()
    if declared.in_effects:
        return _in_effects(wire, declared, attempt, connection)
    return _compared(wire, declared, attempt, connection)


def _open() -> CannotTell:
    return CannotTell("a transaction with this key is still open")


def _in_effects(wire: Wire, declared: SqlAction, attempt: Attempt, connection: Connection) -> Finding:
    assert wire.effects is not None
    found = wire.effects.find(connection, attempt.key)
    if found is None:
        return Absent({"effects_table": wire.effects.name})
    if found.result is None:
        return CannotTell("the key is there without an answer: only a part was committed")
    sent = replayed(declared, attempt, found)
    return Present(sent.value, sent.record, facts={"effects_table": wire.effects.name})


def _compared(wire: Wire, declared: SqlAction, attempt: Attempt, connection: Connection) -> Finding:
    """Look where nothing but the records themselves can be compared, and the transactions' own fate."""
    sendings = wire.remembered(attempt.key)
    fates = [wire.family.fate(connection, sending.transaction) for sending in sendings]
    for fate, sending in zip(fates, sendings, strict=True):
        if fate == "committed":
            return Present(sending.sent.value, sending.sent.record, facts={"transaction": "committed"})
    if "in progress" in fates:
        return _open()
    how = tables.look(declared, wire.family.dialect)
    if how is None or isinstance(declared.action.dedupe, NoDedupe):
        # That ours were aborted says nothing of what another process may have sent.
        alone = bool(sendings) and sendings[0].first and all(sending.still_ours() for sending in sendings)
        if alone and set(fates) == {"aborted"}:
            return Absent({"transaction": "aborted"})
        return CannotTell("the database no longer knows, or never said, what became of the transaction")
    return look_for(wire, declared, how, attempt, connection)

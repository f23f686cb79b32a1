"""Whether a database has what the settings count on."""

from __future__ import annotations

from sqlalchemy import Connection, exc

from .classify import classify, word_of
from .threads import Flight, Stage
from .wire import Wire


def problems(wire: Wire, flight: Flight[list[str]], *, needs_effects: bool) -> list[str]:
    """Look at the server, the `effects` table and the rights on it.

    Args:
        wire: The database.
        flight: How far it is, for whoever waits.
        needs_effects: Whether an action writes its key into the `effects` table.

    Returns:
        Problems, a sentence each.

    Raises:
        IntegrationError: It cannot be reached, or does not let us in.
    """
    with wire.connection(wire.prober, flight) as connection:
        flight.reach(Stage.OPEN)
        try:
            reason = wire.family.misleading(connection)
            found = [f"Writes and probes must go to the primary: {reason}."] if reason else []
            found += wire.family.checks(connection)
            connection.rollback()
            if needs_effects and reason is None:
                found += _effects(wire, connection)
        except exc.SQLAlchemyError as error:
            raise classify(error).without_effect("only questions were asked") from None
    return found + _reader(wire)


def _effects(wire: Wire, connection: Connection) -> list[str]:
    assert wire.effects is not None
    name = wire.effects.name
    if not wire.effects.exists(connection):
        return [f"There is no table {name}: make it with `seawall sql install-effects`."]
    connection.rollback()
    try:
        wire.effects.try_out(connection)
    except exc.DBAPIError as error:
        return [f"The table {name} cannot be used as it must be: {word_of(error).text}"]
    finally:
        connection.rollback()
    return []


def _reader(wire: Wire) -> list[str]:
    """Whether reads cannot write, and where they go can be reached."""
    if not wire.settings.read_url:
        return []
    flight: Flight[None] = Flight()
    with wire.connection(wire.reader, flight) as connection:
        connection.rollback()
    return []

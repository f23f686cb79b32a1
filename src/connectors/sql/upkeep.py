"""What a person does to the `effects` table: make it, and delete old rows."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy import exc

from ...core.errors import InvalidRequest
from .classify import classify
from .effects import Effects
from .threads import Flight, Stage
from .wire import Wire


def effects_of(wire: Wire) -> Effects:
    """The table.

    Raises:
        InvalidRequest: The system is configured to have none.
    """
    if wire.effects is None:
        raise InvalidRequest("this system has no effects_table in its settings", code="no_effects_table")
    return wire.effects


def install(wire: Wire, flight: Flight[bool]) -> bool:
    """Make the table if it is not there.

    Args:
        wire: The database.
        flight: How far it is, for whoever waits.

    Returns:
        Whether it was made.

    Raises:
        IntegrationError: It cannot be made.
    """
    effects = effects_of(wire)
    with wire.connection(wire.prober, flight) as connection:
        flight.reach(Stage.OPEN)
        try:
            made = effects.install(connection)
            connection.commit()
        except exc.SQLAlchemyError as error:
            raise classify(error) from None
    return made


def prune(wire: Wire, flight: Flight[int], keep: frozenset[str]) -> int:
    """Delete the rows that are older than the retention, by the database's own clock.

    Args:
        wire: The database.
        flight: How far it is, for whoever waits.
        keep: Keys of operations that are not settled; their rows stay.

    Returns:
        How many rows were deleted.

    Raises:
        IntegrationError: It failed; nothing was deleted, or it is not known.
    """
    effects = effects_of(wire)
    with wire.connection(wire.prober, flight) as connection:
        flight.reach(Stage.OPEN)
        try:
            now = connection.execute(sa.select(sa.func.now())).scalar_one()
            deleted = effects.prune(connection, now - timedelta(seconds=wire.settings.effects_retention), keep)
            connection.commit()
        except exc.SQLAlchemyError as error:
            raise classify(error) from None
    return deleted

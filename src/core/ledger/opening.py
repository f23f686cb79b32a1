"""Opening a ledger: the writer of the database that the settings name."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..clock import Clock
from ..errors import LedgerUnavailable
from ..settings import LedgerSettings
from .audit import Chain
from .changes import Changes
from .connection import connect
from .job import Writer
from .writer import LocalWriter

if TYPE_CHECKING:
    from .postgres.address import Address


async def open_writer(
    settings: LedgerSettings, clock: Clock, chain: Chain, changes: Changes, *, inline: bool
) -> Writer:
    """Open the database, and make its tables if there are none.

    Args:
        settings: Which one.
        clock: The time.
        chain: Our audit; its name is who we are to the other processes.
        changes: Told which operations changed.
        inline: Work in the calling thread, and flush nothing (simulated time).

    Raises:
        LedgerUnavailable: It cannot be used; the message says what to do.
    """
    if settings.url is not None:
        if inline:
            raise ValueError("only an SQLite ledger can work in the calling thread")
        return await _open_remote(settings, clock, chain, changes)
    connection, describe = connect(settings, flush=False) if inline else await asyncio.to_thread(connect, settings)
    return LocalWriter(
        connection,
        describe,
        clock,
        chain,
        on_change=changes.tell,
        busy_timeout=settings.busy_timeout,
        inline=inline,
    )


async def _open_remote(settings: LedgerSettings, clock: Clock, chain: Chain, changes: Changes) -> Writer:
    address = address_of(settings)
    from .postgres.tables import set_up
    from .postgres.writer import RemoteWriter

    connection = await address.connect()
    try:
        await set_up(connection, address)
    except BaseException:
        await connection.close()
        raise
    return RemoteWriter(address, connection, settings, clock, chain, changes)


def address_of(settings: LedgerSettings) -> Address:
    """The server of a ledger on PostgreSQL.

    Args:
        settings: With `url`.

    Raises:
        LedgerUnavailable: The address cannot be read, or the driver is not installed.
    """
    try:
        from .postgres.address import Address
    except ImportError as error:
        raise LedgerUnavailable(
            f"ledger.url needs the PostgreSQL driver ({error.name}); install it with: pip install 'seawall[postgres]'",
            code="ledger_driver",
        ) from None
    return Address(settings)

"""The legacy database in the usual way: SQLAlchemy in threads, one transaction for each change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from sqlalchemy import create_engine, exc, text

from ...sql.unreliable import register
from ..lines import Message
from .calling import Again, Do, Failed, Guarded, applied


class Orders:
    """A client of the database.

    Args:
        facts: Its URL.
        breaker: Whether calls go through a breaker.
    """

    def __init__(self, facts: Message, *, breaker: bool) -> None:
        register()
        self._guarded = Guarded(breaker=breaker)
        self._engine = create_engine(facts["url"], connect_args={"timeout": 2}, pool_size=8, max_overflow=0)

    def actions(self) -> dict[str, Do]:
        """What it can do."""
        return {"get_order": self._get_order, "change_order": self._change_order}

    async def _get_order(self, request: Message) -> Message:
        return applied(request["order_no"], await self._in_thread(lambda: self._read(request)))

    async def _change_order(self, request: Message) -> Message:
        await self._in_thread(lambda: self._write(request))
        return applied(request["order_no"])

    async def _in_thread(self, work: Callable[[], Any]) -> Any:
        def guarded() -> Any:
            try:
                return work()
            except (exc.OperationalError, exc.TimeoutError) as error:
                raise Again(type(error).__name__) from error

        return await self._guarded.call(lambda: asyncio.to_thread(guarded))

    def _read(self, request: Message) -> Message:
        with self._engine.connect() as connection:
            query = text("SELECT version FROM orders WHERE order_no = :order_no")
            return {"version": connection.execute(query, {"order_no": request["order_no"]}).scalar_one()}

    def _write(self, request: Message) -> None:
        with self._engine.begin() as connection:
            change = text("UPDATE orders SET note = :note, version = version + 1 WHERE order_no = :order_no")
            if connection.execute(change, {"note": request["note"], "order_no": request["order_no"]}).rowcount != 1:
                raise Failed("there is no such order", refused=True)
            entry = text("INSERT INTO order_history (order_no, what, entered_by) VALUES (:order_no, :note, 'agent')")
            connection.execute(entry, {"note": request["note"], "order_no": request["order_no"]})

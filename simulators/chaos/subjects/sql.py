"""The SQL connector on the legacy order database, as an SQLite file whose driver fails at any statement."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import URL
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from ....connectors.sql.adapter import SqlAdapter
from ....connectors.sql.settings import SqlSettings
from ....core.adapter import Adapter, Surroundings
from ...effects import Effect
from ...faults import Plan
from ...injector import FaultInjector
from ...kinds import Lane
from ...sql.errors import SQLITE
from ...sql.legacy import LegacyDatabase
from ...sql.seam import KINDS, Seam, attach
from ...sql.statements import OPERATIONS
from ...virtual_time import LoopClock, VirtualLoop
from ..entries import Wanted
from ..memory import in_memory
from ..subject import Change, Reading, Sample, Sampler, Subject

_CUSTOMERS = 40  # each has one order
_PASSWORD = "legacy-orders-5ecret"  # noqa: S105 -- a simulator's
_LONGEST_BLOCK = 0.2  # seconds; an inline driver blocks everybody, where one in a thread is left at the deadline


class DialectWithLogin(SQLiteDialect_pysqlite):
    """SQLite whose URL may hold a login, as those of servers do; the file asks for none."""

    supports_statement_cache = True

    def create_connect_args(self, url: URL) -> Any:
        """What the driver is given: all but the login."""
        return super().create_connect_args(URL.create(url.drivername, database=url.database, query=url.query))


registry.register("sqlite.login", __name__, DialectWithLogin.__name__)


class LegacyTarget:
    """The database, with the virtual time of each effect.

    Args:
        plan: The faults.
        clock: The virtual clock.
    """

    def __init__(self, plan: Plan, clock: LoopClock) -> None:
        self.seam = _Seam(plan, self, clock)
        self._folder = tempfile.TemporaryDirectory(prefix="seawall-chaos-", dir=in_memory())
        file = Path(self._folder.name) / "orders.db"
        file.write_bytes(_filled())
        self.database = LegacyDatabase(f"sqlite:///{file}")
        self.made = False
        self._effects: list[Effect] = []
        self._clock = clock

    @property
    def url(self) -> str:
        """Where the database is."""
        made = self.database.url.set(drivername="sqlite+login", username="agent", password=_PASSWORD)
        return made.render_as_string(hide_password=False)

    @property
    def faults(self) -> FaultInjector:
        """Chooses the faults."""
        return self.seam.faults

    @property
    def effects(self) -> Iterable[Effect]:
        """What was committed, in order."""
        self.look()
        return tuple(self._effects)

    def look(self, number: int = 0) -> None:
        """Take note of what was committed since the last look, by the statement with this number."""
        now = self._clock.now()
        last = self._effects[-1].seq if self._effects else 0
        self._effects += [replace(one, at=now, request_id=number) for one in self.database.effects(last)]

    async def settle(self) -> None:
        """Nothing is ever outstanding: what a statement does is done when it ends."""

    def close(self) -> None:
        """Delete the file."""
        self.database.close()
        self._folder.cleanup()


@cache
def _filled() -> bytes:
    """The file of a database with its customers: making one takes longer than an episode."""
    with tempfile.TemporaryDirectory(prefix="seawall-chaos-", dir=in_memory()) as folder:
        file = Path(folder) / "orders.db"
        database = LegacyDatabase(f"sqlite:///{file}")
        database.create(customers=_CUSTOMERS)
        database.close()
        return file.read_bytes()


class _Seam(Seam):
    """A seam that notes the virtual time of each commit."""

    def __init__(self, plan: Plan, target: LegacyTarget, clock: LoopClock) -> None:
        super().__init__(plan, sqlite3, now=clock.now, sleep=_block)
        self._target = target

    def around(self, operation: str, connection: Any, run: Any) -> None:
        """Run a statement, or COMMIT, under at most one fault."""
        try:
            super().around(operation, connection, run)
        finally:
            if operation == "commit":
                self._target.look(self.statements)


def _block(seconds: float) -> None:
    """A driver that blocks, in a process that does nothing else meanwhile: virtual time passes."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    loop.elapsed += min(seconds, _LONGEST_BLOCK)


class LegacySubject(Subject):
    """Our keys in a table of their own, written in the transaction of the effect."""

    name = "sql"
    lanes: ClassVar[Mapping[str, Lane]] = OPERATIONS
    kinds = KINDS
    canaries = (_PASSWORD,)
    values: ClassVar[Mapping[str, Collection[object]]] = {"error": tuple(SQLITE)}

    def target(self, plan: Plan, clock: LoopClock) -> LegacyTarget:
        """The database, filled."""
        return LegacyTarget(plan, clock)

    def adapter(self, target: LegacyTarget, around: Surroundings) -> Adapter:
        """The connector, its drivers working inline."""
        settings = SqlSettings.model_validate({"url": target.url, "actions": _ACTIONS, "pre_ping": False})
        adapter = SqlAdapter.open(settings, around, inline=True)
        if not target.made:  # as somebody does who sets Seawall up
            assert adapter.wire.effects is not None
            with adapter.wire.prober.connect() as connection:
                adapter.wire.effects.install(connection)
                connection.commit()
            target.made = True
        for engine in (adapter.wire.writer, adapter.wire.reader, adapter.wire.prober):
            attach(engine, target.seam)
        return adapter

    def samples(self, target: LegacyTarget) -> Mapping[str, Sampler]:  # noqa: ARG002 -- its orders are known
        """Orders noted on and entered into their history, lines added, and an order that is read."""
        return {"change_order": _change, "add_entry": _add, "get_order": _get}

    def look_alike(self, target: LegacyTarget, sample: Sample) -> bool:
        """The same entry, which somebody else made."""
        request = sample.request
        if "what" not in request:
            return False
        target.database.add_entry(request["order_no"], request["what"])
        return True

    def change(self, target: LegacyTarget, sample: Sample, record: str, to: Change) -> bool:
        """Put an order on hold, or write a note on it."""
        request = sample.request
        if "version" not in request:
            return False
        contents = {"beside": {"status": "HO"}, "over": {"note": "by hand"}, "alike": {"note": request["note"]}}
        target.database.change_order(record, **contents[to])
        return True

    def stored(self, target: LegacyTarget, action: str, record: str) -> Mapping[str, Any]:  # noqa: ARG002 -- of orders
        """The row of an order."""
        return target.database.read("orders", record) or {}


_GET_ORDER = {
    "description": "Reads an order.",
    "effect": "read",
    "parameters": {"order_no": "text"},
    "returns": {"order_no": "text", "status": "text", "version": "integer"},
    "record": "order_no",
    "statements": [{"sql": "SELECT order_no, status, version FROM orders WHERE order_no = :order_no"}],
}
_CHANGE_ORDER = {
    "description": "Writes a note on an order that was read at `version`, and enters it into the order's history.",
    "effect": "set",
    "parameters": {"reference": "text", "order_no": "text", "version": "integer", "note": "text"},
    "identity": ["reference"],
    "version": "version",
    "entity": "order_no",
    "statements": [
        {
            "sql": "UPDATE orders SET note = :note, version = version + 1 "
            "WHERE order_no = :order_no AND version = :version"
        },
        {"sql": "INSERT INTO order_history (order_no, what, entered_by) VALUES (:order_no, :note, 'agent')"},
    ],
}
_ADD_ENTRY = {
    "description": "Enters something into an order's history.",
    "effect": "create",
    "parameters": {"reference": "text", "order_no": "text", "what": "text"},
    "identity": ["reference"],
    "statements": [
        {"sql": "INSERT INTO order_history (order_no, what, entered_by) VALUES (:order_no, :what, 'agent')"}
    ],
}
_ACTIONS = {"get_order": _GET_ORDER, "change_order": _CHANGE_ORDER, "add_entry": _ADD_ENTRY}


def _order(n: int) -> str:
    return f"O{n % _CUSTOMERS + 1:04d}"


def _change(n: int) -> Sample:
    # Each takes an order that no other sample of a small episode changes.
    return replace(_noted(n, f"mail-{n}", f"T{n:05d}"), newer=_noted(n, f"second-mail-{n}", f"N{n:05d}"))


def _noted(n: int, reference: str, note: str) -> Sample:
    order = _order(n)

    def then(seen: Any) -> Any:
        return {"reference": reference, "order_no": order, "version": seen.version, "note": note}

    wanted = (
        Wanted("orders", ("update",), {"id": order, "note": note}, {"note": note}, ("version",)),
        Wanted("order_history", ("insert",), {"what": note}, _entry(order, note), _NUMBERED),
    )
    return Sample(None, wanted, after_reading=Reading("get_order", {"order_no": order}, then))


_NUMBERED = ("entry_no",)


def _entry(order: str, what: str) -> dict[str, str]:
    return {"order_no": order, "what": what, "entered_by": "agent"}


def _add(n: int) -> Sample:
    order, what = _order(n + 7), f"T{n:05d} called"
    fields = {"reference": f"call-{n}", "order_no": order, "what": what}
    return Sample(
        fields,
        (Wanted("order_history", ("insert",), {"what": f"T{n:05d}"}, _entry(order, what), _NUMBERED),),
        reworded={**fields, "what": f"T{n:05d} wrote"},
    )


def _get(n: int) -> Sample:
    return Sample({"order_no": _order(n)}, reply={"order_no": _order(n)})

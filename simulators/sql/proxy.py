"""A proxy in front of a real database that breaks at a chosen statement, or at COMMIT, on either side of it.

It understands enough of the protocols of PostgreSQL and MySQL to know which message runs which statement and when its
answer is whole. The pair that matters: the same break before the server has seen COMMIT, and after it has answered.
What is true is then read from the database over another connection, which does not lead through here.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Final, Literal

from ..faults import Fault, Plan, PlanError
from ..injector import FaultInjector, RequestFacts
from .session import MySqlSession, PostgresSession, Session
from .statements import OPERATIONS, operation_of

LOOPBACK: Final = "127.0.0.1"
KINDS: Final = frozenset({"reset", "hang", "slow", "truncate", "sql_error", "late_commit"})
"""The kinds of fault that can befall a statement here."""


class WireProxy:
    """One address of a database, and what goes wrong on the way to it.

    Args:
        protocol: What is spoken.
        host: Where the database really is.
        port: Its port.
        plan: Faults; None for none.
        seed: Seed in place of the plan's own.
        system: The name that plans match on.
        now: Clock in seconds.

    Raises:
        PlanError: The plan holds a fault that cannot befall a statement.
    """

    def __init__(
        self,
        protocol: Literal["postgresql", "mysql"],
        host: str,
        port: int,
        plan: Plan | None = None,
        *,
        seed: int | None = None,
        system: str = "sql",
        now: Callable[[], float] = time.time,
    ) -> None:
        plan = plan or Plan()
        for fault in plan.faults:
            if fault.match.system in (None, system) and fault.kind not in KINDS:
                known = ", ".join(sorted(KINDS))
                raise PlanError(f"fault {fault.id!r}: {fault.kind} cannot befall a statement; what can: {known}")
        self.faults = FaultInjector(
            plan if seed is None else plan.with_seed(seed), system=system, operations=OPERATIONS, now=now
        )
        self.statements = 0
        self.outstanding = 0
        self._protocol = protocol
        self._upstream = (host, port)
        self._system = system
        self._sessions: set[Session] = set()
        self._running: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def settle(self) -> None:
        """Wait until no late commit is outstanding."""
        while self.outstanding:  # noqa: ASYNC110 -- it ends in a session, which may be in another loop
            await asyncio.sleep(0.02)

    def drop_idle(self) -> int:
        """Cut every connection that waits for its client; the answer is how many there were. From any thread."""
        if self._loop is None:
            return 0
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        if here is self._loop:
            return self._cut_idle()

        async def cut() -> int:
            return self._cut_idle()

        return asyncio.run_coroutine_threadsafe(cut(), self._loop).result(10)

    @contextlib.asynccontextmanager
    async def serve(self, *, port: int = 0) -> AsyncIterator[int]:
        """Serve on loopback in the running event loop for as long as the context lasts.

        Yields:
            The port.
        """
        self._loop = asyncio.get_running_loop()
        server = await asyncio.start_server(self._connected, LOOPBACK, port)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for session in list(self._sessions):
                session.cut()
            await asyncio.gather(*self._running, return_exceptions=True)
            await server.wait_closed()

    @contextlib.contextmanager
    def serve_in_thread(self) -> Iterator[int]:
        """Serve from a thread of its own; for clients that block.

        Yields:
            The port.
        """
        loop = asyncio.new_event_loop()
        started: threading.Event = threading.Event()
        stop = asyncio.Event()
        ports: list[int] = []

        async def run() -> None:
            async with self.serve() as port:
                ports.append(port)
                started.set()
                await stop.wait()
                await self.settle()

        thread = threading.Thread(target=loop.run_until_complete, args=(run(),), name="wire proxy", daemon=True)
        thread.start()
        started.wait(10)
        try:
            yield ports[0]
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join()
            loop.close()

    def _cut_idle(self) -> int:
        idle = [session for session in self._sessions if session.idle]
        for session in idle:
            session.cut()
        return len(idle)

    def select(self, statement: str) -> Fault | None:
        """The fault for a statement, or None; counted."""
        operation = "connect" if statement == "connect" else operation_of(statement)
        self.statements += 1
        return self.faults.select(RequestFacts(self._system, operation, OPERATIONS[operation]))

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        fault = self.select("connect")
        try:
            if fault is not None and fault.kind in ("hang", "slow"):
                await asyncio.sleep(fault.param("seconds"))
            if fault is not None and fault.kind != "slow":
                writer.transport.abort()
                return
            upstream = await asyncio.open_connection(*self._upstream)
        except OSError:
            writer.transport.abort()
            return
        made = PostgresSession if self._protocol == "postgresql" else MySqlSession
        session = made(self, (reader, writer), upstream)
        self._sessions.add(session)
        try:
            await session.run()
        finally:
            self._sessions.discard(session)

"""Carries out what a plan has for the client's own process: see `client_faults` for what each kind means."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING

from ..faults import Fault, Plan
from ..origin import ATTEMPT, CALL, outside
from .client_faults import ClientFaults
from .entries import Wire
from .ledger_watch import fail_next_write
from .recording import Step
from .worker import Worker

if TYPE_CHECKING:
    from .stage import Stage


class ClientSide:
    """What befalls the processes of a stage.

    Args:
        stage: The stage.
        plan: The plan; its faults at targets are left to those.
        before: Awaited at each step, before anything befalls it.
    """

    def __init__(self, stage: Stage, plan: Plan, before: Step) -> None:
        own = tuple(one for one in plan.faults if one.client_side and one.match.system in (None, *stage.subjects))
        actions = {name: tuple(stage.reader(name).actions) for name in stage.subjects} if own else None
        self.faults = ClientFaults(plan.model_copy(update={"faults": own}), actions=actions, started=stage.clock.now())
        self._stage = stage
        self._before = before
        self.jumped = 0.0
        """Seconds by which clocks jumped in all: by so much later may things be looked at."""
        self._revived = asyncio.Event()
        self._under_way: set[asyncio.Task[None]] = set()

    def at_call(self, worker: Worker, system: str, action: str) -> Fault | None:
        """What befalls a call; the caller carries out what is about the call itself."""
        fault = self._chosen("call", worker.name, system, action)
        if fault is not None and fault.kind == "clock_jump":
            self._jump(fault)
        return fault

    async def at_step(self, step: str, name: str, system: str, action: str) -> None:
        """What befalls an operation that comes to a step, inside its process."""
        await self._before(step, name, system, action)
        fault = self._chosen(step, name, system, action)
        if fault is None:
            return
        worker = next(worker for worker in self._stage.workers if worker.name == name)
        match fault.kind:
            case "crash":
                self.begin(self.crash(worker, fault.param("seconds")))
                await asyncio.sleep(0)  # it ends right here
            case "pause":
                self.begin(self.pause(worker, fault.param("seconds")))
                await asyncio.sleep(0)  # it stands still right here
            case "cancel":
                self._cancel(fault.param("seconds"))
                await asyncio.sleep(0)
            case "ledger_write_fails":
                fail_next_write(worker.wall.ledger, fault.param("error"))
            case "clock_jump":
                self._jump(fault)

    def begin(self, mishap: Coroutine[None, None, None]) -> None:
        """Let something happen beside what the clients do."""
        task = asyncio.get_running_loop().create_task(mishap, context=outside())
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def over(self) -> None:
        """Wait until nothing is happening any more."""
        while self._under_way:
            await asyncio.gather(*self._under_way)

    async def crash(self, worker: Worker, seconds: float) -> None:
        """Kill a process, and start another one in its place."""
        self._stage.kill(worker)
        await self._stage.clock.sleep(seconds)
        await self._stage.start_worker()
        self._revived.set()

    async def pause(self, worker: Worker, seconds: float) -> None:
        """Hold a process still for a while."""
        self._stage.pause(worker)
        await self._stage.clock.sleep(seconds)
        self._stage.resume(worker)

    async def alive(self, place: int) -> Worker:
        """One of the processes that are alive; waits for one if there is none."""
        while not (living := [worker for worker in self._stage.workers if worker.alive]):
            self._revived.clear()
            await self._revived.wait()
        return living[place % len(living)]

    def _chosen(self, step: str, worker: str, system: str, action: str) -> Fault | None:
        clock = self._stage.clock
        fault = self.faults.at(step, worker, system, action, clock.now())  # type: ignore[arg-type]
        if fault is not None:
            struck = Wire(clock.now(), system, step, "client", fault.id, step, fault.kind, ATTEMPT.get())
            self._stage.journal.write(struck)
        return fault

    def _jump(self, fault: Fault) -> None:
        self._stage.machine.ahead += fault.param("by")
        self.jumped += abs(fault.param("by"))

    def _cancel(self, seconds: float) -> None:
        task = CALL.get()
        if task is not None:
            asyncio.get_running_loop().call_later(seconds, task.cancel)

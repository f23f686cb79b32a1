"""What every simulator behind HTTP does: count a request, let the system admit it, carry it out under faults."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from .effects import EffectLog
from .exchange import CallT, Exchange, Vendor
from .faults import Plan
from .injector import FaultInjector, RequestFacts
from .kinds import Lane
from .request import HttpRequest
from .vocabulary import Traits
from .wire import Receive, Reply, Scope, Send, Wire


class HttpSimulator(Vendor[CallT]):
    """A simulated system behind HTTP, as an ASGI application with an effect log and faults.

    Args:
        plan: Faults; None for none.
        system: The name that plans match on.
        operations: The names of its operations that plans can match on, and the lane of each.
        batches: Those of them that can have several items.
        traits: What kinds of fault it can show; those of a plain system behind HTTP by default.
        seed: Seed in place of the plan's own.
        effects_path: File that the effect log is also written to.
        now: Clock in seconds since 1970; the system's by default.

    Raises:
        PlanError: The plan holds a fault that can never befall this system.
    """

    def __init__(
        self,
        plan: Plan | None,
        *,
        system: str,
        operations: Mapping[str, Lane],
        batches: Collection[str] = (),
        traits: Traits | None = None,
        seed: int | None = None,
        effects_path: str | Path | None = None,
        now: Callable[[], float] | None = None,
    ) -> None:
        self.now = now or time.time
        plan = plan or Plan()
        self.faults = FaultInjector(
            plan if seed is None else plan.with_seed(seed),
            system=system,
            operations=operations,
            batches=batches,
            traits=traits,
            now=self.now,
        )
        self.effects = EffectLog(effects_path)
        self._system, self._operations = system, operations
        self._exchange = Exchange[CallT](self, self.faults)
        self._requests = self.effects.last_request_id

    @abstractmethod
    def admit(self, request: HttpRequest) -> tuple[CallT, RequestFacts] | Reply:
        """What a request asks for, with what faults may match on; or the answer that ends it at the door."""

    def facts(self, operation: str, request: HttpRequest, items: int = 0) -> RequestFacts:
        """What faults may match on.

        Args:
            operation: The simulator's name of what is asked for.
            request: How it is asked for.
            items: How many items a batch has; 0 for other calls.
        """
        sent = (request.target, request.body)
        return RequestFacts(self._system, operation, self._operations[operation], items, sent, request.number)

    @property
    def requests(self) -> int:
        """How many HTTP requests arrived, whatever became of them."""
        return self._requests

    @property
    def outstanding(self) -> int:
        """How many changes were accepted and are not applied yet."""
        return self._exchange.outstanding

    async def settle(self) -> None:
        """Wait until no late commit is outstanding."""
        await self._exchange.settle()

    def close(self) -> None:
        """Close the files."""
        self.effects.close()

    async def asgi(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        if scope["type"] != "http":
            raise RuntimeError(f"the simulator speaks HTTP only, not {scope['type']}")
        wire = Wire(scope, receive, send, self.now)
        body = await wire.request_body()
        if body is None:
            return
        self._requests += 1
        admitted = self.admit(HttpRequest.from_scope(scope, body, self._requests))
        if isinstance(admitted, Reply):
            await wire.answer(admitted)
        else:
            await self._exchange.run(wire, *admitted)

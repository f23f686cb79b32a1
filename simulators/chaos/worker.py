"""One simulated process of Seawall: a wall over the targets of a stage, which can be killed and paused."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from itertools import count
from typing import Any

from ... import Config, Seawall, Sources
from ...core.adapter import Adapter, Surroundings
from ...core.outcome import Outcome
from ...core.redaction import Secrets
from ..virtual_time import LoopClock
from .ledger_watch import cut_off, watch
from .process import Process
from .recording import Journal, RecordedAdapter, Step
from .subject import Subject, opened


class MachineClock(LoopClock):
    """The virtual clock as the machine sees it on which all processes run: its wall clock may be off."""

    def __init__(self, epoch: float) -> None:
        super().__init__(epoch)
        self.ahead = 0.0
        """Seconds by which the wall clock is ahead of everybody else's."""

    def now(self) -> float:
        """Seconds since the epoch, as this machine believes."""
        return super().now() + self.ahead


class Worker:
    """A process that serves calls and recovers. Made by `Worker.start`.

    Args:
        process: Its tasks.
        wall: Its open wall.
    """

    def __init__(self, process: Process, wall: Seawall) -> None:
        self.process = process
        self.wall = wall

    @classmethod
    async def start(
        cls,
        name: str,
        config: Config,
        targets: Mapping[str, tuple[Subject, Any]],
        journal: Journal,
        *,
        seed: int,
        clock: MachineClock,
        step: Step,
        background: bool = True,
    ) -> Worker:
        """Open a wall in a process of its own.

        Args:
            name: The process's name.
            config: The wall's configuration.
            targets: System name → its subject and its target.
            journal: Where everything is written down.
            seed: Seeds its jitter; its ids are counted.
            clock: The machine's clock.
            step: Awaited at each named step of an operation.
            background: Whether it recovers, and carries out what people approved.
        """
        process, numbers, secrets = Process(name), count(1), Secrets()
        salts = random.Random(f"{seed}/{name} salts")  # noqa: S311 -- repeatable on purpose
        sources = Sources(
            clock,
            random.Random(f"{seed}/{name}"),  # noqa: S311 -- repeatable on purpose
            lambda prefix: f"{prefix}_{name}_{next(numbers):04d}",
            lambda: f"{salts.getrandbits(128):032x}",
        )

        async def open_wall() -> Seawall:
            adapters: dict[str, Adapter] = {
                system: RecordedAdapter(
                    opened(subject, target, Surroundings(system, sources, secrets)), system, name, journal, step
                )
                for system, (subject, target) in targets.items()
            }
            wall = Seawall(
                config, adapters=adapters, sources=sources, secrets=secrets, recovery=background, inline_ledger=True
            )
            await wall.__aenter__()
            watch(wall.ledger, journal, name, step)
            return wall

        return cls(process, await process.run(open_wall(), name=f"open {name}"))

    @property
    def name(self) -> str:
        """The process's name."""
        return self.process.name

    @property
    def alive(self) -> bool:
        """Whether it was not killed."""
        return self.process.alive

    def call(self, target: str, request: Any, *, deadline: float | None) -> asyncio.Task[Outcome[Any]]:
        """Begin a call inside it."""
        called = self.wall.call(target, request, deadline=deadline)
        return self.process.run(called, name=f"call {target}", action=target.partition(".")[2])

    def kill(self) -> None:
        """End it at once: what it was about to write down is lost, and what it had sent goes on."""
        cut_off(self.wall.ledger)
        self.process.kill()

    async def leave(self) -> None:
        """Close its wall in good order."""
        if self.alive:
            await self.process.run(self.wall.__aexit__(None, None, None), name=f"leave {self.name}")

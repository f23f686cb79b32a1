"""A campaign: workers that are asked, killed, stopped and replaced, until there were enough kills; then the truth."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from support.postgres_server import PostgresServer

from .crew import Crew, Life
from .judge import Evidence, Figures, figures
from .records import Kind, Strike
from .steps import POWER_CUT, STEPS

SIGNALS = ("SIGKILL", "SIGSTOP")
ANY_INSTANT = "any instant"


@dataclass
class Job:
    """A change to ask for; not by the worker in slot `unless`."""

    kind: Kind
    reference: str
    due: float = 0.0
    unless: int = -1


class Campaign:
    """One campaign.

    Args:
        crew: The workers.
        kills: SIGKILL and SIGSTOP together.
        seed: The same seed asks and strikes alike; what coincides with what is the machine's.
        workers: Worker processes at a time.
        database: A server to be killed now and then, if the ledger is there.
        progress: Told the number of kills so far.
        traps: Steps and signals; all of them if None.
        planted: A bug to plant in the workers, see `planted`.
    """

    def __init__(
        self,
        crew: Crew,
        *,
        kills: int,
        seed: int = 1,
        workers: int = 5,
        database: PostgresServer | None = None,
        progress: Callable[[int], None] = lambda kills: None,
        traps: Sequence[tuple[str, str]] | None = None,
        planted: str = "nothing",
    ) -> None:
        self._crew = crew
        self._kills = kills
        self._workers = workers
        self._database = database
        self._progress = progress
        self._traps = traps or [(step, by) for step in STEPS for by in SIGNALS]
        self._planted = planted
        self._random = random.Random(f"campaign {seed}")
        self._again: list[Job] = []
        self._jobs = 0
        self._power_cuts = 0
        self._dark = False
        self._over = False
        self._closing = False
        self._tasks: set[asyncio.Task[None]] = set()
        crew.on_step = self._sprung

    async def run(self, settled_within: float = 60.0) -> tuple[Evidence, Figures]:
        """Run it; what was written down, and the figures."""
        started = time.monotonic()
        keepers = [asyncio.create_task(self._keep(slot)) for slot in range(self._workers)]
        agents = [asyncio.create_task(self._agent(slot)) for slot in range(self._workers) for _ in range(3)]
        await self._strike()
        self._over = True
        await asyncio.gather(*agents)
        await self._settle(settled_within)
        self._closing = True
        for life in list(self._crew.lives.values()):
            life.tell(do="close")
        await asyncio.gather(*keepers, *self._tasks)
        evidence = await self._crew.evidence()
        return evidence, figures(
            evidence,
            power_cuts=self._power_cuts,
            faults=self._crew.target.faults,
            seconds=time.monotonic() - started,
        )

    async def _settle(self, within: float) -> None:
        """Let recovery finish. The target is calm now, but what is late is still to come."""
        self._crew.target.calm = True
        until = time.monotonic() + within
        while time.monotonic() < until:
            lives = list(self._crew.lives.values())
            for life in lives:
                life.disarm()
            quiet = lives and not self._dark and all(one.ready.is_set() and not one.stopped for one in lives)
            if quiet and await lives[0].settle(until - time.monotonic()) == 0:
                return
            await asyncio.sleep(0.05)

    async def _keep(self, slot: int) -> None:
        """There is always a worker in each slot; one that died is replaced."""
        while not self._closing:
            # No operation is the reason for which workers end here, however often one holds it by chance.
            life = await self._crew.birth(planted=self._planted, crashes=1000)
            life.slot = slot
            await life.gone.wait()
            if not self._expected(life):
                self._crew.mistakes.append(f"worker {life.number} ended by itself: {life.failed or 'see its log'}")
            await asyncio.sleep(self._random.uniform(0.0, 0.1))

    def _expected(self, life: Life) -> bool:
        """Whether a worker that is gone was killed, or told to go, or could not open the ledger for a good reason."""
        if self._closing or any(one.life == life.number and one.by == "SIGKILL" for one in self._crew.strikes):
            return True
        # The server is dark, or a worker is stopped in a commit and locks the file.
        lately = time.monotonic() - 3 * self._crew.times.lease
        stopped = any(one.by == "SIGSTOP" and (one.ended or one.began) > lately for one in self._crew.strikes)
        return life.failed is not None and (self._database is not None or stopped)

    # Strikes -----------------------------------------------------------------------------------------------------

    async def _strike(self) -> None:
        rotation: list[tuple[str, str]] = []
        next_cut = time.monotonic() + 1.0
        while not self._enough():
            await asyncio.sleep(self._random.uniform(0.01, 0.06))
            now = time.monotonic()
            for life in self._crew.lives.values():
                if life.armed is not None and now - life.armed_at > 1.5:
                    rotation.insert(0, life.armed)  # nobody came by
                    life.disarm()
            if self._database is not None and now > next_cut and not self._dark:
                next_cut = now + self._random.uniform(2.0, 4.0)
                if self._random.random() < 0.3:
                    self._cut_power()
                else:
                    self._arm(("verdict", POWER_CUT))
            away = sum(life.stopped or life.armed is not None for life in self._crew.lives.values())
            if away + self._workers - len(self._crew.lives) > self._workers // 2:
                continue
            if self._random.random() < 0.35:
                self._strike_now()
                continue
            rotation = rotation or self._random.sample(self._traps, len(self._traps))
            if self._arm(rotation[-1]):
                rotation.pop()

    def _enough(self) -> bool:
        done = len(self._crew.strikes)
        sprung = {(one.step, one.by) for one in self._crew.strikes}
        return done >= self._kills and (sprung.issuperset(self._traps) or done >= 2 * self._kills)

    def _arm(self, trap: tuple[str, str]) -> bool:
        free = [one for one in self._free() if one.ready.is_set()]
        if free:
            self._random.choice(free).arm(*trap)
        return bool(free)

    def _strike_now(self) -> None:
        if free := self._free():
            life, by = self._random.choice(free), self._random.choice(SIGNALS)
            life.signal(signal.Signals[by])
            self._sprung(life, Strike(life.number, ANY_INSTANT, by, "", "", time.monotonic()))

    def _free(self) -> list[Life]:
        return [one for one in self._crew.lives.values() if not one.stopped and one.armed is None]

    def _sprung(self, life: Life, strike: Strike) -> None:
        if strike.by == POWER_CUT:
            self._cut_power()
            return
        self._crew.strikes.append(strike)
        self._progress(len(self._crew.strikes))
        if strike.by == "SIGSTOP":
            life.stopped = True
            self._soon(self._resume(life, strike))

    async def _resume(self, life: Life, strike: Strike) -> None:
        lease = self._crew.times.lease
        if strike.step.endswith("looked"):
            seconds = 1.02 * lease  # no longer than the horizon that its successor waits
        elif strike.step == ANY_INSTANT:
            seconds = self._random.choice([self._random.uniform(0.05, 0.5), 1.02 * lease])
        else:
            seconds = lease * self._random.uniform(1.1, 1.6)
        await asyncio.sleep(seconds)
        self._crew.resume(life, strike)

    def _cut_power(self) -> None:
        if self._dark or self._database is None:
            return
        self._dark = True
        self._power_cuts += 1
        if self._random.random() < 0.7:
            self._database.kill()
        else:
            self._database.kill_postmaster()
        self._soon(self._restore_power(self._database))

    async def _restore_power(self, database: PostgresServer) -> None:
        await asyncio.sleep(self._random.uniform(0.0, 0.5))
        await asyncio.to_thread(database.start)
        self._dark = False

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Agents ------------------------------------------------------------------------------------------------------

    async def _agent(self, slot: int) -> None:
        """Asks one thing after the other; in part again, when it got no answer, or none that it liked."""
        while not self._over:
            await asyncio.sleep(self._random.uniform(0.0, 0.1))
            life = next((one for one in self._crew.lives.values() if one.slot == slot and one.ready.is_set()), None)
            if life is None:
                continue
            job = self._next_job(slot)
            ask = await self._crew.ask(life, job.kind, job.reference)
            if ask.word != "applied" and self._random.random() < 0.4:
                due = time.monotonic() + self._random.uniform(0.0, 2.0)
                self._again.append(Job(job.kind, job.reference, due, slot))

    def _next_job(self, slot: int) -> Job:
        now = time.monotonic()
        for place, job in enumerate(self._again):
            if job.due <= now and job.unless != slot:
                return self._again.pop(place)
        kind: Kind = self._random.choices(get_args(Kind), weights=(4, 5, 1))[0]
        self._jobs += 1
        job = Job(kind, f"{kind}-{self._jobs}")
        if self._random.random() < 0.2:  # another worker is asked as well, now or later
            later = self._random.choice([0.0, self._random.uniform(0.0, 2.0)])
            self._again.append(Job(kind, job.reference, now + later, slot))
        return job

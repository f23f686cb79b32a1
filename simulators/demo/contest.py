"""One contestant under the faults: systems, a worker that is killed now and then, agents, and at the end the judge."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .agents import Agent
from .figures import Result, judged
from .judge import Claim
from .lines import Child, Message
from .truth import truths
from .workload import Task

CONTESTANTS = ("seawall", "retry", "retry_and_breaker")


@dataclass(frozen=True, slots=True)
class Contest:
    """What every contestant meets.

    Args:
        scripts: The agents' work.
        seed: Seeds faults and kills.
        kills: How often the worker is killed.
        folder: Where files go.
    """

    scripts: list[list[Task]]
    seed: int
    kills: int
    folder: Path


class Run:
    """One contestant's run.

    Args:
        name: The contestant.
        contest: What it meets.
        progress: Called with the number of operations that were dealt with.
    """

    def __init__(self, name: str, contest: Contest, progress: Callable[[int], None]) -> None:
        self._name = name
        self._contest = contest
        self._progress = progress
        self._folder = contest.folder / name
        self._claims: list[Claim] = []
        self._open: dict[int, tuple[Message, asyncio.Future[Message]]] = {}
        self._asks = 0
        self._answers = 0
        self._worker: Child | None = None
        self._listening: asyncio.Task[None] | None = None
        self._final: asyncio.Future[Message] | None = None
        self._kills = 0
        self._done_working = False

    async def run(self) -> Result:
        """Run it, judge it, and end every process that was started."""
        started = time.monotonic()
        self._folder.mkdir()
        targets = await Child.start(f"{__package__}.targets", str(self._contest.seed), str(self._folder))
        try:
            heard = await targets.hear()
            if heard is None:
                raise RuntimeError("the simulated systems did not start; their message is above")
            facts = heard | {"ledger": str(self._folder / "ledger.db")}
            await self._start_worker(facts)
            agents = [
                Agent(f"agent:{number}", tasks, self._ask, facts["customers"], self._claims, self._progress)
                for number, tasks in enumerate(self._contest.scripts)
            ]
            await self._work(agents, facts)
            final = await self._finish()
            targets.tell({"do": "tell"})
            counted = await targets.hear() or {}
        finally:
            await self._stop_worker()
            await targets.end()
        asked = [task for agent in agents for task in agent.asked.values()]
        operations = final.get("operations") if self._name == "seawall" else None
        run = {"kills": self._kills, "seconds": round(time.monotonic() - started, 1)}
        return judged(asked, self._claims, operations, truths(self._folder, counted), run, facts)

    async def _work(self, agents: list[Agent], facts: Message) -> None:
        working = asyncio.gather(*(agent.work() for agent in agents))
        killing = asyncio.create_task(self._kill_now_and_then(facts))
        try:
            await working
            self._done_working = True
            await killing  # a worker that is being replaced is replaced
        finally:
            killing.cancel()

    async def _kill_now_and_then(self, facts: Message) -> None:
        """Kill the worker while it has much in hand, at moments spread over the run."""
        draw = random.Random(f"kills {self._contest.seed}")  # noqa: S311 -- a seeded simulation
        total = sum(len(tasks) for tasks in self._contest.scripts)
        for number in range(1, self._contest.kills + 1):
            due = total * number / (self._contest.kills + 1)
            while self._answers < due or not self._open:
                if self._done_working:
                    return
                await asyncio.sleep(0.02)
            await asyncio.sleep(draw.uniform(0, 0.1))
            await self._stop_worker()
            await self._start_worker(facts)
            self._kills += 1

    async def _ask(self, agent: str, action: str, request: Message) -> Message:
        self._asks += 1
        job = {"ask": self._asks, "agent": agent, "action": action, "request": request}
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._open[self._asks] = (job, answer)
        if self._worker is not None:
            self._worker.tell(job)
        return await answer

    async def _start_worker(self, facts: Message) -> None:
        if self._name == "seawall":
            worker = await Child.start(f"{__package__}.seawall_worker", json.dumps(facts))
        else:
            worker = await Child.start(f"{__package__}.usual_worker", self._name, json.dumps(facts))
        if await worker.hear() is None:
            await worker.kill()
            raise RuntimeError(f"the worker of {self._name} did not start; its message is above")
        self._worker = worker
        self._listening = asyncio.create_task(self._listen(worker))
        for job, _ in list(self._open.values()):
            worker.tell(job)  # what was never answered is given again, as every queue does

    async def _stop_worker(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.kill()
        if self._listening is not None:
            await self._listening

    async def _listen(self, worker: Child) -> None:
        while (message := await worker.hear()) is not None:
            if "final" in message and self._final is not None:
                self._final.set_result(message["final"])
            elif "ask" in message and message["ask"] in self._open:
                self._answers += 1
                _, answer = self._open.pop(message["ask"])
                if not answer.done():
                    answer.set_result(message)
        if self._final is not None and not self._final.done():
            self._final.set_exception(RuntimeError(f"the worker of {self._name} ended; its message is above"))

    async def _finish(self) -> Message:
        self._final = asyncio.get_running_loop().create_future()
        assert self._worker is not None
        self._worker.tell({"do": "finish"})
        return await self._final

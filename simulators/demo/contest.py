"""One contestant under the plan: an org, a worker that is killed now and then, agents, and at the end the judge."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..effects import EffectLog
from .agents import Agent
from .judge import Claim, Verdict, Wanted, Word, judge
from .lines import Child, Message
from .workload import Task

CONTESTANTS = ("seawall", "retry", "retry_and_breaker")
_STATUS: dict[str, Word] = {"applied": "applied", "rejected": "rejected", "parked": "parked"}


@dataclass(frozen=True, slots=True)
class Contest:
    """What every contestant meets.

    Args:
        scripts: The agents' work.
        plan: The fault plan.
        seed: Seeds faults and kills.
        kills: How often the worker is killed.
        folder: Where files go.
    """

    scripts: list[list[Task]]
    plan: Path
    seed: int
    kills: int
    folder: Path


@dataclass(frozen=True, slots=True)
class Result:
    """How a contestant did.

    Args:
        figures: The figures of its row.
        verdict: What the judge found.
        operations: For `seawall`: its ledger's last word on each operation.
        unresolved: Requests that were left open.
    """

    figures: dict[str, Any]
    verdict: Verdict
    operations: list[Message]
    unresolved: tuple[str, ...]


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

    async def run(self) -> Result:
        """Run it, judge it, and end every process that was started."""
        started = time.monotonic()
        self._folder.mkdir()
        effects = self._folder / "effects.jsonl"
        org = await Child.start(f"{__package__}.org", str(self._contest.seed), str(self._contest.plan), str(effects))
        try:
            facts = await org.hear()
            if facts is None:
                raise RuntimeError("the simulated org did not start; its message is above")
            await self._start_worker(facts)
            agents = [
                Agent(f"agent:{number}", tasks, self._ask, self._claims, self._progress)
                for number, tasks in enumerate(self._contest.scripts)
            ]
            await self._work(agents, facts)
            final = await self._finish()
            org.tell({"do": "tell"})
            counted = await org.hear() or {"calls": 0, "faults": 0}
        finally:
            await self._stop_worker()
            await org.end()
        return self._judged(agents, final, counted, EffectLog.read(effects), time.monotonic() - started)

    async def _work(self, agents: list[Agent], facts: Message) -> None:
        working = asyncio.gather(*(agent.work() for agent in agents))
        killing = asyncio.create_task(self._kill_now_and_then(facts))
        try:
            await working
        finally:
            killing.cancel()
            await asyncio.gather(killing, return_exceptions=True)

    async def _kill_now_and_then(self, facts: Message) -> None:
        """Kill the worker while it has much in hand, at moments spread over the run."""
        draw = random.Random(f"kills {self._contest.seed}")  # noqa: S311 -- a seeded simulation
        total = sum(len(tasks) for tasks in self._contest.scripts)
        for number in range(1, self._contest.kills + 1):
            due = total * number / (self._contest.kills + 1)
            while self._answers < due:  # noqa: ASYNC110 -- a count is watched
                await asyncio.sleep(0.02)
            await asyncio.sleep(draw.uniform(0, 0.1))
            await self._stop_worker()
            await self._start_worker(facts)

    async def _ask(self, agent: str, action: str, request: Message) -> Message:
        self._asks += 1
        job = {"ask": self._asks, "agent": agent, "action": action, "request": request}
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._open[self._asks] = (job, answer)
        if self._worker is not None:
            self._worker.tell(job)
        return await answer

    async def _start_worker(self, facts: Message) -> None:
        facts = facts | {"ledger": str(self._folder / "ledger.db")}
        if self._name == "seawall":
            worker = await Child.start(f"{__package__}.seawall_worker", json.dumps(facts))
        else:
            worker = await Child.start(f"{__package__}.usual_worker", self._name, json.dumps(facts))
        if await worker.hear() is None:
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

    def _judged(
        self, agents: list[Agent], final: Message, counted: Message, effects: list[Any], seconds: float
    ) -> Result:
        asked = [task for agent in agents for task in agent.asked]
        wanted = [
            Wanted(token, task.kind, task.case, order) for order, task in enumerate(asked) for token in task.tokens
        ]
        operations = final.get("operations", [])
        # What never became an operation (held back before the ledger, say) has only what the agent was told.
        words = _last_claims(self._claims) | _last_words(asked, operations)
        # An agent that could not even read the case never asked for the change.
        wanted = [one for one in wanted if one.token in words]
        verdict = judge(wanted, self._claims, words, effects)
        counts = {word: sum(1 for one in wanted if words.get(one.token) == word) for word in ("applied", "rejected")}
        counts["parked"] = sum(1 for one in wanted if words.get(one.token) == "parked")
        open_ = [one for one in wanted if words.get(one.token) not in ("applied", "rejected", "parked")]
        figures = {
            "operations": len(wanted),
            **counts,
            "partial": sum(_is_partial(task, words) for task in asked),
            "unresolved": len(open_),
            "unexplained": _unexplained(operations, self._claims),
            "duplicates": len(verdict.duplicates),
            "lost": len(verdict.lost),
            "phantom_failures": len(verdict.phantom_failures),
            "calls_per_operation": round(counted["calls"] / max(1, len(wanted)), 2),
            "kills": self._contest.kills,
            "faults": counted["faults"],
            "seconds": round(seconds, 1),
        }
        return Result(figures, verdict, operations, tuple(one.token for one in open_))


def _last_words(asked: list[Task], operations: list[Message]) -> dict[str, Word]:
    """The ledger's last word on each request; one that took several operations is applied if any of them is."""
    closes = {task.case: task.token for task in asked if task.kind == "close"}
    cases: dict[str, str] = {}
    for one in operations:
        if one["action"] == "create_case" and one.get("record"):
            cases[one["record"]] = one["request"]["reference"]
    words: dict[str, Word] = {}
    for one in operations:
        token = one["request"].get("reference") or _token(one["request"].get("description") or "")
        if token is None:
            token = closes.get(cases.get(one["request"]["case_id"]))
        if token is None:
            continue
        word: Word = _STATUS.get(one["status"], "unknown")
        words[token] = max(words.get(token, "rejected"), word, key=_STRENGTH.index)
    return words


_STRENGTH: list[Word] = ["rejected", "applied", "parked", "unknown"]  # what leaves more open speaks louder


def _last_claims(claims: list[Claim]) -> dict[str, Word]:
    words: dict[str, Word] = {}
    for claim in sorted(claims, key=lambda one: one.at):
        words[claim.token] = claim.word
    return words


def _token(text: str) -> str | None:
    at = text.find("REQ-")
    return text[at : at + 9] if at >= 0 else None


def _is_partial(task: Task, words: dict[str, Word]) -> bool:
    return task.kind == "batch" and len({words.get(item) for item in task.items}) > 1


def _unexplained(operations: list[Message], claims: list[Claim]) -> int:
    """Requests of which nobody can say whether they happened, and nothing explains why.

    Seawall: unknown or parked operations without recorded evidence. The usual way: whatever ended in a timeout or a
    5xx; it was called a failure, and nobody looks into it.
    """
    if operations:
        open_ = ("unknown", "parked", "running")
        return sum(1 for one in operations if one["status"] in open_ and not one["explained"])
    last = {claim.token: claim for claim in sorted(claims, key=lambda one: one.at)}
    return sum(1 for claim in last.values() if claim.word == "rejected" and not claim.sure)

"""The people of a stage: they are asked about writes, and decide some time later, in a process of their own."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

from ...core.action import EffectClass
from ...core.errors import InvalidRequest, LedgerUnavailable
from ...core.ledger.approval_records import ApprovalStatus
from ..origin import outside
from .entries import Decided
from .scenario import People
from .worker import Worker

if TYPE_CHECKING:
    from .stage import Stage

PERSON, _ROLE = "eve", "lead"
_AGAIN = 5.0  # seconds until somebody whose decision could not be recorded tries again


def configured(people: People | None, systems: tuple[str, ...]) -> dict[str, Any]:
    """The parts of a configuration that are about people.

    Args:
        people: Who must approve writes; nobody if None.
        systems: The systems.
    """
    everything = {"name": "everything", "decision": "allow"}
    if people is None:
        return {"policy": [everything], "approvals": {"interval": 86_400.0}}  # nobody is asked for anything
    asks: dict[str, Any] = {"name": "people", "decision": "require_approval", "approval": {"role": _ROLE}}
    if people.actions:
        asks["actions"] = [f"{system}.{action}" for system in systems for action in people.actions]
    else:
        asks["effects"] = [effect.value for effect in EffectClass if effect is not EffectClass.READ]
    return {
        "people": {PERSON: {"roles": [_ROLE]}},
        "approvals": {"interval": 20.0},  # looks at the ledger cost real time
        "policy": [asks, everything],
    }


class Desk:
    """Where people decide; nothing kills or holds this process.

    Args:
        stage: The stage.
        people: How they decide.
        worker: The process.
    """

    def __init__(self, stage: Stage, people: People, worker: Worker) -> None:
        self._stage = stage
        self._people = people
        self._worker = worker
        self._random = random.Random(f"{stage.seed}/people")  # noqa: S311 -- repeatable on purpose
        self._deciding: dict[str, asyncio.Task[None]] = {}
        stage.journal.asked = self._asked

    async def any_open(self) -> bool:
        """Whether anything waits for people, or to be carried out; they hear of what nobody told them."""
        waiting = self._worker.wall.approvals.find(status=ApprovalStatus.WAITING, limit=1000)
        for standing in await self._worker.process.run(waiting, name="look"):
            self._asked(standing.approval.id)
        return bool(await self._worker.process.run(self._worker.wall.ledger.approvals.any_open(), name="look"))

    async def leave(self) -> None:
        """Close the process."""
        for task in self._deciding.values():
            task.cancel()
        await self._worker.leave()

    def _asked(self, approval_id: str) -> None:
        if approval_id not in self._deciding:
            work = self._decide(approval_id, refuses=self._random.random() < self._people.rejects)
            self._deciding[approval_id] = asyncio.get_running_loop().create_task(work, context=outside())

    async def _decide(self, approval_id: str, *, refuses: bool) -> None:
        await self._stage.clock.sleep(self._people.after)
        approvals, journal = self._worker.wall.approvals, self._stage.journal
        journal.write(Decided(self._stage.clock.now(), approval_id, not refuses))
        while True:
            decision = (
                approvals.reject(approval_id, by=PERSON, message="not this one")
                if refuses
                else approvals.approve(approval_id, by=PERSON)
            )
            try:
                await self._worker.process.run(decision, name="decide")
            except InvalidRequest:
                return  # it ended meanwhile, or was replaced
            except LedgerUnavailable:
                await self._stage.clock.sleep(_AGAIN)
            else:
                return

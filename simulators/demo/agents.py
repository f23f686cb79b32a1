"""How the agents of the demonstration behave: they ask, ask again, reword, and build on what they were told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeAlias, get_args

from .judge import Claim, Word
from .lines import Message
from .workload import Task

Ask: TypeAlias = Callable[[str, str, Message], Awaitable[Message]]
"""Asks a worker: agent, action, request."""

_TRIES = 3
_PATIENCE = 25  # times an agent asks again for something that is not known yet
_PAUSE = 0.5
_WORDS = get_args(Word)


class Agent:
    """One agent and its work.

    Args:
        name: Its name.
        tasks: What it does, in order.
        ask: Asks a worker.
        customers: What each customer has in each system from the start.
        claims: Everything it is told goes here.
        done: Called with the number of operations after each task.
    """

    def __init__(
        self,
        name: str,
        tasks: list[Task],
        ask: Ask,
        customers: list[Message],
        claims: list[Claim],
        done: Callable[[int], None],
    ) -> None:
        self._name = name
        self._tasks = tasks
        self._ask = ask
        self._customers = customers
        self._claims = claims
        self._done = done
        self._cases: dict[str, str] = {}
        self.asked: dict[str, Task] = {}

    async def work(self) -> None:
        """Do everything; what depends on a case that never came about is left out."""
        for task in self._tasks:
            if task.case is None or task.case in self._cases:
                for round_ in range(1 + task.again):
                    await asyncio.gather(*(self._get_done(task, round_) for _ in range(task.at_once)))
            self._done(len(task.tokens))

    async def _get_done(self, task: Task, round_: int) -> None:
        action, request = await self._request(task, round_)
        failures = 0
        for _ in range(_PATIENCE):
            if request is None:
                return
            self.asked.setdefault(task.token, task)
            answer = await self._ask(self._name, action, request)
            task = self._note(task, answer)
            word = _word_on_all(answer)
            if word == "rejected" and failures < _TRIES - 1 and answer.get("code") != "same_identity_other_content":
                failures += 1
                if answer.get("code") == "entity_unsettled":
                    failures -= 1
                elif task.kind in ("update", "close", "order"):
                    action, request = await self._request(task, round_)
            elif word != "unknown" or task.kind == "workflow":
                return
            if task.kind == "batch":
                action, request = await self._request(task, round_)
            await asyncio.sleep(_PAUSE)

    def _note(self, task: Task, answer: Message) -> Task:
        """Note what was told; the answer is what is left of the task."""
        if answer["word"] == "partial":
            told = list(zip(task.items, (item["word"] for item in answer["items"]), strict=True))
        else:
            told = [(token, answer["word"]) for token in task.tokens]
        # Being told that the identity is taken by other words is no word on the request itself.
        if answer.get("code") != "same_identity_other_content":
            at, sure = answer["at"], answer.get("sure", True)
            self._claims += [Claim(token, word, at, sure) for token, word in told if word in _WORDS]
        if task.kind == "create" and answer["word"] == "applied":
            self._cases[task.token] = answer["record"]
        left = tuple(token for token, word in told if word in ("rejected", "unknown"))
        return replace(task, items=left) if task.items and left else task

    async def _request(self, task: Task, round_: int) -> tuple[str, Message | None]:
        words = task.content(task.token, round_)
        if task.customer is not None:
            return await self._elsewhere(task, words, self._customers[task.customer])
        case = self._cases.get(task.case or "", "")
        match task.kind:
            case "create":
                return "crm.create_case", _case(task.token, words)
            case "batch":
                cases = [_case(token, task.content(token)) for token in task.items]
                return "crm.create_cases", {"cases": cases, "all_or_none": task.all_or_none}
            case "comment":
                return "crm.add_case_comment", {"case_id": case, "reference": task.token, "body": words}
            case "follow_up":
                return "crm.create_follow_up", {"case_id": case, "reference": task.token, "subject": words}
            case "workflow":
                inputs = {"caseId": case, "reason": words}
                return "crm.trigger_workflow", {"flow": "Escalate_Case", "reference": task.token, "inputs": inputs}
        seen = await self._read("crm.get_case", {"case_id": case})
        if seen is None:
            return "crm.get_case", None
        request = {"case_id": case, "version": seen["version"]}
        if task.kind == "update":
            return "crm.update_case", request | {"description": words}
        return "crm.close_case", request

    async def _elsewhere(self, task: Task, words: str, customer: Message) -> tuple[str, Message | None]:
        """What a support case needs outside the main CRM."""
        match task.kind:
            case "credit":
                seen = await self._read("support.get_case", {"case_id": customer["case"]})
                lines = [{"item_id": "7", "amount": "12.50"}]
                request = {"customer_id": customer["customer"], "lines": lines, "currency_id": "4", "memo": words}
                return "billing.create_credit_memo", None if seen is None else request | {"reference": task.token}
            case "order":
                seen = await self._read("orders.get_order", {"order_no": customer["order"]})
                request = {"order_no": customer["order"], "reference": task.token, "note": words}
                return "orders.change_order", None if seen is None else request | {"version": seen["version"]}
            case "note":
                about = {"case_id": customer["case"], "subject": task.token}
                return "support.add_note", {**about, "reference": task.token, "body": words}
            case _:
                about = {"record_type": "contacts", "record_id": customer["contact"]}
                return "sales.add_note", {**about, "reference": task.token, "body": words}

    async def _read(self, action: str, request: Message) -> Message | None:
        for _ in range(_PATIENCE):
            answer = await self._ask(self._name, action, request)
            if answer["word"] == "applied":
                value: Message = answer["value"]
                return value
            await asyncio.sleep(_PAUSE)
        return None


def _word_on_all(answer: Message) -> str:
    """The word on a whole batch: the one that leaves most to do."""
    words = {item["word"] for item in answer["items"]} if answer["word"] == "partial" else {answer["word"]}
    return next((word for word in ("unknown", "rejected") if word in words), "applied")


def _case(reference: str, subject: str) -> dict[str, Any]:
    return {"reference": reference, "subject": subject, "priority": "High"}

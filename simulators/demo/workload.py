"""What the agents want: business requests, each with a token in its content by which a judge knows its effects."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal[
    "create", "batch", "update", "close", "comment", "follow_up", "workflow", "credit", "order", "note", "mention"
]

SYSTEMS = ("crm", "support", "sales", "billing", "orders")
"""The systems that the agents work in: Salesforce, SuiteCRM, HubSpot, a SOAP ERP and a legacy SQL database."""

_SYSTEM_OF: Mapping[Kind, str] = {"credit": "billing", "order": "orders", "note": "support", "mention": "sales"}

CUSTOMERS = 40
"""Customers that are there from the start, each with a case, a contact and an order."""

_TOPICS = ("printer on fire", "invoice 4711 wrong", "login fails", "parcel lost", "refund late", "contract ends")
_WORDINGS = ("Customer reports: {}", "{} (customer says)", "Please look into: {}", "Again: {}")


@dataclass(frozen=True, slots=True)
class Task:
    """One thing an agent wants done.

    Args:
        token: Unique; part of the content that is written. For a batch: of the batch, its items have their own.
        kind: What is to be done.
        text: Words for it.
        case: Token of the case it is about, for what changes or adds to a case of the CRM.
        customer: Number of the customer that a support case is about, for what is done in the other systems.
        items: Tokens of the items of a batch.
        all_or_none: Whether a batch is to be all or nothing.
        at_once: How many times the agent asks at the same moment.
        again: How many times it asks again later, although it has an answer.
        reworded: Whether it words it differently when it asks again.
    """

    token: str
    kind: Kind
    text: str
    case: str | None = None
    customer: int | None = None
    items: tuple[str, ...] = ()
    all_or_none: bool = False
    at_once: int = 1
    again: int = 0
    reworded: bool = False

    @property
    def system(self) -> str:
        """The system in which it is to be done."""
        return _SYSTEM_OF.get(self.kind, "crm")

    @property
    def tokens(self) -> tuple[str, ...]:
        """The operations it stands for."""
        return self.items or (self.token,)

    def worded(self, round_: int) -> str:
        """The words of the `round_`-th time of asking."""
        return self.text if not (self.reworded and round_) else _WORDINGS[round_ % len(_WORDINGS)].format(self.text)

    def content(self, token: str, round_: int = 0) -> str:
        """What is written for one of its tokens, the `round_`-th time of asking; empty for a close, which has none."""
        return "" if self.kind == "close" else f"{self.worded(round_)} {token}"

    def contents(self, token: str) -> tuple[str, ...]:
        """Everything that one of its tokens may be asked for with."""
        return tuple({self.content(token, round_): None for round_ in range(1 + self.again)})


@dataclass(slots=True)
class _Numbers:
    next: int = 0
    drawn: random.Random = field(default_factory=random.Random)

    def token(self) -> str:
        self.next += 1
        return f"REQ-{self.next:05d}"


def scripts(operations: int, agents: int, seed: int) -> list[list[Task]]:
    """What each agent does, one after the other; about `operations` operations in all.

    Args:
        operations: Single writes, the items of batches counted one by one.
        agents: Agents that work at the same time.
        seed: The same seed gives the same work.
    """
    numbers = _Numbers(drawn=random.Random(f"workload {seed}"))  # noqa: S311 -- a seeded simulation
    found: list[list[Task]] = [[] for _ in range(agents)]
    customers = itertools.count()
    planned, turn = 0, 0
    while planned < operations:
        work = _work(numbers, customers)
        found[turn % agents].extend(work)
        planned += sum(len(task.tokens) for task in work)
        turn += 1
    return found


def _work(numbers: _Numbers, customers: Iterator[int]) -> list[Task]:
    drawn = numbers.drawn.random()
    if drawn < 0.4:
        return _support_case(numbers, next(customers) % CUSTOMERS)
    return _one_case(numbers) if drawn < 0.9 else [_batch(numbers)]


def _support_case(numbers: _Numbers, customer: int) -> list[Task]:
    """Somebody complains: a credit is booked, the order is changed, and it is noted in both CRMs of the house."""
    credit = _task(numbers, "credit", customer=customer, at_once=numbers.drawn.choice((1, 1, 2)))
    kinds: tuple[Kind, ...] = ("order", "note", "mention")
    return [credit, *(_task(numbers, kind, customer=customer) for kind in kinds)]


def _one_case(numbers: _Numbers) -> list[Task]:
    draw = numbers.drawn
    case = _task(numbers, "create", at_once=draw.choice((1, 1, 1, 2)), reworded=draw.random() < 0.5)
    kinds: list[Kind] = ["comment", "follow_up", "update", "comment", "update", "workflow"]
    chosen = draw.sample(kinds, k=draw.randint(2, 4))
    work = [case, *(_task(numbers, kind, case=case.token) for kind in chosen)]
    if draw.random() < 0.5:
        work.append(_task(numbers, "close", case=case.token))
    return work


def _task(numbers: _Numbers, kind: Kind, **facts: Any) -> Task:
    draw = numbers.drawn
    again = draw.choice((0, 0, 0, 1)) if kind not in ("update", "close", "order") else 0
    return Task(numbers.token(), kind, draw.choice(_TOPICS), again=again, **facts)


def _batch(numbers: _Numbers) -> Task:
    draw = numbers.drawn
    token = numbers.token()
    items = tuple(numbers.token() for _ in range(draw.randint(5, 20)))
    return Task(token, "batch", draw.choice(_TOPICS), items=items, all_or_none=draw.random() < 0.25)

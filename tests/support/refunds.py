"""A desk that refunds money, whose effects are counted, and a wall around it that asks people about large refunds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from seawall import Config, Seawall, Sources
from seawall.core.adapter import (
    Absent,
    Action,
    Adapter,
    Attempt,
    ClientId,
    ConnectorSettings,
    EffectClass,
    Finding,
    NaturalKey,
    Observation,
    Present,
    Reply,
    Request,
    Sent,
    Surroundings,
    fresh,
)
from seawall.core.errors import ConnectFailed, Forbidden, NotFound, PreconditionFailed, ReplyTimeout

from .virtual import sources

ADA, EVE, BOB, KIM = "agent:ada", "eve", "bob", "kim"
PEOPLE = {
    EVE: {"roles": ["support-lead"]},
    BOB: {"roles": ["support-lead"], "principals": ["person:bob"]},
    KIM: {"roles": ["clerk"]},
}


class Refunded(Reply):
    """A refund."""

    id: str
    amount: int


class Refund(Request[Refunded]):
    """Give money back for an order."""

    order: str
    amount: int
    note: str = ""


class Account(Reply):
    """An account as it is."""

    account: str
    limit: int
    version: str


class SetLimit(Request[Account]):
    """Overwrite an account's limit."""

    account: str
    limit: int


class GetAccount(Request[Account]):
    """Read an account."""

    account: str


@dataclass
class Desk:
    """The truth: refunds by key, accounts, and what happens on the wire next.

    `script`: `ok`, `lost after`, `lost before`. `down`: nothing answers. `unreadable`: reads do not. `slow`: seconds
    until a refund is answered.
    """

    refunds: list[tuple[str, str, int]] = field(default_factory=list)
    accounts: dict[str, tuple[int, int]] = field(default_factory=lambda: {"acme": (100, 1)})
    limits: list[tuple[str, int]] = field(default_factory=list)
    script: list[str] = field(default_factory=list)
    down: bool = False
    unreadable: bool = False
    slow: float = 0.0
    reads: int = 0
    sends: int = 0

    def step(self) -> str:
        if self.down:
            raise ConnectFailed("refused", code="connect")
        return self.script.pop(0) if self.script else "ok"


REFUND = Action(
    name="refund",
    description="Gives money back.",
    request=Refund,
    reply=Refunded,
    effect=EffectClass.CREATE,
    identity=("order",),
    dedupe=ClientId("key"),
    probe=fresh(),
    horizon=60.0,
)
SET_LIMIT = Action(
    name="set_limit",
    description="Overwrites the limit of an account.",
    request=SetLimit,
    reply=Account,
    effect=EffectClass.SET,
    identity=("account", "limit"),
    entity="account",
    dedupe=NaturalKey(("limit",), pre_image=True),
    probe=fresh(),
    horizon=60.0,
    observation=Observation("get_account", lambda request: GetAccount(account=request.account), "version"),
)
GET_ACCOUNT = Action(
    name="get_account", description="Reads an account.", request=GetAccount, reply=Account, effect=EffectClass.READ
)


class DeskSettings(ConnectorSettings):
    """None."""


class DeskAdapter(Adapter):
    """The connector of a desk."""

    kind: ClassVar[str] = "desk"
    version: ClassVar[str] = "1"
    settings_model = DeskSettings

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.keys: dict[str, tuple[str, int]] = {}

    @classmethod
    def open(cls, settings: Any, surroundings: Surroundings) -> DeskAdapter:
        return cls(Desk())

    @property
    def actions(self) -> Mapping[str, Action]:
        return {action.name: action for action in (REFUND, SET_LIMIT, GET_ACCOUNT)}

    def account(self, name: str) -> Account:
        if name not in self.desk.accounts:
            raise NotFound("no such account", code="MISSING")
        limit, version = self.desk.accounts[name]
        return Account(account=name, limit=limit, version=str(version))

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        step, request = self.desk.step(), attempt.request
        if isinstance(request, GetAccount):
            self.desk.reads += 1
            if self.desk.unreadable:
                raise Forbidden("reads are not allowed now", code="READS")
            return Sent(self.account(request.account))
        self.desk.sends += 1
        if step == "lost before":
            raise ReplyTimeout("no answer", code="timeout")
        if isinstance(request, Refund):
            if attempt.key not in [key for key, _, _ in self.desk.refunds]:
                self.desk.refunds.append((attempt.key, request.order, request.amount))
            await asyncio.sleep(self.desk.slow)
            answer: Any = Refunded(id=f"r-{request.order}", amount=request.amount)
        else:
            assert isinstance(request, SetLimit)
            if request.account == "locked":
                raise PreconditionFailed("it is locked", code="LOCKED")
            limit, version = self.desk.accounts[request.account]
            if (request.account, request.limit) not in self.desk.limits:
                self.desk.limits.append((request.account, request.limit))
                self.desk.accounts[request.account] = (request.limit, version + 1)
            answer = self.account(request.account)
        if step == "lost after":
            raise ReplyTimeout("no answer", code="timeout")
        return Sent(answer, getattr(answer, "id", request.model_dump().get("account")))

    async def probe(self, action: Action, attempt: Attempt) -> Finding:
        self.desk.step()
        request = attempt.request
        if isinstance(request, Refund):
            found = [amount for key, _, amount in self.desk.refunds if key == attempt.key]
            return Present(Refunded(id=f"r-{request.order}", amount=found[0])) if found else Absent()
        assert isinstance(request, SetLimit)
        done = (request.account, request.limit) in self.desk.limits
        return Present(self.account(request.account)) if done else Absent()

    async def close(self) -> None:
        pass


def rule(**approval: Any) -> dict[str, Any]:
    """A rule that asks support leads."""
    return {
        "name": "ask",
        "decision": "require_approval",
        "actions": ["desk.refund", "desk.set_limit"],
        "approval": {"role": "support-lead", "expires": 3600.0, **approval},
    }


READS = {"name": "reads", "decision": "allow", "effects": ["read"]}


@asynccontextmanager
async def refund_wall(
    folder: Path,
    *,
    desk: Desk | None = None,
    policy: list[dict[str, Any]] | None = None,
    background: bool = False,
    ledger: dict[str, Any] | None = None,
    given: Sources | None = None,
    seed: int = 1,
    **more: Any,
) -> AsyncIterator[tuple[Seawall, Desk]]:
    """An open wall around a desk; by default every write is asked of a support lead."""
    desk = desk or Desk()
    place = ledger or {"path": str(folder / "ledger.db"), "lease": 30.0}
    config = Config.model_validate(
        {
            "ledger": place,
            "systems": {"desk": {"connector": "desk"}},
            "people": PEOPLE,
            "policy": [rule(), READS] if policy is None else policy,
            **more,
        }
    )
    wall = Seawall(
        config,
        adapters={"desk": DeskAdapter(desk)},
        sources=given or sources(seed),
        recovery=background,
        inline_ledger="url" not in place and given is None,
    )
    async with wall:
        yield wall, desk

"""The connector for the target, with a trap at each of its steps."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Mapping
from itertools import count
from typing import Any, ClassVar

from seawall.core.adapter import (
    Absent,
    Action,
    Adapter,
    Attempt,
    ConnectorSettings,
    EffectClass,
    Finding,
    Many,
    Marker,
    NativeKey,
    NoDedupe,
    Present,
    Reply,
    Request,
    Sent,
    Surroundings,
    fresh,
)
from seawall.core.errors import (
    BusinessRule,
    ConnectFailed,
    ConnectionLost,
    GatewayError,
    IntegrationError,
    NotSent,
    Throttled,
)

from .steps import Traps


class Added(Reply):
    """What was added."""

    id: str
    text: str


class Add(Request[Added]):
    """Add something."""

    reference: str
    text: str


def _action(name: str, **facts: Any) -> Action:
    return Action(
        name=name,
        description="Adds something.",
        request=Add,
        reply=Added,
        effect=EffectClass.CREATE,
        identity=("reference",),
        **facts,
    )


def actions(horizon: float) -> dict[str, Action]:
    """One action for each dedupe means."""
    found = (
        _action("keyed", dedupe=NativeKey(3600.0)),
        _action("marked", dedupe=Marker("key"), probe=fresh(), horizon=horizon),
        _action("plain", dedupe=NoDedupe()),
    )
    return {action.name: action for action in found}


_ERRORS: dict[str, IntegrationError] = {
    "failed": GatewayError("the target failed", code="500"),
    "refused": BusinessRule("the target does not want it", code="RULE"),
    "throttled": Throttled("too fast", code="SLOW"),
}


class LineAdapter(Adapter):
    """Speaks to the target.

    Args:
        path: Its socket.
        traps: What to do at which step.
        life: The worker's number.
        horizon: Declared late-commit horizon, in seconds.
        poison: A reference that ends every process that touches it.
    """

    kind: ClassVar[str] = "lines"
    version: ClassVar[str] = "1"
    settings_model = ConnectorSettings

    def __init__(self, path: str, traps: Traps, life: int, horizon: float, poison: str = "") -> None:
        self._path = path
        self._traps = traps
        self._life = life
        self._poison = poison
        self._numbers = count(1)
        self._actions = actions(horizon)

    @classmethod
    def open(cls, settings: Any, surroundings: Surroundings) -> LineAdapter:
        raise NotImplementedError("made by the worker")

    @property
    def actions(self) -> Mapping[str, Action]:
        return self._actions

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        request = self._request(attempt)
        token = f"{self._life}-{next(self._numbers)}"
        prefix = "resend " if attempt.maybe_applied else ""
        place = (attempt.operation_id, token)
        reader, writer = await self._connect()
        try:
            # With the connection at hand: between here and the last look nothing waits, so that only the look itself
            # can stop a worker that was stopped here, and not a timeout that ran out meanwhile.
            self._traps.reach(f"{prefix}fenced", *place)
            if not attempt.may_send():
                # Nobody may have taken it: a repetition asks the ledger and not the clock.
                raise NotSent("our lease may have lapsed", code="lost_lease", transient=True)
            # A worker that is stopped here sends when it goes on: so late that only a prompt commit is within the
            # horizon that its successor waits.
            prompt = self._traps.reach(f"{prefix}looked", *place)
            message = {
                "do": "write",
                "key": attempt.key,
                "reference": request.reference,
                "text": request.text,
                "unique": action.name == "keyed",
                "operation": attempt.operation_id,
                "life": self._life,
                "token": token,
                "first": not attempt.maybe_applied,
                "prompt": prompt,
            }
            writer.write(json.dumps(message).encode() + b"\n")
            self._traps.reach(f"{prefix}sent", *place)
            answer = await self._read(reader)
        finally:
            writer.close()
        self._traps.reach(f"{prefix}replied", *place)
        if (name := answer.get("error")) is not None:
            known = _ERRORS[name]
            raise type(known)(known.message, code=known.code, retry_after=answer.get("retry_after"))
        return Sent(Added(**answer["done"]), answer["done"]["id"])

    async def probe(self, action: Action, attempt: Attempt) -> Finding:
        request = self._request(attempt)
        self._traps.reach("probe", attempt.operation_id)
        reader, writer = await self._connect()
        try:
            writer.write(json.dumps({"do": "probe", "key": attempt.key}).encode() + b"\n")
            self._traps.reach("probe sent", attempt.operation_id)
            found = (await self._read(reader))["found"]
        finally:
            writer.close()
        if len(found) > 1:
            return Many(tuple(one["id"] for one in found))
        if not found:
            return Absent()
        (one,) = found
        return Present(Added(**one), one["id"], differs=() if one["text"] == request.text else ("text",))

    def _request(self, attempt: Attempt) -> Add:
        assert isinstance(attempt.request, Add)
        if attempt.request.reference == self._poison:
            os.kill(os.getpid(), signal.SIGKILL)
        return attempt.request

    async def close(self) -> None:
        """Nothing is kept open."""

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            return await asyncio.open_unix_connection(self._path)
        except OSError as error:
            raise ConnectFailed(str(error), code="connect") from None

    @staticmethod
    async def _read(reader: asyncio.StreamReader) -> dict[str, Any]:
        try:
            line = await reader.readline()
        except OSError as error:
            raise ConnectionLost(str(error), code="reset") from None
        if not line.endswith(b"\n"):
            raise ConnectionLost("the connection ended before an answer", code="closed")
        answer: dict[str, Any] = json.loads(line)
        return answer

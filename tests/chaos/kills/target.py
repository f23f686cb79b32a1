"""The target: a server in the campaign's own process, with an effect log that workers cannot see.

One JSON line in, one out, over a Unix socket. It commits and answers late, commits late and never answers, fails
before and after the commit, breaks the connection before and after it, refuses, and turns away. It goes on with
whatever it has read when its client is dead.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
import zlib
from pathlib import Path
from typing import Any

from .records import Arrival, Effect, Times

FAULTS = {
    "none": 60,
    "slow": 6,
    "late": 7,
    "lost before": 6,
    "lost after": 7,
    "failed before": 4,
    "failed after": 4,
    "throttled": 3,
}
_REFUSED = 25  # one in so many references is refused, always


def refused(reference: str) -> bool:
    """Whether a rule of the target is against it."""
    return zlib.crc32(reference.encode()) % _REFUSED == 0


class Target:
    """The target.

    Args:
        times: For how slow and how late it is.
        seed: For faults and pauses.
        calm: Whether there are no faults but those of `script`.
    """

    def __init__(self, times: Times, seed: str, *, calm: bool = False) -> None:
        self.effects: list[Effect] = []
        self.arrivals: list[Arrival] = []
        self.faults = 0
        self.probes = 0
        self.calm = calm
        self.script: dict[str, list[str]] = {}
        """Faults of the next writes, by reference; some take seconds, as in `throttled:2` and `late:0.5`."""
        self._times = times
        self._random = random.Random(seed)
        self._by_key: dict[str, list[Effect]] = {}
        self._late: set[asyncio.Task[None]] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self, path: Path) -> None:
        self._server = await asyncio.start_unix_server(self._serve, path)

    async def stop(self) -> None:
        """Stop listening, and let everything happen that is still to happen."""
        assert self._server is not None
        self._server.close()
        for tasks in (self._serving, self._late):
            while tasks:
                await asyncio.wait(tasks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            line = await reader.readline()
            if line.endswith(b"\n") and (answer := await self._answer(json.loads(line))) is not None:
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, BrokenPipeError):
            pass  # its client is gone
        finally:
            self._serving.discard(task)
            writer.close()

    async def _answer(self, message: dict[str, Any]) -> dict[str, Any] | None:
        if message["do"] == "write":
            return await self._write(message)
        self.probes += 1
        await asyncio.sleep(self._random.uniform(0.0, 0.008))
        if not self.calm and self._random.random() < 0.05:
            return None
        found = self._by_key.get(message["key"], [])
        return {"found": [{"id": f"{one.key}-{place}", "text": one.text} for place, one in enumerate(found)]}

    async def _write(self, message: dict[str, Any]) -> dict[str, Any] | None:
        arrived = time.monotonic()
        self.arrivals.append(
            Arrival(
                message["life"], message["token"], message["operation"], message["reference"], message["first"], arrived
            )
        )
        fault = self._draw(message["reference"])
        fault, _, seconds = fault.partition(":")
        if message["prompt"] and fault in ("late", "slow"):
            fault = "none"
        self.faults += fault != "none"
        await asyncio.sleep(self._random.uniform(0.0, 0.01))
        if fault in ("lost before", "failed before"):
            return None if fault == "lost before" else {"error": "failed"}
        if fault == "throttled":
            return {"error": "throttled", "retry_after": float(seconds or 0.05)}
        if refused(message["reference"]) and message["reference"] not in self.script:
            return {"error": "refused"}
        if fault == "late":
            late_by = float(seconds or self._random.uniform(0.05, 0.7 * self._times.horizon))
            pause = arrived + late_by - time.monotonic()
            late = asyncio.create_task(self._commit_late(message, arrived, pause))
            self._late.add(late)
            late.add_done_callback(self._late.discard)
            await asyncio.sleep(self._times.attempt + 0.1)
            return None
        effect = self._commit(message, arrived)
        await asyncio.sleep(self._random.uniform(0.0, 0.01))
        match fault:
            case "lost after":
                return None
            case "failed after":
                return {"error": "failed"}
            case "slow":
                await asyncio.sleep(self._times.attempt + self._random.uniform(0.0, 0.2))
        return {"done": {"id": f"{effect.key}-0", "text": effect.text}}

    def _draw(self, reference: str) -> str:
        if scripted := self.script.get(reference):
            return scripted.pop(0)
        if self.calm:
            return "none"
        return self._random.choices(list(FAULTS), weights=list(FAULTS.values()))[0]

    async def _commit_late(self, message: dict[str, Any], arrived: float, pause: float) -> None:
        await asyncio.sleep(pause)
        self._commit(message, arrived)

    def _commit(self, message: dict[str, Any], arrived: float) -> Effect:
        found = self._by_key.setdefault(message["key"], [])
        if found and message["unique"]:
            return found[0]
        effect = Effect(message["reference"], message["key"], message["text"], arrived, time.monotonic())
        found.append(effect)
        self.effects.append(effect)
        return effect

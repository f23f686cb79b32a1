"""Many callers of one system, which share its breaker. Run as `python shared_worker.py CONFIG CALLERS PORT`.

The system answers each call with a word. Ends when its input ends, and prints what its callers were told, with counts
and the longest that one of them waited to be sent, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.toy import Target, ToyAdapter

from seawall import Seawall, Sources
from seawall.core.errors import CircuitOpen, ConnectFailed, ConnectionLost, GatewayError

_PAUSE = 0.2  # seconds between the calls of one caller, about
_HELD_BACK = 0.03


class Crowd:
    """The callers.

    Args:
        wall: Has the system `crm`.
        port: Where the system listens on loopback.
    """

    def __init__(self, wall: Seawall, port: int) -> None:
        self.wall = wall
        self.port = port
        self.told: Counter[str] = Counter()
        self.longest_wait = 0.0

    async def send(self, number: int, timeout: float) -> str:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError as error:
            raise ConnectFailed(str(error)) from None
        try:
            writer.write(f"{os.getpid()}\n".encode())
            answer = (await reader.readline()).decode().strip()
        except OSError as error:
            raise ConnectionLost(str(error)) from None
        finally:
            writer.close()
        if answer == "ok":
            return answer
        if answer == "down":
            raise GatewayError("out of order")
        raise ConnectionLost("it hung up")

    async def caller(self) -> None:
        system, loop = self.wall.systems["crm"], asyncio.get_running_loop()
        await asyncio.sleep(random.uniform(0.0, _PAUSE))
        while True:
            began = loop.time()
            sent_at = began

            async def send(number: int, timeout: float) -> str:
                nonlocal sent_at
                sent_at = loop.time()
                return await self.send(number, timeout)

            result = await system.attempt(send, 1, began + 5.0)
            self.longest_wait = max(self.longest_wait, sent_at - began)
            self.told["ok" if result == "ok" else type(result).__name__] += 1
            pause = _HELD_BACK if isinstance(result, CircuitOpen) else _PAUSE
            await asyncio.sleep(random.uniform(0.5, 1.5) * pause)


async def main(config: Path, callers: int, port: int) -> None:
    """Let everybody call until the input ends."""
    adapter = ToyAdapter(Target(Sources().clock))
    async with Seawall.from_config(config, adapters={"crm": adapter}, recovery=False) as wall:
        crowd = Crowd(wall, port)
        calls = [asyncio.ensure_future(crowd.caller()) for _ in range(callers)]
        await asyncio.to_thread(sys.stdin.read)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        print(json.dumps({"told": crowd.told, "longest_wait": crowd.longest_wait}))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))

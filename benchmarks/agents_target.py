"""A simulated Salesforce in a process of its own, behind a finite number of workers and a bounded queue.

It is steered over stdin, where no client can see it, and answers there with what really happened.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from seawall.simulators.salesforce import SalesforceSettings, SalesforceSimulator
from seawall.simulators.server import serve
from seawall.simulators.wire import AsgiApp, Message, Receive, Scope, Send

CLIENT = {"client_id": "seawall-client", "client_secret": "seawall-secret"}
LOGIN = "/services/oauth2/token"
CASES = "/services/data/v61.0/sobjects/Case"


class Front:
    """The workers and the queue. As usual, work goes on for clients that have gone.

    Args:
        app: The system itself.
    """

    def __init__(self, app: AsgiApp) -> None:
        self._app = app
        self._random = random.Random(7)
        self.arrived = self.held = 0
        self._go_on = asyncio.Event()
        self.steer()

    def steer(
        self, *, workers: int = 0, queue: int = 0, service: float = 0.0, failing: float = 0.0, hold: bool = False
    ) -> None:
        """Change what is taken from now on.

        Args:
            workers: Requests that are worked on at a time; 0 for all at once, and as fast as they can be.
            queue: Requests that may wait for a worker; more are turned away with a 503.
            service: Seconds of a worker's time for each.
            failing: Share of the requests that end with a 503 once a worker has spent its time.
            hold: Whether each is kept waiting until the next change.
        """
        self._go_on.set()
        self._go_on = asyncio.Event()
        self._workers = workers
        self._free = asyncio.Semaphore(workers)
        self._longest, self._service, self._failing, self._hold = workers + queue, service, failing, hold

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.arrived += 1
        if not self._workers:
            await self._app(scope, receive, send)
            return
        if self.held >= self._longest:
            await _unavailable(send)
            return
        self.held += 1
        try:
            receive = _again(await receive())  # it has arrived, whatever becomes of its client
            async with self._free:
                await (self._go_on.wait() if self._hold else asyncio.sleep(self._service))
                if self._random.random() < self._failing:
                    await _unavailable(send)
                else:
                    await self._app(scope, receive, send)
        finally:
            self.held -= 1


def _again(message: Message) -> Receive:
    """A request that was read already. A client's request is small, and comes in one piece."""

    async def receive() -> Message:
        return message

    return receive


async def _unavailable(send: Send) -> None:
    headers = [(b"content-type", b"text/html"), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


class Target:
    """The process, as the benchmark sees it.

    Args:
        process: It.
        url: Where it listens.
    """

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self._process = process
        self.url = url

    def told(self, **settings: float) -> dict[str, Any]:
        """Steer it, or only ask.

        Args:
            settings: Of `Front.steer`; none leaves it as it is.

        Returns:
            `arrived` and `held` requests, `cpu` in seconds, and how often each subject was `created`.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(settings) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    async def idle(self, held: int = 0) -> None:
        """Wait until it holds just so many requests, for at most half a minute."""
        for _ in range(300):
            if self.told()["held"] == held:
                return
            await asyncio.sleep(0.1)
        raise TimeoutError(f"the target does not come to hold {held} requests")


@contextmanager
def target() -> Iterator[Target]:
    """Run it."""
    command, pipe = [sys.executable, "-m", "benchmarks.agents_target"], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            assert process.stdout is not None
            yield Target(process, process.stdout.readline().strip())
        finally:
            process.terminate()


async def _commands(answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        print(json.dumps(answer(json.loads(line))), flush=True)


async def _main() -> None:
    simulator = SalesforceSimulator(SalesforceSettings(daily_limit=1_000_000_000))
    front = Front(simulator.asgi)

    def answer(settings: dict[str, Any]) -> dict[str, Any]:
        if settings:
            front.steer(**settings)
        created = Counter(str(effect.fields.get("Subject")) for effect in simulator.effects.of("Case", "insert"))
        return {"arrived": front.arrived, "held": front.held, "cpu": time.process_time(), "created": created}

    async with serve(front) as url:
        print(url, flush=True)
        await _commands(answer)


if __name__ == "__main__":
    asyncio.run(_main())

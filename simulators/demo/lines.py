"""JSON lines between the demonstration and the processes it starts."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

Message = dict[str, Any]


async def read_lines() -> AsyncIterator[Message]:
    """The messages on standard input, until it ends."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=2**24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield json.loads(line)


def say(message: Message) -> None:
    """Write a message to standard output, at once."""
    sys.stdout.write(json.dumps(message, default=str) + "\n")
    sys.stdout.flush()


async def serve_jobs(do: Callable[[Message], Awaitable[Message]], finish: Callable[[], Awaitable[Message]]) -> None:
    """Do every job that comes in, all at the same time, and answer each; `finish` answers the last message.

    Each answer carries the time at which it was given, in seconds since the epoch.
    """
    say({"ready": True})
    running: set[asyncio.Task[None]] = set()

    async def one(job: Message) -> None:
        answer = await do(job)
        say({"ask": job["ask"], "at": time.time(), **answer})

    async for message in read_lines():
        if message.get("do") == "finish":
            await asyncio.gather(*running)
            say({"final": await finish()})
            return
        task = asyncio.create_task(one(message))
        running.add(task)
        task.add_done_callback(running.discard)


class Child:
    """A process of our own that speaks in JSON lines.

    Args:
        process: The process.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    @classmethod
    async def start(cls, module: str, *arguments: str) -> Child:
        """Start `python -m module`, with standard error passed through."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=2**26,
            process_group=0,  # an interrupt from the terminal is for the parent, which ends its children itself
        )
        return cls(process)

    async def hear(self) -> Message | None:
        """The next message; None when the process has ended."""
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        return json.loads(line) if line.endswith(b"\n") else None

    def tell(self, message: Message) -> None:
        """Send a message; lost if the process has ended."""
        assert self.process.stdin is not None
        if not self.process.stdin.is_closing():
            self.process.stdin.write(json.dumps(message).encode() + b"\n")

    async def kill(self) -> None:
        """End it as a power cut does, and wait until it is gone."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        self._close()

    async def end(self) -> None:
        """Close its input and wait until it is gone."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            async with asyncio.timeout(10):
                await self.process.wait()
        except TimeoutError:
            await self.kill()
        self._close()

    def _close(self) -> None:
        transport = getattr(self.process, "_transport", None)
        if transport is not None:
            transport.close()

"""Jobs that wait for one connection, and the task that takes them up together."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from ..job import Job

_MOST_TOGETHER = 128


class Queue:
    """What is put in while some are being done is done together next.

    Args:
        do: Does jobs, and tells them; what it raises is told to each of them instead.
        name: Of the task.
    """

    def __init__(self, do: Callable[[list[Job]], Awaitable[None]], name: str) -> None:
        self._do = do
        self._jobs: deque[Job] = deque()
        self._wanted = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._task = asyncio.create_task(self._work(), name=name)

    def put(self, job: Job) -> None:
        """Queue a job."""
        self._jobs.append(job)
        self._idle.clear()
        self._wanted.set()

    async def close(self) -> None:
        """Do what is queued, then stop."""
        idle = asyncio.ensure_future(self._idle.wait())
        await asyncio.wait((idle, self._task), return_when=asyncio.FIRST_COMPLETED)
        idle.cancel()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            await self._wanted.wait()
            await asyncio.sleep(0)  # so that all who ask in this turn of the loop are done together
            while self._jobs:
                jobs = [self._jobs.popleft() for _ in range(min(len(self._jobs), _MOST_TOGETHER))]
                try:
                    await self._do(jobs)
                except Exception as error:  # noqa: BLE001 -- whatever it was, the next jobs must be done
                    for job in jobs:
                        job.error = error
                        job.tell()
            self._wanted.clear()
            self._idle.set()

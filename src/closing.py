"""Ending what a Seawall began: adapters that hang, and tasks that ignore that they were cancelled, hold nothing up."""

from __future__ import annotations

import asyncio
import logging

from .calls import GRACE
from .core.system import System

_log = logging.getLogger("seawall.wall")

_CLOSING = 10.0  # seconds for an adapter to close


async def close_adapter(system: System) -> None:
    """Close a system's adapter, in its time.

    Args:
        system: The system.

    Raises:
        TimeoutError: It did not close in time.
    """
    clock = asyncio.get_running_loop().time
    ends_at = clock() + _CLOSING
    try:
        async with asyncio.timeout_at(ends_at):
            await system.adapter.close()
    except Exception as error:
        if isinstance(error, TimeoutError) and clock() >= ends_at:
            raise TimeoutError(f"the adapter of {system.name} did not close within {_CLOSING:.0f} s") from None
        error.add_note(f"while the adapter of {system.name} was closed")
        raise


async def stop_task(task: asyncio.Task[None]) -> None:
    """Cancel a task that works in the background, and wait for it, but not for ever.

    Args:
        task: The task.
    """
    task.cancel()
    _, running = await asyncio.wait({task}, timeout=GRACE)
    if running:
        _log.error("%s goes on although it was cancelled", task.get_name())

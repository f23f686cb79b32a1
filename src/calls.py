"""The calls under way in an open Seawall, and the door that is closed behind them."""

from __future__ import annotations

import asyncio
import logging
from types import TracebackType

_log = logging.getLogger("seawall.calls")

GRACE = 5.0
"""Seconds in which what was cancelled must have ended."""


class Left(RuntimeError):
    """A Seawall was left before a call of it ended.

    Args:
        call: The call.
    """

    def __init__(self, call: str) -> None:
        super().__init__(left_while("Seawall", call))
        self.call = call


def left_while(what: str, call: str) -> str:
    """The words for a call that was ended because `what` was left."""
    return (
        f"this {what} was left while {call} was under way. A write may have happened: the ledger keeps what is known; "
        f"ask again with the same request in another {what}"
    )


class Calls:
    """Calls under way. For one event loop, and open once."""

    def __init__(self) -> None:
        self._refusal: str | None = "this Seawall is not open: use it inside `async with`"
        self._loop: asyncio.AbstractEventLoop | None = None
        self._under_way: set[Call] = set()
        self._one_ended = asyncio.Event()

    @property
    def refusal(self) -> str | None:
        """Why no call is let in; None when calls are."""
        return self._refusal

    def begin(self) -> None:
        """Let calls in, from this event loop."""
        self._loop = asyncio.get_running_loop()
        self._refusal = None

    def one(self, name: str) -> Call:
        """A call, for the length of a `with`.

        Args:
            name: What to call it in an error.
        """
        return Call(self, name)

    async def end(self, within: float) -> None:
        """Let no new call in, wait for those under way, and cancel the rest. Those raise `Left` then.

        Args:
            within: Seconds to wait for them.
        """
        self._refusal = "this Seawall was left: make a new one and use it inside its `async with`"
        try:
            await self._ended(within)
        finally:
            for call in self._others():
                call.cancel()
            if not await self._ended(GRACE):
                names = ", ".join(sorted({call.name for call in self._others()}))
                _log.error("calls go on although they were cancelled: %s", names)

    async def _ended(self, within: float) -> bool:
        """Wait until none is under way; False if there still are some after `within` seconds."""
        try:
            async with asyncio.timeout(within):
                while self._others():
                    self._one_ended.clear()
                    await self._one_ended.wait()
        except TimeoutError:
            return False
        return True

    def _others(self) -> list[Call]:
        """Those under way, but for one that is itself the reason for the end."""
        ending = asyncio.current_task()
        return [call for call in self._under_way if call.task is not ending]

    def enter(self, call: Call) -> None:
        """A call begins.

        Raises:
            RuntimeError: It may not.
        """
        if self._refusal is not None:
            raise RuntimeError(self._refusal)
        if call.task.get_loop() is not self._loop:
            raise RuntimeError("this Seawall was opened in another event loop: call it there, or use SyncSeawall")
        self._under_way.add(call)

    def leave(self, call: Call) -> None:
        """It ended."""
        self._under_way.discard(call)
        if self._refusal is not None:
            self._one_ended.set()


class Call:
    """One call; a context that turns our own cancellation into `Left`, and lets every other one through.

    Args:
        calls: Where it counts.
        name: What to call it in an error.
    """

    __slots__ = ("_calls", "_cancelled", "_cancelling", "name", "task")

    task: asyncio.Task[object]

    def __init__(self, calls: Calls, name: str) -> None:
        self._calls = calls
        self._cancelled = False
        self.name = name

    def cancel(self) -> None:
        """End it."""
        self._cancelled = True
        self.task.cancel()

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None, "a Seawall is called inside a task"
        self.task = task
        self._cancelling = task.cancelling()
        self._calls.enter(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._calls.leave(self)
        # As asyncio.timeout does it: somebody else's cancellation of the same task stays one.
        if self._cancelled and self.task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise Left(self.name) from None

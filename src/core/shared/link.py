"""This process's link to Redis: what it asks and tells, who listens, and what is done when it is gone.

Nothing here raises for Redis' sake, and nothing waits for it longer than the patience that was set.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias, TypeVar, cast
from urllib.parse import unquote, urlsplit

from ..clock import Sources
from ..redaction import Secrets
from ..settings import SharedSettings
from .scripts import Call

if TYPE_CHECKING:
    from redis.asyncio import Redis

_log = logging.getLogger("seawall.shared")

Reply: TypeAlias = list[Any]
T = TypeVar("T")

_ANSWER_TIME = 1.0  # seconds without an answer after which Redis counts as gone
_MOST_TOLD = 1000  # messages that may wait to be sent


class Gone(Exception):
    """Redis cannot be reached, or does not do what it is asked."""


class Member(Protocol):
    """What is kept up to date."""

    def pull(self) -> Call:
        """The call that brings it up to date."""
        ...

    def learn(self, reply: Reply) -> None:
        """Take in an answer."""
        ...

    def forget(self) -> None:
        """What was known may be out of date: Redis was gone."""
        ...


class _Message(NamedTuple):
    call: Call
    heard: Callable[[Reply], None]
    lost: Callable[[], None]


class Link:
    """A connection to Redis that is there when it is there.

    Args:
        settings: See `SharedSettings`; `redis` is set.
        sources: The clock, and randomness for the jitter.
        secrets: The password is registered here.

    Raises:
        ValueError: The address cannot be used.

    Attributes:
        available: Whether Redis answers. While it does not, every process goes by what it knows itself.
    """

    def __init__(self, settings: SharedSettings, sources: Sources, secrets: Secrets) -> None:
        assert settings.redis is not None
        self.settings = settings
        self.available = False
        self.channel = f"{settings.prefix}:changed"
        self.members: dict[str, Member] = {}
        url = urlsplit(settings.redis)
        secrets.add(url.password, unquote(url.password or ""))
        self.where = f"{url.hostname or url.path}{f':{url.port}' if url.port else ''}"
        self._url = settings.redis
        self._secrets = secrets
        self._clock = sources.clock
        self._random = sources.random
        self._client = self._connect()
        self._open = False
        self._said: bool | None = None
        self._outbox: deque[_Message] = deque()
        self._changed: set[str] = set()
        self._woken = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def open(self) -> None:
        """Begin. Returns when Redis has answered, or is known not to."""
        self._open = True
        await self._pull_all()
        for work in (self._work(), self._listen()):
            self.keep(asyncio.ensure_future(work))

    async def close(self) -> None:
        """Tell what is left to tell, and end."""
        if not self._open:
            return
        try:
            async with asyncio.timeout(_ANSWER_TIME):
                await self._send_all()
        except (Gone, TimeoutError):
            pass
        self._open = self.available = False
        while self._tasks:  # the client may swallow a cancellation (by wait_for of Python 3.11)
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks, timeout=_ANSWER_TIME / 20)
        await self._client.aclose()

    async def ask(self, call: Call, *, late: Callable[[Reply], None]) -> Reply | None:
        """Run a script for somebody who waits.

        Args:
            call: The script.
            late: Given an answer for which nobody waits any more.

        Returns:
            The answer; None when there is none, or none in time.
        """
        if not self.available:
            return None
        asked = self.keep(asyncio.ensure_future(self.run(call)))
        try:
            await asyncio.wait({asked}, timeout=self.settings.patience)
        except asyncio.CancelledError:
            asked.add_done_callback(lambda done: _pass_on(done, late))
            raise
        if asked.done():
            return None if asked.cancelled() or asked.exception() is not None else asked.result()
        asked.add_done_callback(lambda done: _pass_on(done, late))
        return None

    def tell(self, call: Call, *, heard: Callable[[Reply], None], lost: Callable[[], None] = lambda: None) -> None:
        """Run a script for which nobody waits; in the order in which they were told.

        Args:
            call: The script.
            heard: Given the answer.
            lost: Called when there is none: it may have run or not.
        """
        if not self.available or len(self._outbox) >= _MOST_TOLD:
            lost()
            return
        self._outbox.append(_Message(call, heard, lost))
        self._woken.set()

    async def run(self, call: Call) -> Reply:
        """Run a script.

        Raises:
            Gone: It may have run or not.
        """
        from redis.exceptions import NoScriptError, RedisError

        if not self._open:
            raise Gone
        keys, given = len(call.keys), [*call.keys, *map(str, call.args)]
        try:
            try:
                reply = await cast("Awaitable[Reply]", self._client.evalsha(call.script.sha, keys, *given))
            except NoScriptError:
                reply = await cast("Awaitable[Reply]", self._client.eval(call.script.text, keys, *given))
        except (RedisError, OSError, TimeoutError) as error:
            self._is_gone(error)
            raise Gone from error
        self._is_back()
        return reply

    def _connect(self) -> Redis:
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        client: Redis = Redis.from_url(
            self._url,
            decode_responses=True,
            protocol=2,
            retry=Retry(NoBackoff(), 0),  # who waits here has a better plan than to wait longer
            socket_timeout=_ANSWER_TIME,
            socket_connect_timeout=_ANSWER_TIME,
            client_name="seawall",
        )
        return client

    async def _work(self) -> None:
        """Tell, and keep the members up to date: those that changed at once, all of them from time to time."""
        next_look = self._clock.monotonic()
        while self._is_open():
            self._woken.clear()
            try:
                await self._send_all()
                if self._clock.monotonic() >= next_look:
                    self._changed.update(self.members)
                    next_look = self._clock.monotonic() + self.settings.interval * self._random.uniform(0.8, 1.0)
                while self._changed:
                    await self._pull(self._changed.pop())
            except Gone:
                self._changed.clear()
            except Exception:  # noqa: BLE001 -- whatever it was, the next look must come
                _log.exception("a look at the shared state failed; the next one goes on")
            try:
                async with asyncio.timeout(max(0.01, next_look - self._clock.monotonic())):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def _listen(self) -> None:
        """Hear of changes as they happen; `_work` finds them too, but later."""
        from redis.exceptions import RedisError

        while self._is_open():
            try:
                async with self._client.pubsub(ignore_subscribe_messages=True) as heard:
                    await heard.subscribe(self.channel)
                    self._changed.update(self.members)
                    self._woken.set()
                    while self._is_open() and self.available:
                        message = await heard.get_message(timeout=self.settings.interval)
                        if message is not None and message["data"] in self.members:
                            self._changed.add(message["data"])
                            self._woken.set()
            except (RedisError, OSError, TimeoutError):
                pass
            if self._is_open():
                await self._clock.sleep(self.settings.interval)

    def _is_open(self) -> bool:
        return self._open

    async def _send_all(self) -> None:
        while self._outbox:
            message = self._outbox.popleft()
            try:
                reply = await self.run(message.call)
            except Gone:
                message.lost()
                while self._outbox:
                    self._outbox.popleft().lost()
                raise
            message.heard(reply)

    async def _pull_all(self) -> None:
        try:
            for name in self.members:
                await self._pull(name)
        except Gone:
            pass

    async def _pull(self, name: str) -> None:
        member = self.members[name]
        member.learn(await self.run(member.pull()))

    def _is_gone(self, error: Exception) -> None:
        self.available = False
        if self._said is not False:
            self._said = False
            _log.warning(
                "the shared state at %s cannot be reached (%s): breaker and limits count for this process alone now",
                self.where,
                self._secrets.scrub(str(error)),
            )

    def _is_back(self) -> None:
        if self.available:
            return
        self.available = True
        for member in self.members.values():
            member.forget()
        if self._said is not True:
            _log.info("breaker and limits are shared through Redis at %s", self.where)
            self._said = True

    def keep(self, task: asyncio.Task[T]) -> asyncio.Task[T]:
        """Keep a task that asks Redis something, so that it ends when the link does."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _pass_on(asked: asyncio.Task[Reply], late: Callable[[Reply], None]) -> None:
    if not asked.cancelled() and asked.exception() is None:
        late(asked.result())

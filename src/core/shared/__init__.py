"""What processes that call the same systems know together, through Redis: breakers, rate limits, and quiet.

`Shared` is made before anything is open and is then given to the systems. A system does the same with it as without
it; see `SharedBreaker`, `SharedRateLimit` and `SharedQuiet` for what each of them promises, and decision 9 for why.
"""

from __future__ import annotations

import math
from importlib.util import find_spec

from ..clock import Clock, Sources
from ..limits import Quiet
from ..redaction import Secrets
from ..settings import SharedSettings, SystemSettings
from .breaker import LATELY, SharedBreaker, Told
from .link import Link, Reply
from .scripts import PULL, QUIET, Call, Script
from .turns import SharedRateLimit

_AMONG_FRIENDS = 0.02  # seconds


class SharedQuiet(Quiet):
    """A Retry-After that holds for all processes, whichever of them was told.

    Args:
        clock: Its monotonic time.
        longest: Seconds; more is cut to it.
        share: Whom to tell.
    """

    def __init__(self, clock: Clock, longest: float, share: SystemShare) -> None:
        super().__init__(clock, longest)
        self._share = share
        self._told_until = -math.inf

    def ask(self, seconds: float | None) -> None:
        """As for `Quiet`, for all processes."""
        super().ask(seconds)
        if self._until > self._told_until:
            # A little more than was asked for, so that not each of many answers like it must be told.
            self._told_until = self._until + _AMONG_FRIENDS
            self._share.tell_quiet(self.left() + _AMONG_FRIENDS)

    def learn(self, seconds: float) -> None:
        """Another process was told."""
        super().ask(seconds)


class SystemShare:
    """One system's part in what is shared.

    Args:
        name: The system's name; the same in every process.
        settings: Its settings; best the same in every process.
        sources: Clock and ids.
        link: The link to Redis.
        process: This process's name among the others.
    """

    def __init__(self, name: str, settings: SystemSettings, sources: Sources, link: Link, process: str) -> None:
        limits = settings.limits
        # The braces keep the keys of one system together on one node of a cluster.
        base = f"{link.settings.prefix}:{{{name}}}"
        self._keys = tuple(f"{base}:{part}" for part in ("breaker", "probes", "failed", "active", "quiet"))
        self._head = (process, name, link.channel, _ms(LATELY), _ms(settings.breaker.reset_after))
        self._link = link
        self.breaker = SharedBreaker(
            settings.breaker,
            sources,
            name=name,
            keep=2 * settings.recovery.interval,
            link=link,
            call=self.call,
            heard=self.learn,
        )
        self.rate = (
            SharedRateLimit(limits.rate, limits.burst, sources.clock, link=link, key=f"{base}:turns")
            if limits.rate
            else None
        )
        self.quiet = SharedQuiet(sources.clock, settings.retry.longest_retry_after, self)

    def call(self, script: Script, *args: str | float) -> Call:
        """A call of a breaker script for this system."""
        return Call(script, self._keys, (*self._head, *args))

    def pull(self) -> Call:
        """What was not told yet, and the question for what is true now."""
        return self.call(PULL, *self.breaker.news())

    def learn(self, reply: Reply) -> None:
        """Take in an answer of a breaker script."""
        told = Told.read(reply)
        self.breaker.learn(told)
        self.quiet.learn(told.quiet)
        if self.rate is not None:
            self.rate.share_among(told.processes)

    def forget(self) -> None:
        """Redis was gone."""
        self.breaker.forget()

    def tell_quiet(self, seconds: float) -> None:
        """The target asked this process for quiet."""
        self._link.tell(self.call(QUIET, _ms(seconds)), heard=self.learn)


class Shared:
    """The state that processes share.

    Args:
        settings: See `SharedSettings`; `redis` is set.
        sources: Clock, randomness and ids.
        secrets: Redis' password is registered here.

    Raises:
        ValueError: The package redis is missing, or the address cannot be used.
    """

    def __init__(self, settings: SharedSettings, sources: Sources, secrets: Secrets) -> None:
        if find_spec("redis") is None:
            raise ValueError("the package redis is missing; install it with: pip install 'seawall[redis]'")
        self.link = Link(settings, sources, secrets)
        self._sources = sources
        self._process = sources.new_id("process")

    @property
    def available(self) -> bool:
        """Whether Redis answers; while it does not, each process goes by what it knows itself."""
        return self.link.available

    def of(self, name: str, settings: SystemSettings) -> SystemShare:
        """A system's part.

        Args:
            name: The system's name; the same in every process.
            settings: Its settings.
        """
        share = SystemShare(name, settings, self._sources, self.link, self._process)
        self.link.members[name] = share
        return share

    async def open(self) -> None:
        """Connect, if that is possible now; otherwise as soon as it is."""
        await self.link.open()

    async def close(self) -> None:
        """Tell what is left to tell, and disconnect."""
        await self.link.close()


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1e3))


__all__ = ["Shared", "SharedBreaker", "SharedRateLimit", "SystemShare"]

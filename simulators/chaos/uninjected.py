"""What must come from outside, and where to get it: clocks, sleep, chance, ids and the network."""

from __future__ import annotations

import datetime as dt
import os
import random
import secrets
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

_CLOCK: Final = "ask the injected clock (surroundings.sources.clock: now, monotonic)"
_SLEEP: Final = "await the injected clock (surroundings.sources.clock.sleep)"
_CHANCE: Final = "draw from the injected random (surroundings.sources.random)"
_IDS: Final = "make ids with the injected source (surroundings.sources.new_id)"
_NETWORK: Final = "reach the simulator in this process, for instance by InProcessTransport"

_CLOCKS: Final = ("time", "monotonic", "perf_counter", "process_time", "thread_time", "clock_gettime")
_CALENDARS: Final = ("localtime", "gmtime", "ctime", "asctime", "strftime")
"""They ask the clock only when they are not told what time to show."""


@dataclass(frozen=True, slots=True)
class Source:
    """A function or class by which what is not injected comes in.

    Args:
        module: The module that has it.
        name: Its name there.
        instead: What to do instead, for the message.
        told: With how many arguments it takes nothing from outside; None if it always does.
        anyone: Whether nobody may call it, libraries included.
        for_us: Whether libraries may not call it either, while they do something for our code.
        default_of: The class and field that it is the default factory of, for the message.
    """

    module: ModuleType
    name: str
    instead: str
    told: int | None = None
    anyone: bool = False
    for_us: bool = False
    default_of: str = ""

    @property
    def title(self) -> str:
        """Its name in messages."""
        default = f", the default of {self.default_of}," if self.default_of else ""
        return f"{self.module.__name__}.{self.name}{default}"

    def takes_nothing(self, args: tuple[Any, ...], named: dict[str, Any]) -> bool:
        """Whether a call with these arguments asks nothing from outside."""
        return self.told is not None and len(args) + len(named) >= self.told and args[:1] != (None,)


def functions() -> Iterator[Source]:
    """The functions."""
    for name in _CLOCKS:
        for variant in (name, f"{name}_ns"):
            if hasattr(time, variant):
                yield Source(time, variant, _CLOCK)
    for name in _CALENDARS:
        yield Source(time, name, _CLOCK, told=2 if name == "strftime" else 1)
    yield Source(time, "sleep", _SLEEP, for_us=True)
    for name in random.__all__:
        if isinstance(getattr(getattr(random, name), "__self__", None), random.Random):
            yield Source(random, name, _CHANCE)
    for name in ("token_bytes", "token_hex", "token_urlsafe", "choice", "randbelow", "randbits"):
        yield Source(secrets, name, _CHANCE)
    for name in ("urandom", "getrandom"):
        if hasattr(os, name):
            yield Source(os, name, _CHANCE)
    for name in ("uuid1", "uuid4", "uuid6", "uuid7", "uuid8"):
        if hasattr(uuid, name):
            yield Source(uuid, name, _IDS)


@dataclass(frozen=True, slots=True)
class SourceClass:
    """A class some of whose methods, or whose constructor, take what is not injected.

    Args:
        module: The module that has it.
        name: Its name there.
        methods: The class methods.
        instead: What to do instead, for the message.
        unseeded: Whether its constructor does, when it is given nothing.
    """

    module: ModuleType
    name: str
    methods: tuple[str, ...]
    instead: str
    unseeded: bool = False

    @property
    def real(self) -> type[Any]:
        """The class."""
        found: type[Any] = getattr(self.module, self.name)
        return found

    def source(self, method: str = "") -> Source:
        """What the constructor, or one of the class methods, takes from outside."""
        return Source(self.module, f"{self.name}.{method}" if method else self.name, self.instead)


CLASSES: Final = (
    SourceClass(dt, "datetime", ("now", "utcnow", "today"), _CLOCK),
    SourceClass(dt, "date", ("today",), _CLOCK),
    SourceClass(random, "Random", (), _CHANCE, unseeded=True),
    SourceClass(random, "SystemRandom", (), _CHANCE, unseeded=True),
    SourceClass(secrets, "SystemRandom", (), _CHANCE, unseeded=True),
)


def connecting(check: Callable[[Source], None]) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Methods of `socket.socket` that look before they connect to another machine.

    Args:
        check: Raises if that must not be.
    """
    for name in ("connect", "connect_ex"):
        real = getattr(socket.socket, name)
        source = Source(socket, name, _NETWORK, anyone=True)

        def connect(self: socket.socket, *args: Any, real: Any = real, source: Source = source) -> Any:
            if self.family in (socket.AF_INET, socket.AF_INET6):
                check(source)
            return real(self, *args)

        yield name, connect

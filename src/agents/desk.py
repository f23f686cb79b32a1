"""Who calls, and the dispatcher of each caller."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .at_client import AtClient
from .dispatch import Dispatcher
from .hints import Reach
from .tools import bound_in

if TYPE_CHECKING:
    from ..core.clock import Clock
    from ..telemetry import Telemetry
    from ..wall import Seawall

_KEPT = 1024


@dataclass(frozen=True, slots=True)
class Grant:
    """Who calls, and how far at most.

    Args:
        principal: Who asks; the policy decides what that principal may do.
        scopes: How far its calls may reach beyond that.
        person: Who of the people in the configuration sits at the client, if that is known. Never who calls.
    """

    principal: str
    scopes: frozenset[Reach] = frozenset(Reach)
    person: str | None = None


class Desk:
    """The dispatchers of all who call one wall.

    A dispatcher holds nothing that cannot be made again: whoever was not heard of for long gets a new one, and calls
    that still run through the old one go on.

    Args:
        wall: The open wall.
        kept: How many are kept.
    """

    def __init__(self, wall: Seawall, *, kept: int = _KEPT) -> None:
        self._wall = wall
        self._kept = kept
        self._bound = bound_in(wall)
        self._made: OrderedDict[Grant, Dispatcher] = OrderedDict()
        self._ending = asyncio.Event()
        self.at_client = AtClient(wall)
        """Asks the people who sit at clients."""

    @property
    def telemetry(self) -> Telemetry | None:
        """What sees the calls, if anything does."""
        return self._wall.telemetry

    @property
    def clock(self) -> Clock:
        """The clock."""
        return self._wall.sources.clock

    def knows(self, grant: Grant, name: str) -> bool:
        """Whether a caller is offered a tool of that name."""
        return any(tool.name == name for tool in self.of(grant).tools)

    def of(self, grant: Grant) -> Dispatcher:
        """The dispatcher of a caller."""
        found = self._made.get(grant)
        if found is None:
            found = self._made[grant] = Dispatcher(
                self._wall, grant.principal, scopes=grant.scopes, bound=self._bound, ending=self._ending
            )
            if len(self._made) > self._kept:
                self._made.popitem(last=False)
        else:
            self._made.move_to_end(grant)
        return found

    def end(self) -> None:
        """Answer all who wait, now, with what is known; what was begun goes on."""
        self._ending.set()

"""`wall.crm.create_case(CreateCase(…))`: the actions of a system as methods that are typed by their requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from pydantic import BaseModel

from .core.action import Request
from .core.outcome import Outcome

if TYPE_CHECKING:
    from .wall import Seawall

R = TypeVar("R", bound=BaseModel)


class BoundAction(Protocol):
    """An action of a configured system, called with its request model; the reply's type follows from it."""

    async def __call__(
        self, request: Request[R], *, principal: str | None = None, deadline: float | None = None
    ) -> Outcome[R]:
        """See `Seawall.call`."""
        ...


class SystemFace:
    """`wall.crm`: the actions of one system as methods.

    Args:
        wall: The wall.
        name: The system's name.
    """

    def __init__(self, wall: Seawall, name: str) -> None:
        self._wall = wall
        self._name = name

    def __getattr__(self, action: str) -> BoundAction:
        actions = self._wall.systems[self._name].adapter.actions
        if action not in actions:
            raise AttributeError(f"{self._name} has no action {action!r}; it has: {', '.join(sorted(actions))}")

        async def call(
            request: Request[R], *, principal: str | None = None, deadline: float | None = None
        ) -> Outcome[R]:
            return await self._wall.call(f"{self._name}.{action}", request, principal=principal, deadline=deadline)

        return call

    def __dir__(self) -> list[str]:
        return sorted(self._wall.systems[self._name].adapter.actions)

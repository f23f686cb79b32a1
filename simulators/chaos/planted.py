"""Faults that a test plants by hand, and whether they struck."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from ..faults import Fault, Plan, PlanError
from ..injector import FaultInjector
from ..kinds import KINDS
from .client_faults import ClientFaults
from .stage import Stage


class Planted:
    """A fault that is in force for a while, in one system or in every one that is called meanwhile.

    Args:
        fault: The fault.
        system: The system that it befalls; None for every one.
    """

    def __init__(self, fault: Fault, system: str | None) -> None:
        self.fault = fault
        self.system = system
        self.in_force = True
        self._where: list[FaultInjector | ClientFaults] = []
        self._take_out: list[Callable[[], None]] = []

    def befalls(self, system: str) -> bool:
        """Whether it is meant for a system."""
        return self.system in (None, system)

    def plant(self, stage: Stage, system: str) -> None:
        """Put it into a stage.

        Raises:
            PlanError: It can never befall that system.
        """
        where = stage.client.faults if self.fault.client_side else stage.targets[system].faults
        self._take_out.append(where.plant(self.fault))
        self._where.append(where)

    def take_out(self) -> None:
        """Let it strike no more."""
        self.in_force = False
        for take_out in self._take_out:
            take_out()

    @property
    def fired(self) -> int:
        """How often it struck."""
        return sum(where.fired[self.fault.id] for where in self._where)


def made(name: str, point: str, kind: str, match: Mapping[str, Any], times: int | None, params: Any) -> Fault:
    """A fault that strikes whenever it can; without an operation or a lane, writes where its kind befalls them.

    Raises:
        PlanError: It can never strike.
    """
    aimed = {key: value for key, value in match.items() if value is not None}
    known = KINDS.get(kind)
    if known is not None and not known.client_side and not aimed and "write" in known.lanes:
        aimed["lane"] = "write"
    written = {"id": name, "match": aimed, "point": point, "kind": kind, "params": params, "times": times}
    try:
        (fault,) = Plan.model_validate({"faults": [written]}).faults
    except ValidationError as error:
        said = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise PlanError(f"the fault {point}/{kind} cannot be planted: {said}") from error
    return fault

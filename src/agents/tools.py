"""Every permitted action as a tool: name, description for a model, schemas, hints. The order is always the same."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..action_facts import facts_of
from ..core.action import Action, EffectClass, NoDedupe
from ..core.identity import digest
from ..core.repeat import can_be_repeated
from .hints import Reach, hints_of, reach_of
from .own_tools import CALLS, browsing, own_tools
from .result import Next
from .schemas import Schema, output_schema, schema_of
from .telling import DISTINCT
from .tool import Tool

if TYPE_CHECKING:
    from ..wall import Seawall

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LONGEST = 64
_LONGEST_DESCRIPTION = 1024  # characters; some vendors refuse the whole list for one that is longer


@dataclass(frozen=True)
class Bound:
    """One action of one system, as a tool.

    Args:
        system: The system.
        action: The action.
        name: The tool's name.
    """

    system: str
    action: Action
    name: str

    @property
    def target(self) -> str:
        """`system.action`."""
        return f"{self.system}.{self.action.name}"

    @property
    def reach(self) -> Reach:
        """How far it reaches."""
        return reach_of(self.action)

    @property
    def repeatable(self) -> bool:
        """Whether it takes `distinct_from`."""
        return can_be_repeated(self.action) and DISTINCT not in self.action.request.model_fields

    @cached_property
    def tool(self) -> Tool:
        """The tool."""
        return Tool(
            name=self.name,
            title=self.target,
            description=_description(self),
            input_schema=_input_schema(self),
            output_schema=output_schema(_content(self.action)),
            hints=hints_of(self.action),
            meta={"seawall/action": self.target, "seawall/effect-class": str(facts_of(self.action).effect)},
        )


class Toolbox:
    """The tools of one principal.

    Args:
        wall: The open wall.
        principal: Who asks; only what its policy allows is listed.
        bound: What `bound_in` found, where several principals share it; their schemas are then made once.
    """

    def __init__(self, wall: Seawall, principal: str, bound: Mapping[str, Bound] | None = None) -> None:
        self.all = bound_in(wall) if bound is None else bound
        """Every action by its tool's name, also those that are not permitted."""
        self.by_target = {bound.target: bound for bound in self.all.values()}
        self.permitted = tuple(bound for bound in self.all.values() if _allowed(wall, principal, bound))
        self.compact = len(self.permitted) > wall.config.agents.typed_tools

    @cached_property
    def own(self) -> tuple[Tool, ...]:
        """The tools for operations, and those for browsing where there are many actions."""
        return (*browsing(len(self.permitted)), *own_tools()) if self.compact else own_tools()

    @cached_property
    def listed(self) -> tuple[Tool, ...]:
        """What a host is shown."""
        if not self.compact:
            return (*(bound.tool for bound in self.permitted), *self.own)
        reaches = {bound.reach for bound in self.permitted}
        return (*(CALLS[reach] for reach in Reach if reach in reaches), *self.own)

    def call_of(self, bound: Bound, request: Mapping[str, Any]) -> Next:
        """The tool and arguments that make a request.

        Args:
            bound: The action.
            request: Its fields.
        """
        if self.compact:
            return Next(f"call_{bound.reach}", {"action": bound.target, "arguments": dict(request)})
        return Next(bound.name, dict(request))


def bound_in(wall: Seawall) -> Mapping[str, Bound]:
    """Every action by its tool's name, always in the same order.

    Args:
        wall: The open wall.
    """
    pairs = [
        (system, action)
        for system in sorted(wall.systems)
        for _, action in sorted(wall.systems[system].adapter.actions.items())
    ]
    counted = Counter(f"{system}__{action.name}" for system, action in pairs)
    found = {}
    for system, action in pairs:
        name = f"{system}__{action.name}"
        if counted[name] > 1 or not _NAME.fullmatch(name):
            # Two that read alike, or a name that some vendor refuses: told apart by a digest of the exact one.
            plain = re.sub(r"[^A-Za-z0-9_-]", "_", name)
            name = f"{plain[: _LONGEST - 9]}_{digest(f'{system}.{action.name}')[:8]}"
        found[name] = Bound(system, action, name)
    return found


def _allowed(wall: Seawall, principal: str, bound: Bound) -> bool:
    batch = bound.action.batch
    actions = (bound.action,) if batch is None else (bound.action, batch.of)
    return all(wall.policy.may_ever(principal, bound.system, action) for action in actions)


_CHANGES = {
    EffectClass.READ: "Reads only; changes nothing.",
    EffectClass.CREATE: "Creates something new.",
    EffectClass.SET: "Overwrites what is there.",
    EffectClass.CHANGE: "Changes a value relative to what it is.",
    EffectClass.DELETE: "Deletes or cancels something.",
    EffectClass.SEND: "Sends something that others see; it cannot be taken back.",
    EffectClass.OPAQUE: "What it changes is not known beforehand.",
}


def _description(bound: Bound) -> str:
    action, facts = bound.action, facts_of(bound.action)
    about = action.description if action.description.endswith(".") else f"{action.description}."
    parts = [about, f"System: {bound.system}. {_CHANGES[facts.effect]}"]
    if not action.writes:
        return _fitting(parts)
    each = "item" if action.batch is not None else "request"
    named = ", ".join(facts.identity)
    parts.append(
        f"Two {each}s are the same {each} when these fields are equal: {named}. The same {each} again is not done "
        "again: it answers with the first result (status replayed). The same fields with other content are refused "
        "(status conflict)."
        if facts.identity
        else f"The same {each} again is not done again: it answers with the first result (status replayed)."
    )
    if action.batch is not None:
        parts.append(f"Takes at most {action.batch.max_size} items; read the result of each item.")
    if isinstance(facts.dedupe, NoDedupe):
        parts.append("The target cannot tell a repetition: after a lost reply a person may have to decide.")
    parts.append(
        "Only status succeeded or replayed means that it is done. After in_progress or outcome_unknown call "
        "operation_get with the operation_id, and never make the change in another way."
    )
    return _fitting(parts)


def _fitting(parts: list[str]) -> str:
    """The parts as one text; where it is too long, what the action says of itself is shortened, and no rule of ours."""
    about, *rules = parts
    over = len(" ".join(parts)) - _LONGEST_DESCRIPTION
    if over > 0:
        about = f"{about[: max(len(about) - over - 1, 0)]}…"
    return " ".join((about, *rules))


def _input_schema(bound: Bound) -> Schema:
    schema = schema_of(bound.action.request)
    schema.setdefault("properties", {})
    if bound.repeatable:
        schema["properties"][DISTINCT] = {
            "type": "object",
            "description": "Leave it out, unless the same was done before and is to be done a second time on purpose.",
            "properties": {
                "operation_id": {"type": "string", "description": "The operation that did it before."},
                "reason": {"type": "string", "description": "Why it is to be done again; recorded.", "minLength": 1},
            },
            "required": ["operation_id", "reason"],
            "additionalProperties": False,
        }
    return schema


def _content(action: Action) -> Schema:
    if action.batch is not None:
        return {"type": "object"}
    return schema_of(action.reply, mode="serialization")

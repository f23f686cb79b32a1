"""The words of the fault vocabulary: points, lanes, traits of systems, and what a kind of fault allows.

The points, in the order in which a call comes to them, are explained in `POINTS`. The same kind before and after the
commit is the pair that matters: the client sees the same, and the truth is the opposite.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

Lane = Literal["read", "write", "auth"]
Point = Literal[
    "connect",
    "send",
    "admit",
    "apply",
    "before_commit",
    "after_commit",
    "respond",
    "visible",
    "later",
    "call",
    "before_journal",
    "after_journal",
    "before_send",
    "after_send",
    "before_record",
]
Trait = Literal["http", "json", "soap", "wss", "search", "sql", "transactions", "client"]

POINTS: Final[Mapping[Point, str]] = {
    "connect": "No connection comes about: nothing of the request leaves the client.",
    "send": "The connection is lost while the request is being sent; the system never sees it whole.",
    "admit": "In front of the system, where a gateway or a web server answers; the system never sees the request.",
    "apply": "The system has the request and has applied nothing.",
    "before_commit": "The work is done and then rolled back: nothing remains of it.",
    "after_commit": "The change is committed; for a read, it is answered inside.",
    "respond": "Another name for `after_commit`, which reads better for reads.",
    "visible": "All is done and answered, but those who look do not see it yet.",
    "later": "The reply is given up first, and the change is applied after it.",
    "call": "The client asks, before anything else.",
    "before_journal": "The process is about to write the intent into its ledger.",
    "after_journal": "The intent is in the ledger, and nothing is sent.",
    "before_send": "An attempt is about to be sent.",
    "after_send": "The attempt has its answer, and nothing of it is written down.",
    "before_record": "The process is about to write the outcome into its ledger.",
}
"""What each point means."""

CLIENT_POINTS: Final[tuple[Point, ...]] = (
    "call",
    "before_journal",
    "after_journal",
    "before_send",
    "after_send",
    "before_record",
)
"""The points that are in the client's own process; the others are at the system or on the way to it."""

Traits: TypeAlias = Mapping[Trait, Collection[str] | None]
"""What a simulated system is, and which of its operations that is true of; None for all of them."""

HTTP: Final[Traits] = {"http": None}
SQL: Final[Traits] = {"sql": None, "transactions": ("commit",)}

NOUNS: Final[Mapping[Trait, str]] = {
    "http": "systems behind HTTP",
    "json": "systems that answer in JSON",
    "soap": "SOAP services",
    "wss": "services with WS-Security",
    "search": "systems whose search lags behind",
    "sql": "databases",
    "transactions": "systems with transactions",
    "client": "the client's own process",
}
"""How a message says what a kind befalls."""


@dataclass(frozen=True, slots=True)
class KindOfFault:
    """What a kind allows.

    Args:
        says: One sentence on what happens.
        points: Where it can happen.
        lanes: Which calls it can befall.
        params: Its parameters with their defaults.
        choices: The values that a parameter is limited to.
        batches: Only calls with several items.
        traits: What a system must be, one of these, for the kind to befall it.
        at_commit: What it does after a commit befalls only what commits, and not statements before it.
        deceives: No client can see through it, so that no promise holds under it: explorers leave it out.
        refuses: What is wrong with a point and parameters that do not go together, or None.
    """

    says: str
    points: tuple[Point, ...]
    lanes: tuple[Lane, ...] = ("read", "write", "auth")
    params: Mapping[str, Any] = field(default_factory=dict)
    choices: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    batches: bool = False
    traits: tuple[Trait, ...] = ("http",)
    at_commit: bool = False
    deceives: bool = False
    refuses: Callable[[Point, Mapping[str, Any]], str | None] | None = None

    @property
    def databases(self) -> bool:
        """Whether only statements of a database can meet it."""
        return self.traits == ("sql",)

    @property
    def client_side(self) -> bool:
        """Whether it happens in the client's own process."""
        return self.traits == ("client",)

    def lanes_at(self, point: Point) -> tuple[Lane, ...]:
        """Which calls it can befall at a point: only writes have something to commit."""
        return ("write",) if point == "before_commit" else self.lanes

    def befalls(self, traits: Traits, operation: str, point: Point) -> bool:
        """Whether a system with these traits can show it at one of its operations, at a point."""
        commits = point == "before_commit" or (self.at_commit and point == "after_commit")
        if commits and not _covers(traits, "transactions", operation):
            return False
        return any(_covers(traits, trait, operation) for trait in self.traits)

    def problem_with(self, point: Point, params: Mapping[str, Any]) -> str | None:
        """What is wrong with the parameters, as one sentence that says what to do, or None."""
        for name, value in params.items():
            if name not in self.params:
                known = ", ".join(self.params) or "none"
                return f"there is no parameter {name!r}; it has: {known}"
            if value is None and self.params[name] is None:
                continue
            if name in self.choices and not any(
                one == value and type(one) is type(value) for one in self.choices[name]
            ):
                return f"{name} must be one of {', '.join(map(str, self.choices[name]))}, not {value!r}"
            if name in NON_NEGATIVE and (not _is_number(value) or value < 0):
                return f"{name} must be a number from 0 up, not {value!r}"
            if name == "by" and not _is_number(value):
                return f"by must be a number of seconds, not {value!r}"
            if name == "fraction" and value > 1:
                return f"fraction must be between 0 and 1, not {value!r}"
            if name == "k" and (not isinstance(value, int) or value < 1):
                return f"k must be a whole number from 1 up, not {value!r}"
            if name in TEXTS and not (isinstance(value, str) and value):
                return f"{name} must be a text, not {value!r}"
        return None if self.refuses is None else self.refuses(point, {**self.params, **params})


NON_NEGATIVE: Final = ("seconds", "delay", "fraction", "bytes", "k")
"""Parameters that are numbers from 0 up."""
TEXTS: Final = ("code", "content_type")
"""Parameters that are texts, where they have no choices."""


def _covers(traits: Traits, trait: Trait, operation: str) -> bool:
    operations = traits.get(trait, ())
    return operations is None or operation in operations


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

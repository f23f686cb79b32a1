"""A dry run: what another policy would have said of the operations that were recorded."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic import ValidationError

from ..core.action import Action
from ..core.identity import DISTINCT_FROM
from ..core.ledger.records import Operation
from ..core.policy import Decision, Policy, Question, Windows

_EXAMPLES = 3


class Change(NamedTuple):
    """What was said, and what would be said.

    Args:
        was: The decision that was recorded.
        was_by: Its rule.
        would_be: The decision of the policy that is tried.
        would_be_by: Its rule.
    """

    was: str
    was_by: str
    would_be: str
    would_be_by: str

    @property
    def matters(self) -> bool:
        """Whether the decision itself differs, and not only its rule."""
        return self.was != self.would_be


@dataclass
class Replayed:
    """What a dry run came to.

    Args:
        counts: Change → how many operations.
        examples: Change → some of them.
        skipped: Why operations could not be asked about → how many.
    """

    counts: Counter[Change] = field(default_factory=Counter)
    examples: defaultdict[Change, list[str]] = field(default_factory=lambda: defaultdict(list))
    skipped: Counter[str] = field(default_factory=Counter)

    @property
    def asked(self) -> int:
        """How many operations were asked about."""
        return self.counts.total()

    @property
    def changed(self) -> int:
        """How many would have been decided otherwise."""
        return sum(count for change, count in self.counts.items() if change.matters)

    def told(self) -> dict[str, Any]:
        """The same as JSON values, what matters first."""
        ordered = sorted(self.counts.items(), key=lambda one: (not one[0].matters, -one[1], one[0]))
        return {
            "operations": self.asked,
            "changed": self.changed,
            "changes": [
                {**change._asdict(), "changed": change.matters, "count": count, "examples": self.examples[change]}
                for change, count in ordered
                if change.matters or change.was_by != change.would_be_by
            ],
            "skipped": dict(self.skipped),
        }


def replay(operations: Iterable[Operation], policy: Policy, actions: Mapping[str, Mapping[str, Action]]) -> Replayed:
    """Ask a policy about recorded operations, each at the time when it began.

    Rates are counted as they would have been. Only what was allowed is recorded with its request; calls that were
    denied cannot be asked about again.

    Args:
        operations: The operations, oldest first.
        policy: The policy to try.
        actions: System → its actions by name, those that batches are made of included.
    """
    replayed, windows = Replayed(), Windows()
    for operation in operations:
        action = actions.get(operation.system, {}).get(operation.action)
        if action is None:
            replayed.skipped[f"there is no {operation.system}.{operation.action} any more"] += 1
            continue
        try:
            request = action.request.model_validate_json(operation.request)
        except ValidationError:
            replayed.skipped[f"the request no longer fits {operation.system}.{operation.action}"] += 1
            continue
        repeat = DISTINCT_FROM in json.loads(operation.identity)
        question = Question(operation.principal, operation.system, action, request, operation.created_at, repeat)
        decision = _decided(policy, question, windows)
        recorded = json.loads(operation.policy)
        change = Change(
            str(recorded.get("decision", "unknown")), str(recorded.get("rule", "")), decision.decision, decision.rule
        )
        replayed.counts[change] += 1
        if len(replayed.examples[change]) < _EXAMPLES:
            replayed.examples[change].append(operation.id)
    return replayed


def _decided(policy: Policy, question: Question, windows: Windows) -> Decision:
    used: frozenset[str] = frozenset()
    while True:
        asked = Question(
            question.principal,
            question.system,
            question.action,
            question.request,
            question.now,
            question.repeat,
            used,
        )
        decision = policy.decide(asked)
        if decision.rate is None:
            return decision
        if windows.use(decision.rule, question.principal, decision.rate, question.now) is None:
            return decision
        used |= {decision.rule}

"""The figures of a contestant's row: what it was asked, what it said, what its ledger says, and what happened."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..effects import Effect
from .judge import Claim, Verdict, Wanted, Word, judge
from .lines import Message
from .workload import Task

_STATUS: dict[str, Word] = {"applied": "applied", "rejected": "rejected", "parked": "parked"}
_STRENGTH: list[Word] = ["rejected", "applied", "parked", "unknown"]  # what leaves more open speaks louder


@dataclass(frozen=True, slots=True)
class Part:
    """How a contestant did in one system.

    Args:
        figures: The figures of its row.
        verdict: What the judge found.
        claims: What it is held to.
        operations: The ledger's operations behind each request, for `seawall`; under the empty token those that no
            request accounts for.
        unresolved: Requests that were left open; ids of open operations that no request accounts for.
    """

    figures: dict[str, Any]
    verdict: Verdict
    claims: Sequence[Claim]
    operations: Mapping[str, list[Message]]
    unresolved: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """How a contestant did.

    Args:
        figures: The figures of all systems together, of the whole run, and under `systems` those of each.
        systems: What was found in each system.
        facts: What its worker was told: where the systems were, and its ledger.
    """

    figures: dict[str, Any]
    systems: Mapping[str, Part]
    facts: Message


@dataclass(frozen=True, slots=True)
class Truth:
    """What really happened in one system.

    Args:
        effects: Its effect log.
        calls: How many calls reached it.
        faults: How many faults fired.
    """

    effects: Sequence[Effect]
    calls: int
    faults: int


def judged(
    asked: Sequence[Task],
    claims: Sequence[Claim],
    operations: Sequence[Message] | None,
    truths: Mapping[str, Truth],
    run: Mapping[str, Any],
    facts: Message,
) -> Result:
    """Judge a contestant and make up its rows.

    Args:
        asked: What agents asked for.
        claims: Everything they were told.
        operations: All operations in its ledger, once everything is settled; None if it has no ledger.
        truths: What happened in each system.
        run: Figures of the run as a whole: `kills` and `seconds`.
        facts: Kept in the result.
    """
    parts = {}
    for system, truth in truths.items():
        tasks = [task for task in asked if task.system == system]
        tokens = {token for task in tasks for token in task.tokens}
        said = [claim for claim in claims if claim.token in tokens]
        kept = None if operations is None else [one for one in operations if one["system"] == system]
        parts[system] = _part(tasks, said, kept, truth)
    rows = {system: part.figures for system, part in parts.items()}
    total = {name: sum(row[name] for row in rows.values()) for name in next(iter(rows.values()))}
    figures: dict[str, Any] = {**total, **run, **_per_operation(total)}
    figures["systems"] = {system: {**row, **_per_operation(row)} for system, row in rows.items()}
    return Result(figures, parts, facts)


def _per_operation(row: Mapping[str, int]) -> dict[str, float]:
    return {"calls_per_operation": round(row["calls"] / max(1, row["operations"]), 2)}


def _part(tasks: Sequence[Task], claims: Sequence[Claim], operations: Sequence[Message] | None, truth: Truth) -> Part:
    wanted = [
        Wanted(token, task.kind, task.case, order, task.contents(token))
        for order, task in enumerate(tasks)
        for token in task.tokens
    ]
    last = {claim.token: claim for claim in sorted(claims, key=lambda one: one.at)}
    found = by_request(tasks, operations or [])
    words = {token: claim.word for token, claim in last.items()} | last_words(found)
    # Seawall answers for every word it ever said. The usual way says "done" and "failed" as it goes, so only its last
    # word on a request counts.
    held_to = list(last.values()) if operations is None else claims
    verdict = judge(wanted, held_to, words, truth.effects)
    counts = {
        word: sum(1 for one in wanted if words.get(one.token) == word) for word in ("applied", "rejected", "parked")
    }
    open_ = [one.token for one in wanted if words.get(one.token) not in _STATUS]
    open_ += [one["id"] for one in found.get("", []) if one["status"] not in _STATUS]
    unexplained = _called_failed(last.values()) if operations is None else _without_evidence(operations)
    figures = {
        "operations": len(wanted),
        **counts,
        "partial": sum(_is_partial(task, words) for task in tasks),
        "unresolved": len(open_),
        "unexplained": unexplained,
        "duplicates": len(verdict.duplicates),
        "lost": len(verdict.lost),
        "phantom_failures": len(verdict.phantom_failures),
        "unasked": len(verdict.unasked),
        "calls": truth.calls,
        "faults": truth.faults,
    }
    return Part(figures, verdict, held_to, found, tuple(open_))


def by_request(asked: Sequence[Task], operations: Sequence[Message]) -> dict[str, list[Message]]:
    """The operations behind each request, by its token; under the empty token those of no request."""
    closes = {task.case: task.token for task in asked if task.kind == "close"}
    cases = {
        one["record"]: one["request"]["reference"]
        for one in operations
        if one["action"] == "create_case" and one["record"]
    }
    found: dict[str, list[Message]] = defaultdict(list)
    for one in operations:
        request = one["request"]
        token = request.get("reference") or _token(request.get("description") or "")
        found[token or closes.get(cases.get(request.get("case_id"))) or ""].append(one)
    return dict(found)


def last_words(operations: Mapping[str, Sequence[Message]]) -> dict[str, Word]:
    """The ledger's last word on each request; of several operations, the one that leaves most open has it."""
    return {
        token: max((_STATUS.get(one["status"], "unknown") for one in several), key=_STRENGTH.index)
        for token, several in operations.items()
    }


def _token(text: str) -> str | None:
    at = text.find("REQ-")
    return text[at : at + 9] if at >= 0 else None


def _is_partial(task: Task, words: Mapping[str, Word]) -> bool:
    said = {words.get(item) for item in task.items}
    return "applied" in said and len(said) > 1


def _without_evidence(operations: Sequence[Message]) -> int:
    """Operations that are open or parked, and nothing in the ledger says why."""
    return sum(1 for one in operations if one["status"] not in ("applied", "rejected") and not one["explained"])


def _called_failed(last: Iterable[Claim]) -> int:
    """Requests that ended in a timeout or a 5xx: they were called failed, and nobody will look into it."""
    return sum(1 for claim in last if claim.word == "rejected" and not claim.sure)

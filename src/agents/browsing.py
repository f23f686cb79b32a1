"""Finding an action among many, by words, and reading all about one."""

from __future__ import annotations

import re

from ..action_facts import facts_of
from .hints import Hints
from .result import Next, Result
from .tools import Bound, Toolbox

_WORD = re.compile(r"[^\W_]+")


def search(toolbox: Toolbox, query: str, limit: int) -> Result:
    """The permitted actions that fit some words best; the same words have the same answer.

    Args:
        toolbox: The principal's tools.
        query: The words.
        limit: Actions at most.
    """
    words = _words(query)
    scored = sorted((-_score(bound, words), bound.target, bound) for bound in toolbox.permitted)
    found = [bound for score, _, bound in scored if score or not words][:limit]
    return Result(
        status="succeeded",
        effect="applied",
        summary=f"Answered: {len(found)} of {len(toolbox.permitted)} actions. Nothing was changed.",
        next=Next("actions_describe", {"action": found[0].target}) if found else None,
        data={
            "actions": [
                {
                    "action": bound.target,
                    "about": bound.action.description,
                    "effect_class": str(facts_of(bound.action).effect),
                    "call_with": toolbox.call_of(bound, {}).tool,
                }
                for bound in found
            ]
        },
    )


def describe(toolbox: Toolbox, bound: Bound) -> Result:
    """All about one action.

    Args:
        toolbox: The principal's tools.
        bound: The action.
    """
    tool = bound.tool
    return Result(
        status="succeeded",
        effect="applied",
        summary=f"Answered: all about {bound.target}. Nothing was changed.",
        data={
            "action": bound.target,
            "description": tool.description,
            "arguments": tool.input_schema,
            "effect_class": str(facts_of(bound.action).effect),
            "hints": {name: getattr(tool.hints, name) for name in Hints.__slots__},
            "call_with": toolbox.call_of(bound, {}).tool,
        },
    )


def _score(bound: Bound, words: frozenset[str]) -> int:
    """A word of the name counts more than one of the description, and the whole word more than its beginning."""
    name, about = _words(bound.target), _words(f"{bound.action.description} {facts_of(bound.action).effect}")
    return sum(max(_points(word, name, 4), _points(word, about, 2)) for word in words)


def _points(word: str, known: frozenset[str], whole: int) -> int:
    if word in known:
        return whole
    begun = len(word) > _SHORT and any(
        other.startswith(word) or (len(other) > _SHORT and word.startswith(other)) for other in known
    )
    return whole - 1 if begun else 0


_SHORT = 2  # letters of a word that says nothing by its beginning


def _words(text: str) -> frozenset[str]:
    return frozenset(word.lower() for word in _WORD.findall(text))

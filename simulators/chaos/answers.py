"""What a client was told, in the words of a history."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel

from ...core.outcome import Applied, Outcome, Partial, Pending, Rejected, Unknown
from ...envelope import envelope
from .entries import EffectWord, Item, Told, Word

_encode = json.JSONEncoder(ensure_ascii=False, default=str).encode


def told(at: float, call: int, outcome: Outcome[Any], target: str, items: tuple[str, ...]) -> Told:
    """The answer to a call.

    Args:
        at: When.
        call: Number of the call.
        outcome: What it answered.
        target: `system.action`.
        items: The logical operations of a batch's items.
    """
    word, effect = word_of(outcome)
    error = getattr(outcome, "error", None)
    parts: tuple[Item, ...] = ()
    if isinstance(outcome, Partial):
        parts = tuple(_item(name, one) for name, one in zip(items, outcome.items, strict=True))
    elif items:
        parts = tuple(_item(name, outcome) for name in items)
    return Told(
        at,
        call,
        word,
        effect,
        getattr(outcome, "operation_id", "") or "",
        "" if error is None else type(error).__name__,
        "" if error is None else error.code,
        _encode(envelope(outcome, target)),
        bool(getattr(outcome, "replayed", False)),
        None if error is None else error.retry_after,
        _plain(outcome.value) if isinstance(outcome, Applied) else None,
        parts,
        _record(outcome),
    )


def word_of(outcome: Outcome[Any]) -> tuple[Word, EffectWord]:
    """The outcome in a word, and the effect that it claims."""
    match outcome:
        case Applied():
            return "applied", "applied"
        case Rejected():
            return "rejected", "none"
        case Partial():
            return "partial", "maybe"
        case Unknown():
            return "unknown", "maybe"
        case Pending():
            return "pending", "maybe"
    raise TypeError(f"not an outcome: {outcome!r}")


def _item(name: str, outcome: Outcome[Any]) -> Item:
    error = getattr(outcome, "error", None)
    return Item(name, *word_of(outcome), "" if error is None else type(error).__name__, _record(outcome))


def _record(outcome: Outcome[Any]) -> str:
    """The record that a receipt names; empty if it names none."""
    return (outcome.receipt.record or "") if isinstance(outcome, Applied) else ""


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value

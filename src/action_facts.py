"""An action's facts in words, as surveys and pages show them."""

from __future__ import annotations

from dataclasses import astuple

from .core.action import Action, NaturalKey

_AFTER = {
    "same_key": "sent again under the same key",
    "after_absence": "sent again once proven absent",
    "never": "never sent again",
}


def facts_of(action: Action) -> Action:
    """The action whose facts hold: of a batch, the single action that one item stands for."""
    return action if action.batch is None else action.batch.of


def dedupe_in_words(action: Action) -> str | None:
    """The dedupe means with its arguments; None for a read."""
    if not action.writes:
        return None
    dedupe = facts_of(action).dedupe
    if isinstance(dedupe, NaturalKey):
        arguments = ", ".join(dedupe.fields) + ("; pre-image" if dedupe.pre_image else "")
    else:
        arguments = ", ".join(f"{value:g} s" if isinstance(value, float) else value for value in astuple(dedupe))
    return f"{type(dedupe).__name__}({arguments})" if arguments else type(dedupe).__name__


def probe_in_words(action: Action) -> str | None:
    """How the probe reads; None where there is none."""
    probe = facts_of(action).probe
    if not action.writes or probe is None:
        return None
    return f"lagging {probe.read_lag:g} s" if probe.read_lag else "fresh"


def after_in_words(action: Action) -> str | None:
    """What happens after a lost reply; None for a read."""
    facts = facts_of(action)
    if not action.writes:
        return None
    if facts.resend == "never" and facts.probe is None:
        return "parked for a person"
    return _AFTER[facts.resend]

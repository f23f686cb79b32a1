"""All actions of all connectors, with the facts that decide what may be repeated; made from the code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass, fields
from typing import Any

from .action_facts import after_in_words, dedupe_in_words, facts_of, probe_in_words
from .connectors import BUILT_IN, load_connector
from .core.action import Action
from .core.adapter import Adapter, Surroundings

_NOTHING = "-"


@dataclass(frozen=True, slots=True)
class Row:
    """One action of one connector, as its facts are under some settings.

    Args:
        connector: The kind of system.
        settings: The settings under which the facts hold; empty for the first ones of a connector.
        action: The action.
        effect: Its effect class.
        dedupe: The dedupe means.
        probe: How the probe reads.
        horizon: The late-commit horizon.
        after: What happens after a lost reply.
        limits: Known limits.
    """

    connector: str
    settings: str
    action: str
    effect: str
    dedupe: str
    probe: str
    horizon: str
    after: str
    limits: str


def rows() -> list[Row]:
    """The actions of the connectors that ship with Seawall; settings that change nothing for an action add no row."""
    found: list[Row] = []
    for kind in sorted(BUILT_IN):
        adapter = load_connector(kind)
        usual: Mapping[str, Row] = {}
        for number, (name, settings) in enumerate(adapter.examples.items()):
            here = {row.action: row for row in _rows(adapter, name if number else "", settings)}
            found += [row for row in here.values() if not number or _differs(row, usual.get(row.action))]
            usual = usual or here
    return found


def page() -> str:
    """The page `docs/connectors.md`."""
    titles = [field.name.replace("after", "after a lost reply") for field in fields(Row)]
    lines = [*_INTRODUCTION.splitlines(), "", _line(titles), _line(["---"] * len(titles))]
    lines += [_line([str(cell).replace("|", "\\|") for cell in astuple(row)]) for row in rows()]
    lines += ["", "What holds for a connector as a whole:", ""]
    lines += [f"- `{kind}`: {load_connector(kind).limits['*']}" for kind in sorted(BUILT_IN)]
    return "\n".join(lines) + "\n"


_INTRODUCTION = """\
# Connectors

Made from the code by `seawall connectors --markdown`; a test compares. What each action does to the target, how a
repetition is recognised, how a lost reply is looked into, and what is known not to hold. A row with `settings` shows
what differs under those; horizons and read lags can be configured."""


def _rows(adapter: type[Adapter], name: str, settings: Mapping[str, Any]) -> Iterator[Row]:
    opened = adapter.open(adapter.settings_model.model_validate(settings), Surroundings("example"))
    for action in opened.actions.values():
        yield Row(
            connector=adapter.kind,
            settings=name,
            action=f"`{action.name}`",
            effect=_effect(action),
            dedupe=dedupe_in_words(action) or _NOTHING,
            probe=probe_in_words(action) or _NOTHING,
            horizon=_horizon(action),
            after=after_in_words(action) or _NOTHING,
            limits=adapter.limits.get(action.name, ""),
        )


def _effect(action: Action) -> str:
    return str(action.effect) if action.batch is None else f"{action.effect}, up to {action.batch.max_size}"


def _horizon(action: Action) -> str:
    horizon = facts_of(action).horizon
    if not action.writes:
        return _NOTHING
    return "unknown" if horizon is None else f"{horizon:g} s"


def _differs(row: Row, usual: Row | None) -> bool:
    return usual is None or astuple(row)[3:] != astuple(usual)[3:]


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"

"""An episode in a file: the history, and after it the effects, as JSON lines that can be judged again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..effects import Effect
from .checker import check
from .history import History
from .verdicts import Judgement

_EFFECT = "Effect"


def save(path: str | Path, history: History, effects: Mapping[str, Sequence[Effect]]) -> None:
    """Write an episode.

    Args:
        path: The file.
        history: What was asked, told and sent.
        effects: System → its effect log.
    """
    lines = list(history.lines())
    for system, log in effects.items():
        for effect in log:
            shown = {"event": _EFFECT, "system": system, "effect": json.loads(effect.to_line())}
            lines.append(json.dumps(shown, ensure_ascii=False, sort_keys=True))
    Path(path).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def load(path: str | Path) -> tuple[History, dict[str, list[Effect]], Judgement]:
    """Read an episode that `save` wrote, and judge it again.

    Raises:
        ValueError: It is no episode, or one of a newer version.
        OSError: It cannot be read.
    """
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    effects: dict[str, list[Effect]] = {}
    rest = []
    for line in lines:
        try:
            shown = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"{path} is no episode: {error}") from error
        if isinstance(shown, dict) and shown.get("event") == _EFFECT:
            effects.setdefault(shown["system"], []).append(Effect.from_line(json.dumps(shown["effect"])))
        else:
            rest.append(line)
    history = History.parse(rest, name=str(path))
    return history, effects, check(history, effects)

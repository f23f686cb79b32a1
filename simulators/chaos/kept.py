"""An episode in a file: the history, after it the effects, and how many lines it had, as JSON lines.

It can be judged again. The count is there because a file that was cut off would be judged clean: what was left out can
be just what broke a promise.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..effects import Effect
from .checker import check
from .history import History
from .verdicts import Judgement

_EFFECT, _END = "Effect", "End"


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
    lines.append(json.dumps({"event": _END, "lines": len(lines)}))
    Path(path).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def load(path: str | Path) -> tuple[History, dict[str, list[Effect]], Judgement]:
    """Read an episode that `save` wrote, and judge it again.

    Raises:
        ValueError: It is no episode, or one of a newer version.
        OSError: It cannot be read.
    """
    # Not `splitlines`, which also parts lines at characters that values may have.
    lines = [line for line in Path(path).read_text(encoding="utf-8").split("\n") if line]
    effects: dict[str, list[Effect]] = {}
    rest = []
    whole: int | None = None
    for line in lines:
        try:
            shown = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"{path} is no episode: {error}") from error
        event = shown.get("event") if isinstance(shown, dict) else None
        if event == _EFFECT:
            effects.setdefault(shown["system"], []).append(Effect.from_line(json.dumps(shown["effect"])))
        elif event == _END:
            whole = shown.get("lines")
        else:
            rest.append(line)
    history = History.parse(rest, name=str(path))
    if whole != len(lines) - 1:
        counted = "its last line, which counts them, is missing" if whole is None else f"it had {whole:,}"
        raise ValueError(f"{path} is cut off: {len(lines):,} lines are there; {counted}")
    return history, effects, check(history, effects)

"""An episode in a file: the history, after it the effects, and how many lines it had, as JSON lines.

It can be judged again. The count is there because a file that was cut off would be judged clean: what was left out can
be just what broke a promise.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..effects import Effect
from ..faults import Plan
from .checker import check
from .history import History, read_as
from .verdicts import Judgement

_EFFECT, _END = "Effect", "End"


def save(path: str | Path, history: History, effects: Mapping[str, Sequence[Effect]]) -> None:
    """Write an episode.

    Args:
        path: The file.
        history: What was asked, told and sent.
        effects: System → its effect log.
    """
    lines = list(lines_of(history, effects))
    lines.append(json.dumps({"event": _END, "lines": len(lines)}))
    Path(path).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def lines_of(history: History, effects: Mapping[str, Sequence[Effect]]) -> Iterator[str]:
    """An episode as JSON lines, the effects after the history; the same episode gives the same bytes.

    Args:
        history: What was asked, told and sent.
        effects: System → its effect log.
    """
    yield from history.lines()
    for system, log in effects.items():
        for effect in log:
            shown = {"event": _EFFECT, "system": system, "effect": json.loads(effect.to_line())}
            yield json.dumps(shown, ensure_ascii=False, sort_keys=True)


def load(path: str | Path) -> tuple[History, dict[str, list[Effect]], Judgement]:
    """Read an episode that `save` wrote, and judge it again.

    Raises:
        ValueError: It is no episode, or one of a newer version.
        OSError: It cannot be read.
    """
    # Not `splitlines`, which also parts lines at characters that values may have.
    try:
        lines = Path(path).read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no episode: {error}") from error
    effects: dict[str, list[Effect]] = {}
    rest = []
    whole: int | None = None
    for number, line in enumerate(lines, 1):
        event = _event(line)
        if event == _EFFECT:
            system, effect = _effect(line, f"{path}, line {number},")
            effects.setdefault(system, []).append(effect)
        elif event == _END:
            whole = json.loads(line).get("lines")
        rest.append("" if event in (_EFFECT, _END) else line)  # an empty one keeps the numbers of those after it
    history = History.parse(rest, name=str(path))
    try:
        Plan.model_validate(history.setting.plan)
    except ValidationError as error:
        raise ValueError(f"{path} has a plan that is none: {error.errors(include_url=False)[0]['msg']}") from error
    there = sum(map(bool, lines))
    if whole != there - 1:
        counted = "its last line, which counts them, is missing" if whole is None else f"it had {whole}"
        raise ValueError(f"{path} is cut off: {there:,} lines are there; {counted}")
    try:
        return history, effects, check(history, effects)
    except Exception as error:
        raise ValueError(
            f"{path} cannot be judged: its lines do not fit together ({type(error).__name__}: {error}); "
            "write it again with `seawall chaos replay SCENARIO --history FILE`"
        ) from error


def _event(line: str) -> Any:
    try:
        shown = json.loads(line) if line else None
    except (ValueError, RecursionError):
        return None  # which is said, with the number of the line, where the history is read
    return shown.get("event") if isinstance(shown, dict) else None


def _effect(line: str, where: str) -> tuple[str, Effect]:
    shown = json.loads(line)
    if not isinstance(shown.get("system"), str):
        raise ValueError(f"{where} is no {_EFFECT}: it names no system")
    return shown["system"], read_as(Effect, shown.get("effect"), where)

"""Episodes in files: read back as they were, judged again, refused when they are something else."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from seawall.simulators.chaos.entries import Told
from seawall.simulators.chaos.episode import play
from seawall.simulators.chaos.kept import load, save
from seawall.simulators.chaos.scenario import PlannedCall, Scenario
from seawall.simulators.faults import Plan

LOST = {"id": "lost", "match": {"lane": "write"}, "point": "after_commit", "kind": "reset", "trigger": {"nth": 1}}


def test_episode_is_read_back_as_it_was_and_judged_the_same(tmp_path: Path) -> None:
    calls = (PlannedCall(action="book_credit", sample=1),)
    episode = play(Scenario(subject="soap", plan=Plan.model_validate({"faults": [LOST]}), calls=calls))
    save(tmp_path / "episode.jsonl", episode.history, episode.effects)
    history, effects, judgement = load(tmp_path / "episode.jsonl")
    assert list(history.lines()) == list(episode.history.lines())
    assert {system: list(log) for system, log in effects.items()} == {"soap": list(episode.effects["soap"])}
    assert judgement == episode.judgement


@pytest.mark.parametrize("text", ["", "no json\n", '{"schema": 99, "setting": {}}\n', "[1]\n"])
def test_file_that_is_no_episode_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "episode.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"episode\.jsonl"):
        load(tmp_path / "episode.jsonl")


def test_history_that_was_cut_off_is_not_judged(tmp_path: Path) -> None:
    path = tmp_path / "episode.jsonl"
    calls = (PlannedCall(action="book_credit", sample=1),)
    episode = play(Scenario(subject="soap", plan=Plan.model_validate({"faults": [LOST]}), calls=calls))
    save(path, episode.history, episode.effects)
    whole = path.read_text(encoding="utf-8").splitlines(keepends=True)
    for kept in (whole[:-1], whole[:-2], whole[:5], whole[:-2] + whole[-1:], whole[:5] + whole[6:]):
        path.write_text("".join(kept), encoding="utf-8")
        with pytest.raises(ValueError, match="is cut off"):
            load(path)


def test_values_with_characters_that_part_lines_elsewhere_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "episode.jsonl"
    calls = (PlannedCall(action="book_credit", sample=1),)
    episode = play(Scenario(subject="soap", plan=Plan(), calls=calls))
    (effect,) = episode.effects["soap"]
    strange = replace(effect, fields={**effect.fields, "Note": "a\u2028b\u0085c"})
    save(path, episode.history, {"soap": [strange]})
    _, effects, _ = load(path)
    assert effects["soap"] == [strange]


@pytest.mark.parametrize(
    ("event", "change", "says"),
    [
        ("Told", {"word": 7}, "is no Told: word: Input should be "),
        ("Told", {"items": 5}, "is no Told: items: "),
        ("Told", {"at": "soon"}, "is no Told: at: "),
        ("Told", {"mood": "good"}, "is no Told: it has 'mood', which is unknown"),
        ("Told", {"word": '"/><script>alert(1)</script>'}, "is no Told: word: Input should be "),
        ("Wire", {"event": ["Told"]}, "has an entry of an unknown kind: ['Told']"),
        ("Wire", {"event": "Dreamt"}, "has an entry of an unknown kind: 'Dreamt'"),
        ("Effect", {"effect": {"seq": 1}}, "is no Effect: at: Field required"),
        ("Effect", {"system": None}, "is no Effect: it names no system"),
    ],
)
def test_line_that_is_wrong_is_named_by_its_number(
    tmp_path: Path, event: str, change: dict[str, object], says: str
) -> None:
    path = tmp_path / "episode.jsonl"
    episode = play(Scenario(subject="soap", plan=Plan(), calls=(PlannedCall(action="book_credit", sample=1),)))
    save(path, episode.history, episode.effects)
    lines = path.read_text(encoding="utf-8").splitlines()
    place = next(n for n, line in enumerate(lines) if json.loads(line).get("event") == event)
    lines[place] = json.dumps({**json.loads(lines[place]), **change})
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape(f"{path}, line {place + 1}, {says}")):
        load(path)


def test_events_that_do_not_fit_together_are_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "episode.jsonl"
    episode = play(Scenario(subject="soap", plan=Plan(), calls=(PlannedCall(action="book_credit", sample=1),)))
    told = episode.history.of(Told)
    episode.history.entries.append(replace(told[0], call=99))
    save(path, episode.history, episode.effects)
    with pytest.raises(ValueError, match="cannot be judged: its lines do not fit together"):
        load(path)


def test_plan_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "episode.jsonl"
    episode = play(Scenario(subject="soap", plan=Plan(), calls=()))
    episode.history.setting = replace(episode.history.setting, plan={"faults": [{"id": "f"}]})
    save(path, episode.history, episode.effects)
    with pytest.raises(ValueError, match="has a plan that is none: Field required"):
        load(path)

"""Whether the same seed gives the same history and the same effects, byte for byte; and if not, what differs first.

What is played twice in one process shares its hash seed, its caches and its addresses. So `lines_elsewhere` plays a
scenario in a new process under another hash seed: that shows the order of a set that was iterated over.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

from .scenario import Scenario

_PLAYED = f"""\
import sys
from {__package__}.episode import play
from {__package__}.kept import lines_of
from {__package__}.scenario import Scenario
played = play(Scenario.model_validate_json(sys.stdin.read()))
for line in lines_of(played.history, played.effects):
    sys.stdout.buffer.write(line.encode("utf-8") + b"\\n")
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two episodes of one seed part.

    Args:
        number: Number of the line, the head being 1; effects come after the history.
        first: The line in the first episode; None where it has ended.
        second: The line in the second episode; None where it has ended.
        seed: The seed, where it is known.
    """

    number: int
    first: str | None
    second: str | None
    seed: int | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of the event that differ; empty where only one episode goes on."""
        if self.first is None or self.second is None:
            return ()
        return tuple(sorted(_differing(json.loads(self.first), json.loads(self.second))))

    @property
    def says(self) -> str:
        """What differs, for a person."""
        of_seed = "" if self.seed is None else f"seed {self.seed}: "
        where = f"{of_seed}the two runs part at line {self.number}{self._effect}"
        if self.fields:
            where += f", in {', '.join(self.fields)}"
        return f"{where}\n  first:  {self.first or '(ended)'}\n  second: {self.second or '(ended)'}"

    @property
    def _effect(self) -> str:
        shown = json.loads(self.first or self.second or "{}")
        if not isinstance(shown, dict) or "effect" not in shown:
            return ""
        return f", effect {shown['effect']['seq']} of {shown['system']}"


def _differing(first: dict[str, Any], second: dict[str, Any]) -> Iterator[str]:
    for name in {*first, *second}:
        one, other = first.get(name), second.get(name)
        if one != other and isinstance(one, dict) and isinstance(other, dict):
            yield from (f"{name}.{inner}" for inner in _differing(one, other))
        elif one != other:
            yield name


def first_difference(first: Iterable[str], second: Iterable[str]) -> Difference | None:
    """The first line in which two episodes differ.

    Args:
        first: Lines of the one.
        second: Lines of the other.

    Returns:
        The difference, or None if there is none.
    """
    for number, (one, other) in enumerate(zip_longest(first, second), 1):
        if one != other:
            return Difference(number, one, other)
    return None


def self_check(run: Callable[[int], Iterable[str]], seeds: Iterable[int]) -> list[Difference]:
    """Run each seed twice and compare.

    Args:
        run: Plays a seed and gives its lines, see `kept.lines_of`; both times in this process.
        seeds: The seeds.

    Returns:
        The first difference of each seed that has one.
    """
    found = []
    for seed in seeds:
        kept = list(run(seed))
        if (difference := first_difference(kept, run(seed))) is not None:
            found.append(replace(difference, seed=seed))
    return found


def lines_elsewhere(scenario: Scenario, *, hash_seed: int) -> list[str]:
    """The history and the effects of a scenario, as JSON lines, played in a new process.

    Args:
        scenario: The scenario; its subject is loaded there by its name.
        hash_seed: Seeds the order of sets of text there (0 to 4294967295).

    Raises:
        RuntimeError: It could not be played there; the message is what that process said.
    """
    done = subprocess.run(  # noqa: S603 -- this interpreter, on what is written above
        [sys.executable, "-c", _PLAYED],
        input=scenario.model_dump_json(exclude_defaults=True).encode(),
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONHASHSEED": str(hash_seed)},
    )
    if done.returncode != 0:
        raise RuntimeError(f"the scenario could not be played: {done.stderr.decode(errors='replace').strip()[-2000:]}")
    return done.stdout.decode("utf-8").split("\n")[:-1]  # a line may hold what else ends lines

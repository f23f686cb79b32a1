"""`seawall chaos` with a subject of one's own that has a mistake: one sentence that names it, and exit status 2."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import pytest
from typer.testing import CliRunner, Result

from seawall.cli import app
from seawall.simulators.chaos.scenario import PlannedCall, Scenario
from seawall.simulators.chaos.subject import Sample, Sampler
from seawall.simulators.chaos.subjects.soap import BillingSubject
from seawall.simulators.kinds import Lane


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["chaos", *arguments])


class Unmade(BillingSubject):
    def __init__(self) -> None:
        raise RuntimeError("no network here")


class NoTarget(BillingSubject):
    def target(self, *_: Any) -> Any:
        return self.nothing  # type: ignore[attr-defined]


class NoAdapter(BillingSubject):
    def adapter(self, *_: Any) -> NoReturn:
        raise KeyError("host")


class Leaves(BillingSubject):
    def adapter(self, *_: Any) -> NoReturn:
        raise SystemExit(0)


class Clocked(BillingSubject):
    def target(self, *given: Any) -> Any:
        time.time()
        return super().target(*given)


class Unsettled(BillingSubject):
    settings: ClassVar[Mapping[str, Any]] = {"nonsense": 1}


class Dotted(BillingSubject):
    name = "a.b"


class NoLanes(BillingSubject):
    lanes: ClassVar[Mapping[str, Lane]] = {}


class NoSamples(BillingSubject):
    def samples(self, target: Any) -> Mapping[str, Sampler]:
        return {}


class OtherActions(BillingSubject):
    def samples(self, target: Any) -> Mapping[str, Sampler]:
        return {"book_credits": lambda _: Sample({})}


class NoSample(BillingSubject):
    def samples(self, target: Any) -> Mapping[str, Any]:
        return {"book_credit": lambda _: {"amount": 2}}


class Few(BillingSubject):
    """Makes fewer samples than are asked for in the end."""

    def samples(self, target: Any) -> Mapping[str, Sampler]:
        real = super().samples(target)["book_credit"]

        def few(number: int) -> Sample:
            if number > 1:
                raise ValueError("only one")
            return real(number)

        return {"book_credit": few}


def no_class() -> None:
    pass


MISTAKES = [
    ("Unmade", "RuntimeError: no network here (in __init__, "),
    ("NoTarget", "AttributeError: 'NoTarget' object has no attribute 'nothing' (in target, "),
    ("NoAdapter", "KeyError: 'host' (in adapter, "),
    ("Leaves", "SystemExit: 0 (in adapter, "),
    ("Clocked", "NotInjectedError: time.time was called"),
    ("Unsettled", "soap.nonsense Extra inputs are not permitted"),
    ("Dotted", "is called 'a.b': give it a name without dots"),
    ("NoLanes", "has no lanes"),
    ("NoSamples", "makes no samples, so that nothing can be tried"),
    ("OtherActions", "the adapter has no action 'book_credits'; did you mean 'book_credit'?"),
    ("NoSample", "sample 1 of book_credit is no Sample but {'amount': 2}"),
    ("no_class", "is no subject: derive a class from"),
    ("NotThere", "there is no subject"),
]


@pytest.mark.parametrize(("name", "says"), MISTAKES)
@pytest.mark.parametrize("command", ["run", "explore"])
def test_mistake_of_a_subject_is_one_sentence(command: str, name: str, says: str) -> None:
    result = run(command, f"{__name__}:{name}", "--processes", "1")
    assert result.exit_code == 2, result.output
    (line,) = [line for line in result.output.splitlines() if line.startswith("seawall: ")]
    assert says in line
    assert name in line or "soap: the " in line


def test_mistake_of_a_subject_in_a_replay_is_one_sentence(tmp_path: Path) -> None:
    calls = (PlannedCall(action="book_credit", sample=7),)
    Scenario(subject=f"{__name__}:Few", calls=calls).save(tmp_path / "one.yaml")
    result = run("replay", str(tmp_path / "one.yaml"))
    assert result.exit_code == 2, result.output
    assert "Few' cannot be tried: ValueError: only one (in few, " in result.output


@pytest.mark.slow
def test_mistake_that_shows_in_another_process_is_one_sentence_too() -> None:
    result = run("run", f"{__name__}:Few", "--runs", "9", "--processes", "1")
    assert result.exit_code == 2, result.output
    assert "Few' cannot be tried: ValueError: only one (in few, " in result.output


def test_mistake_in_what_comes_with_the_package_is_not_called_the_subjects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> NoReturn:
        raise KeyError("ours")

    monkeypatch.setattr(BillingSubject, "adapter", broken)
    Scenario(subject="soap", calls=(PlannedCall(action="book_credit", sample=1),)).save(tmp_path / "one.yaml")
    assert run("replay", str(tmp_path / "one.yaml")).exit_code == 70

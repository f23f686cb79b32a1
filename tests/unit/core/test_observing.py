"""What core tells an observer, without OpenTelemetry; and that no observer can disturb."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.toy import AddNote, GetNote
from support.virtual import make_all_due, toy_wall, virtual

from seawall import Applied, Unknown
from seawall.core.events import Concluded, Event, Exchange, HeldBack, InCall, Retried, Try
from seawall.core.observing import Guarded, _current, current, exchanged, watched


class Notes:
    """Writes down what it is told; each entry begins with the method."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def call_begins(self, call: InCall) -> str:
        self.told.append(("call", call.system, call.action, call.effect, call.principal))
        return "begun"

    def call_ends(self, call: InCall, outcome: Any, error: BaseException | None, seconds: float) -> None:
        self.told.append(("ended", call.begun, type(outcome).__name__, error, call.operation_id, round(seconds, 1)))

    def look_begins(self, call: InCall) -> None:
        self.told.append(("look", call.operation_id, call.principal))

    def look_ends(self, call: InCall, verdict: Any, error: BaseException | None, seconds: float) -> None:
        self.told.append(("looked", verdict.status.value))

    def attempt_begins(self, attempt: Try) -> int:
        self.told.append(("attempt", *attempt))
        return attempt.number

    def attempt_ends(self, begun: int, attempt: Try, error: BaseException | None, seconds: float) -> None:
        self.told.append(("attempted", begun, type(error).__name__))

    def exchange_begins(self, attempt: Any, exchange: Exchange) -> tuple[Any, Mapping[str, str]]:
        self.told.append(("exchange", attempt, *exchange))
        return "sent", {"x-trace": "1"}

    def exchange_ends(self, begun: Any, exchange: Exchange, status: int | None, error: BaseException | None) -> None:
        self.told.append(("exchanged", begun, status, type(error).__name__))

    def happened(self, event: Event) -> None:
        self.told.append(("happened", event))


class Failing:
    """Raises whatever it is told."""

    def __getattr__(self, name: str) -> Any:
        def fail(*args: Any) -> None:
            raise ZeroDivisionError(name)

        return fail


def watch(wall: Any, observer: Any) -> None:
    guarded = Guarded(observer)
    wall.pipeline.observer = guarded
    for system in wall.systems.values():
        system.observer = guarded


@virtual
async def test_call_with_a_lost_reply_is_told_in_order(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["throttled:1", "lost after"]) as (wall, target, _):
        notes = Notes()
        watch(wall, notes)
        outcome = await wall.call("toy.add_note", AddNote(reference="R"), principal="agent:ada")
    assert isinstance(outcome, Applied)
    assert len(target.effects) == 1
    retried, concluded = (what[1] for what in notes.told if what[0] == "happened")
    assert isinstance(retried, Retried)
    assert (retried.number, retried.pause >= 1) == (1, True)
    assert concluded == Concluded("toy", "add_note", "applied", "call")
    assert [what for what in notes.told if what[0] != "happened"] == [
        ("call", "toy", "add_note", "create", "agent:ada"),
        ("attempt", "toy", 1, False, False),
        ("attempted", 1, "Throttled"),
        ("attempt", "toy", 2, False, False),
        ("attempted", 2, "ReplyTimeout"),
        ("attempt", "toy", 1, True, False),
        ("attempted", 1, "NoneType"),
        notes.told[-1],
    ]
    assert notes.told[-1][:5] == ("ended", "begun", "Applied", None, outcome.operation_id)


@virtual
async def test_recovery_is_told_as_a_look_with_its_own_attempts(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["lost after"], retry={"attempts": 1}) as (wall, _, _):
        outcome = await wall.call("toy.add_note", AddNote(reference="R"), principal="agent:ada")
        assert isinstance(outcome, Unknown)
        notes = Notes()
        watch(wall, notes)
        make_all_due(tmp_path)
        await wall.recovery.run_once()
    assert notes.told == [
        ("look", outcome.operation_id, "agent:ada"),
        ("attempt", "toy", 1, True, True),
        ("attempted", 1, "NoneType"),
        ("looked", "applied"),
    ]


@virtual
async def test_what_the_gate_holds_back_is_told_and_is_no_attempt(tmp_path: Path) -> None:
    async with toy_wall(tmp_path) as (wall, target, _):
        notes = Notes()
        watch(wall, notes)
        wall.systems["toy"].breaker.trip("test")
        await wall.call("toy.get_note", GetNote(note_id="n1"))
    (held_back,) = (what[1] for what in notes.told if what[0] == "happened")
    assert isinstance(held_back, HeldBack)
    assert type(held_back.error).__name__ == "CircuitOpen"
    assert "attempt" not in [what[0] for what in notes.told]
    assert target.sends == 0


@virtual
async def test_observer_that_raises_disturbs_nothing_and_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("seawall").propagate = True
    async with toy_wall(tmp_path, script=["throttled", "lost after"]) as (wall, target, _):
        watch(wall, Failing())
        with caplog.at_level(logging.ERROR, "seawall.observing"):
            first = await wall.call("toy.add_note", AddNote(reference="R"))
            again = await wall.call("toy.add_note", AddNote(reference="R"))
    assert isinstance(first, Applied)
    assert isinstance(again, Applied)
    assert again.replayed
    assert len(target.effects) == 1
    assert [record.name for record in caplog.records] == ["seawall.observing"]


@virtual
async def test_what_is_under_way_is_known_inside_and_forgotten_outside(tmp_path: Path) -> None:
    async with toy_wall(tmp_path) as (wall, target, adapter):
        inside: list[tuple[str, ...]] = []
        send = adapter.send

        async def spied(action: Any, attempt: Any) -> Any:
            here = current()
            assert here is not None
            inside.append((here.system, here.action, here.principal, here.trace_id, here.operation_id))
            return await send(action, attempt)

        adapter.send = spied  # type: ignore[method-assign]
        outcome = await wall.call("toy.add_note", AddNote(reference="R"), principal="agent:ada", trace_id="t-1")
        assert current() is None
    assert isinstance(outcome, Applied)
    assert inside == [("toy", "add_note", "agent:ada", "t-1", outcome.operation_id)]
    assert len(target.effects) == 1


@virtual
async def test_exchange_is_told_inside_an_attempt_only_and_gets_its_headers(tmp_path: Path) -> None:
    class Reply:
        status = 503

    sent: list[Mapping[str, str]] = []

    async def send(headers: Mapping[str, str]) -> Reply:
        sent.append(headers)
        return Reply()

    exchange = Exchange("POST", "crm.example", 443)
    notes = Notes()
    async with toy_wall(tmp_path) as (wall, _, _):
        token = _current.set(InCall("toy", "add_note", "create", "agent:ada", ""))
        await exchanged(exchange, send)
        await watched(
            Guarded(notes), Try("toy", 3, probe=False, recovery=False), exchanged(exchange, send), wall.sources.clock
        )
        await exchanged(exchange, send)
        _current.reset(token)
    assert sent == [{}, {"x-trace": "1"}, {}]
    assert ("exchange", 3, "POST", "crm.example", 443) in notes.told
    assert ("exchanged", "sent", 503, "NoneType") in notes.told


@virtual
async def test_exchange_that_fails_is_told_with_its_error(tmp_path: Path) -> None:
    async def send(_: Mapping[str, str]) -> None:
        raise OSError("gone")

    notes = Notes()
    async with toy_wall(tmp_path) as (wall, _, _):
        token = _current.set(InCall("toy", "add_note", "create", "agent:ada", ""))
        with pytest.raises(OSError, match="gone"):
            await watched(
                Guarded(notes),
                Try("toy", 1, probe=False, recovery=False),
                exchanged(Exchange("GET", "crm", None), send),
                wall.sources.clock,
            )
        _current.reset(token)
    assert notes.told[-2:] == [("exchanged", "sent", None, "OSError"), ("attempted", 1, "OSError")]

"""Opening and leaving a Seawall: no call outlives it, no step of closing keeps another from being done."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from support.toy import AddNote, GetNote, Target, ToyAdapter
from support.virtual import config, sources, virtual

from seawall import Applied, Seawall, Unknown
from seawall.core.errors import LedgerUnavailable
from seawall.core.ledger.records import Status
from seawall.core.settings import LedgerSettings

NOTE = AddNote(reference="r1", text="hi")
OTHER = AddNote(reference="r2", text="hi")


class Closing(ToyAdapter):
    """A toy that does something when it is closed."""

    def __init__(self, target: Target, do: Callable[[], Awaitable[Any]]) -> None:
        super().__init__(target)
        self.do = do

    async def close(self) -> None:
        await self.do()
        await super().close()


def a_wall(
    folder: Path,
    target: Target | None = None,
    *,
    adapter: ToyAdapter | None = None,
    background: bool = False,
    **more: Any,
) -> tuple[Seawall, Target]:
    given = sources()
    if adapter is None:
        adapter = ToyAdapter(target or Target(given.clock))
    wall = Seawall(
        config(folder, **more), adapters={"toy": adapter}, sources=given, recovery=background, inline_ledger=True
    )
    return wall, adapter.target


async def leave(wall: Seawall) -> None:
    await wall.__aexit__(None, None, None)


async def is_closed(wall: Seawall) -> bool:
    try:
        await wall.ledger.counts()
    except LedgerUnavailable as error:
        return error.code == "ledger_closed"
    return False


async def under_way(wall: Seawall, target: Target, **how: Any) -> asyncio.Task[Any]:
    """A call that has reached the target."""
    call = asyncio.create_task(wall.call("toy.add_note", NOTE, **how))
    await target.entered.wait()
    return call


@virtual
async def test_a_call_before_the_wall_is_open_is_refused(tmp_path: Path) -> None:
    wall, target = a_wall(tmp_path)
    with pytest.raises(RuntimeError, match="not open"):
        await wall.call("toy.add_note", NOTE)
    with pytest.raises(RuntimeError, match="not open"):
        await wall.settle(1.0)
    assert target.sends == 0


@virtual
async def test_a_call_after_the_wall_was_left_is_refused(tmp_path: Path) -> None:
    wall, target = a_wall(tmp_path)
    async with wall:
        pass
    for call in (wall.call("toy.add_note", NOTE), wall.call("toy.get_note", GetNote(note_id="n1")), wall.settle(1.0)):
        with pytest.raises(RuntimeError, match="was left"):
            await call
    assert target.sends == 0


@virtual
async def test_a_wall_cannot_be_opened_twice(tmp_path: Path) -> None:
    wall, _ = a_wall(tmp_path)
    async with wall:
        with pytest.raises(RuntimeError, match="opened once"):
            await wall.__aenter__()
        assert isinstance(await wall.call("toy.add_note", NOTE), Applied)
    with pytest.raises(RuntimeError, match="opened once"):
        await wall.__aenter__()


def test_a_call_from_another_event_loop_is_refused(tmp_path: Path) -> None:
    async def opened() -> Seawall:
        wall, _ = a_wall(tmp_path)
        return await wall.__aenter__()

    with asyncio.Runner() as one, asyncio.Runner() as other:
        wall = one.run(opened())
        with pytest.raises(RuntimeError, match="another event loop"):
            other.run(wall.call("toy.add_note", NOTE))
        one.run(leave(wall))


@virtual
async def test_leaving_waits_for_a_running_call_and_refuses_new_ones(tmp_path: Path) -> None:
    wall, target = a_wall(tmp_path, deadline=5.0)
    await wall.__aenter__()
    target.script.append("hang")
    running = await under_way(wall, target)
    leaving = asyncio.create_task(leave(wall))
    await asyncio.sleep(1)
    with pytest.raises(RuntimeError, match="was left"):
        await wall.call("toy.add_note", OTHER)
    assert not running.done()
    assert not leaving.done()
    outcome = await running
    assert isinstance(outcome, Unknown)
    await leaving
    assert target.sends == 1
    assert await is_closed(wall)


@virtual
async def test_what_outlives_the_longest_deadline_is_cancelled_and_recorded_as_unknown(tmp_path: Path) -> None:
    wall, target = a_wall(tmp_path, deadline=5.0, attempt_timeout=25.0)
    await wall.__aenter__()
    target.script.append("hang after")
    running = await under_way(wall, target, deadline=10_000.0)
    begun = asyncio.get_running_loop().time()
    await leave(wall)
    assert 5.0 <= asyncio.get_running_loop().time() - begun <= 7.0
    with pytest.raises(RuntimeError, match=r"left while toy\.add_note was under way"):
        await running
    assert await is_closed(wall)
    await asyncio.sleep(3600)
    assert target.sends == 1
    again, _ = a_wall(tmp_path, target, deadline=5.0)
    async with again:
        (operation,) = await again.ledger.find()
        assert operation.status is Status.UNKNOWN
        assert await again.settle(60.0) == 0
        outcome = await again.call("toy.add_note", NOTE)
        assert isinstance(outcome, Applied)
    assert len(target.effects) == 1


@virtual
async def test_settling_is_ended_too_and_sends_nothing_after_the_ledger_closed(tmp_path: Path) -> None:
    wall, target = a_wall(tmp_path, deadline=5.0)
    await wall.__aenter__()
    target.script.append("late:100")
    assert isinstance(await wall.call("toy.add_note", NOTE), Unknown)
    settling = asyncio.create_task(wall.settle(10_000.0))
    await asyncio.sleep(2)
    await leave(wall)
    with pytest.raises(RuntimeError, match="left while settle"):
        await settling
    looked = target.probes
    await asyncio.sleep(3600)
    assert (target.sends, target.probes) == (1, looked)


@virtual
async def test_a_caller_that_cancels_its_own_call_while_the_wall_is_left_sees_its_own_cancellation(
    tmp_path: Path,
) -> None:
    wall, target = a_wall(tmp_path, deadline=5.0)
    await wall.__aenter__()
    target.script.append("hang")
    running = await under_way(wall, target)
    leaving = asyncio.create_task(leave(wall))
    await asyncio.sleep(1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await leaving
    assert await is_closed(wall)


@virtual
async def test_a_task_goes_on_uncancelled_after_its_call_was_ended_by_leaving(tmp_path: Path) -> None:
    wall, target = a_wall(tmp_path, deadline=5.0)
    await wall.__aenter__()
    target.script.append("hang")

    async def worker() -> int:
        with pytest.raises(RuntimeError, match="was left"):
            await wall.call("toy.add_note", NOTE, deadline=10_000.0)
        await asyncio.sleep(60)
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    working = asyncio.create_task(worker())
    await target.entered.wait()
    await leave(wall)
    assert await working == 0


@virtual
async def test_leaving_that_is_cancelled_while_it_waits_closes_all_the_same(tmp_path: Path) -> None:
    wall, target = a_wall(tmp_path, deadline=30.0)
    await wall.__aenter__()
    target.script.append("hang")
    running = await under_way(wall, target)
    leaving = asyncio.create_task(leave(wall))
    await asyncio.sleep(1)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    with pytest.raises(RuntimeError, match="was left"):
        await running
    assert await is_closed(wall)


@virtual
async def test_a_call_that_ignores_its_cancellation_does_not_keep_the_ledger_open(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Stubborn(ToyAdapter):
        async def send(self, action: Any, attempt: Any) -> Any:
            self.target.entered.set()
            ends_at = asyncio.get_running_loop().time() + 100.0
            while (left := ends_at - asyncio.get_running_loop().time()) > 0:
                try:
                    await asyncio.sleep(left)
                except asyncio.CancelledError:
                    continue

    adapter = Stubborn(Target(sources().clock))
    wall, target = a_wall(tmp_path, adapter=adapter, deadline=5.0)
    await wall.__aenter__()
    running = await under_way(wall, target)
    with caplog.at_level(logging.ERROR):
        await leave(wall)
    assert await is_closed(wall)
    assert "although they were cancelled: toy.add_note" in caplog.text
    await asyncio.wait({running})
    assert target.sends == 0


@virtual
async def test_the_ledger_is_closed_after_recovery_and_the_adapters(tmp_path: Path) -> None:
    found: list[bool] = []

    async def look() -> None:
        running = [task.get_name() for task in asyncio.all_tasks()]
        found.extend([await is_closed(wall), "seawall recovery" in running])

    wall, _ = a_wall(tmp_path, adapter=Closing(Target(sources().clock), look), background=True)
    async with wall:
        await asyncio.sleep(5)
    assert found == [False, False]
    assert await is_closed(wall)


@virtual
async def test_an_adapter_that_fails_to_close_keeps_neither_the_ledger_nor_the_others_open(tmp_path: Path) -> None:
    async def fail() -> None:
        raise OSError("the socket is gone")

    given = sources()
    systems = {name: {"connector": "toy"} for name in ("one", "two", "three")}
    adapters = {name: ToyAdapter(Target(given.clock)) for name in systems}
    adapters["two"] = Closing(Target(given.clock), fail)
    settings = config(tmp_path).model_dump() | {"systems": systems}
    wall = Seawall(
        type(config(tmp_path)).model_validate(settings), adapters=adapters, sources=given, inline_ledger=True
    )
    with pytest.raises(OSError, match="the socket is gone") as raised:
        async with wall:
            pass
    assert raised.value.__notes__ == ["while the adapter of two was closed"]
    assert (adapters["one"].closed, adapters["three"].closed) == (True, True)
    assert await is_closed(wall)


@virtual
async def test_an_adapter_that_never_closes_is_given_up(tmp_path: Path) -> None:
    wall, _ = a_wall(tmp_path, adapter=Closing(Target(sources().clock), lambda: asyncio.Event().wait()))
    with pytest.raises(TimeoutError, match="the adapter of toy did not close within 10 s"):
        async with wall:
            pass
    assert await is_closed(wall)


@virtual
async def test_what_went_wrong_inside_is_not_hidden_by_what_goes_wrong_while_closing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> None:
        raise OSError("the socket is gone")

    wall, _ = a_wall(tmp_path, adapter=Closing(Target(sources().clock), fail))
    with pytest.raises(LookupError, match="inside"):
        async with wall:
            raise LookupError("inside")
    assert "the socket is gone" in caplog.text
    assert await is_closed(wall)


@virtual
async def test_a_wall_that_fails_to_open_after_its_ledger_closes_it_and_can_be_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seawall.core.ledger.store import Ledger

    ledgers: list[Ledger] = []
    really = Ledger.open

    async def opened(settings: LedgerSettings, *given: Any, **how: Any) -> Ledger:
        ledgers.append(await really(settings, *given, **how))
        return ledgers[-1]

    def broken(*_: Any, **__: Any) -> None:
        raise LookupError("no recovery today")

    wall, target = a_wall(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "open", opened)
        patched.setattr("seawall.wall.Recovery", broken)
        with pytest.raises(LookupError, match="no recovery today"):
            await wall.__aenter__()
    with pytest.raises(LedgerUnavailable, match="closed"):
        await ledgers[0].counts()
    with pytest.raises(RuntimeError, match="not open"):
        await wall.call("toy.add_note", NOTE)
    async with wall:
        assert isinstance(await wall.call("toy.add_note", NOTE), Applied)
    assert len(target.effects) == 1

"""The synchronous face: several threads, and leaving while some of them are in a call. Real time, real threads."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.toy import AddNote, Target, ToyAdapter

from seawall import Applied, Seawall, SyncSeawall, Unknown
from seawall.core.clock import SystemClock
from seawall.core.errors import LedgerUnavailable
from seawall.core.ledger.records import Status

NOTE = AddNote(reference="r1", text="hi")
SOON = 10.0  # seconds; more than any of these may take


class Caller:
    """A thread, and what its call came to."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.result: Any = None
        self._call = call
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        try:
            self.result = self._call()
        except BaseException as error:  # noqa: BLE001 -- judged by the test
            self.result = error

    def ended(self) -> Any:
        self._thread.join(SOON)
        assert not self._thread.is_alive(), "the caller hangs"
        return self.result


def source(folder: Path, **system: Any) -> dict[str, Any]:
    return {
        "ledger": {"path": str(folder / "ledger.db")},
        "systems": {"toy": {"connector": "toy", "deadline": 0.3, **system}},
        "policy": [{"name": "everything", "decision": "allow"}],
    }


@pytest.fixture
def target() -> Target:
    return Target(SystemClock())


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    until = time.monotonic() + SOON
    while (left := set(threading.enumerate()) - before) and time.monotonic() < until:
        time.sleep(0.01)
    assert left == set()


def a_sync_wall(folder: Path, target: Target, adapter: ToyAdapter | None = None, **system: Any) -> SyncSeawall:
    return SyncSeawall(source(folder, **system), adapters={"toy": adapter or ToyAdapter(target)}, recovery=False)


def reached(target: Target) -> None:
    until = time.monotonic() + SOON
    while not target.sends and time.monotonic() < until:
        time.sleep(0.005)
    assert target.sends


def test_calls_before_entering_and_after_leaving_are_refused(tmp_path: Path, target: Target) -> None:
    wall = a_sync_wall(tmp_path, target)
    with pytest.raises(RuntimeError, match="not open"):
        wall.call("toy.add_note", NOTE)
    with wall:
        assert isinstance(wall.call("toy.add_note", NOTE), Applied)
        assert wall.settle(1.0) == 0
        with pytest.raises(RuntimeError, match="opened once"):
            wall.__enter__()
    with pytest.raises(RuntimeError, match="this SyncSeawall was left"):
        wall.call("toy.add_note", NOTE)
    with pytest.raises(RuntimeError, match="this SyncSeawall was left"):
        wall.settle(1.0)
    with pytest.raises(RuntimeError, match="opened once"):
        wall.__enter__()
    assert len(target.effects) == 1


def test_leaving_lets_the_call_of_another_thread_end_by_its_deadline(tmp_path: Path, target: Target) -> None:
    target.script.append("hang")
    with a_sync_wall(tmp_path, target) as wall:
        caller = Caller(lambda: wall.call("toy.add_note", NOTE))
        reached(target)
    assert isinstance(caller.ended(), Unknown)


def test_leaving_cuts_a_call_short_that_would_outlive_the_longest_deadline(tmp_path: Path, target: Target) -> None:
    target.script.append("hang after")
    begun = time.monotonic()
    with a_sync_wall(tmp_path, target) as wall:
        caller = Caller(lambda: wall.call("toy.add_note", NOTE, deadline=10_000.0))
        reached(target)
    assert time.monotonic() - begun < SOON / 2
    error = caller.ended()
    assert type(error) is RuntimeError
    assert str(error).startswith("this SyncSeawall was left while toy.add_note was under way")

    async def known() -> Status:
        wall = Seawall.from_config(source(tmp_path), adapters={"toy": ToyAdapter(target)}, recovery=False)
        async with wall:
            (operation,) = await wall.ledger.find()
            return operation.status

    assert asyncio.run(known()) is Status.UNKNOWN
    assert len(target.effects) == 1


def test_leaving_while_many_threads_call_leaves_none_of_them_behind(tmp_path: Path, target: Target) -> None:
    def call_until_refused(caller: int) -> tuple[int, BaseException]:
        for number in range(1_000_000):
            try:
                outcome = wall.call("toy.add_note", AddNote(reference=f"{caller}-{number}"), deadline=30.0)
            except BaseException as error:  # noqa: BLE001 -- judged below
                return number, error
            assert isinstance(outcome, Applied)
        raise AssertionError("never refused")

    with a_sync_wall(tmp_path, target) as wall:
        callers = [Caller(lambda name=name: call_until_refused(name)) for name in range(8)]  # type: ignore[misc]
        time.sleep(0.3)
    ends = [caller.ended() for caller in callers]
    assert {type(error) for _, error in ends} == {RuntimeError}
    assert all("this SyncSeawall was left" in str(error) for _, error in ends)
    assert len(target.effects) == sum(applied for applied, _ in ends) > 0


def test_a_call_from_the_loop_itself_is_refused_instead_of_waiting_for_itself(tmp_path: Path, target: Target) -> None:
    class Recursive(ToyAdapter):
        async def send(self, action: Any, attempt: Any) -> Any:
            with pytest.raises(RuntimeError, match="its own event loop"):
                wall.call("toy.add_note", AddNote(reference="r2"))
            return await super().send(action, attempt)

    with a_sync_wall(tmp_path, target, Recursive(target)) as wall:
        assert isinstance(wall.call("toy.add_note", NOTE), Applied)


def test_entering_that_fails_leaves_nothing_behind_and_may_be_tried_again(tmp_path: Path, target: Target) -> None:
    wall = a_sync_wall(tmp_path / "missing", target)
    with pytest.raises(LedgerUnavailable, match="does not exist"):
        wall.__enter__()
    assert "seawall" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(RuntimeError, match="not open"):
        wall.call("toy.add_note", NOTE)
    (tmp_path / "missing").mkdir()
    with wall:
        assert isinstance(wall.call("toy.add_note", NOTE), Applied)


def test_an_interrupt_while_leaving_ends_the_wait_and_still_closes_the_ledger(tmp_path: Path, target: Target) -> None:
    target.script.append("hang")
    journal = tmp_path / "ledger.db-wal"  # SQLite removes it when the last connection is closed
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.3, signal.pthread_kill, (main, signal.SIGINT))
    wall = a_sync_wall(tmp_path, target, deadline=300.0, attempt_timeout=25.0).__enter__()
    caller = Caller(lambda: wall.call("toy.add_note", NOTE))
    reached(target)
    assert journal.exists()
    begun = time.monotonic()
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        wall.__exit__(None, None, None)
    timer.join()
    assert time.monotonic() - begun < SOON
    assert "this SyncSeawall was left while" in str(caller.ended())
    assert not journal.exists()

"""One ledger and several real processes: shared, killed and stopped. Also the program that they run."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seawall.core.clock import Sources
from seawall.core.ledger import Ledger
from seawall.core.ledger.records import Intent, Operation, Status, Verdict
from seawall.core.settings import LedgerSettings

if TYPE_CHECKING:
    from support.postgres_server import PostgresServer

KEYS, CALLERS = 20, 25
LEASE = 0.6


def intent(sources: Sources, key: str) -> Intent:
    return Intent(
        id=sources.new_id("op"), system="crm", action="add", key=key, identity="{}", request="x" * 300, digest="d",
        principal="p", adapter_version="1", policy="{}", deadline_at=0.0,
    )  # fmt: skip


async def opened(place: str) -> Ledger:
    """The ledger at a path, or at the address of a PostgreSQL database."""
    name = "url" if "://" in place else "path"
    return await Ledger.open(LedgerSettings.model_validate({name: place, "lease": LEASE}), Sources())


class Program:
    """What the processes do; each method is a task named on the command line."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.sources = Sources()

    async def crowd(self) -> None:
        """Many callers who all want the same."""
        ledger = await opened(self.place)
        fresh: Counter[str] = Counter()
        seen: dict[str, set[str]] = {}

        async def caller() -> None:
            for number in range(KEYS):
                (begun,) = await ledger.begin([intent(self.sources, f"k{number}")])
                fresh[f"k{number}"] += begun.fresh
                seen.setdefault(f"k{number}", set()).add(begun.operation.id)

        await asyncio.gather(*(caller() for _ in range(CALLERS)))
        print(json.dumps([fresh, {key: sorted(ids) for key, ids in seen.items()}]))
        await ledger.close()

    async def wait(self) -> None:
        """Begins one operation and waits for a word before it goes on."""
        ledger = await opened(self.place)
        (begun,) = await ledger.begin([intent(self.sources, "k1")])
        operation = begun.operation
        print(operation.id, flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        await asyncio.sleep(LEASE)  # its heart beats again
        may_send = ledger.lease_is_fresh() or await ledger.hold(operation.id, operation.epoch)
        (recorded,) = await ledger.finish([Verdict(operation.id, operation.epoch, Status.REJECTED)])
        print(may_send, recorded, flush=True)
        await ledger.close()

    async def write(self) -> None:
        """Writes as fast as it can, and says what the ledger confirmed."""
        ledger = await opened(self.place)

        async def caller() -> None:
            while True:
                operation_id = self.sources.new_id("op")
                (begun,) = await ledger.begin([intent(self.sources, operation_id)])
                print("begun", begun.operation.id, flush=True)
                await ledger.finish([Verdict(begun.operation.id, 1, Status.APPLIED, outcome="{}")])
                print("applied", begun.operation.id, flush=True)

        await asyncio.gather(*(caller() for _ in range(16)))


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    from support.postgres_server import postgres_server  # the program, which runs by itself, has no such module

    with postgres_server() as one:
        yield one


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the ledger is."""
    if request.param == "sqlite":
        return str(tmp_path / "l.db")
    server: PostgresServer = request.getfixturevalue("server")
    return server.database(f"ledger_{tmp_path.name}")


@contextmanager
def process(place: str, task: str) -> Iterator[subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, __file__, place, task], stdin=pipe, stdout=pipe, text=True) as one:
        try:
            yield one
        finally:
            one.kill()


def line(one: subprocess.Popen[str]) -> str:
    assert one.stdout is not None
    return one.stdout.readline().strip()


async def taken_over(ledger: Ledger) -> Operation:
    for _ in range(200):
        if found := await ledger.claim_due(limit=10):
            (operation,) = found
            return operation
        await asyncio.sleep(0.05)
    raise AssertionError("nothing became due")


@pytest.mark.case(21)
def test_one_key_is_fresh_for_exactly_one_of_many_callers_in_four_processes(place: str) -> None:
    command = [sys.executable, __file__, place, "crowd"]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    fresh: Counter[str] = Counter()
    seen: dict[str, set[str]] = {}
    for one in processes:
        out, _ = one.communicate(timeout=60)
        assert one.returncode == 0
        counted, ids = json.loads(out)
        fresh.update(counted)
        for key, found in ids.items():
            seen.setdefault(key, set()).update(found)
    assert fresh == {f"k{number}": 1 for number in range(KEYS)}
    assert [len(ids) for ids in seen.values()] == [1] * KEYS


@pytest.mark.case(13)
async def test_operation_of_a_killed_process_is_taken_over_after_its_lease_and_not_before(place: str) -> None:
    survivor = await opened(place)
    with process(place, "wait") as one:
        operation_id = line(one)
        one.send_signal(signal.SIGKILL)
        died_at = Sources().clock.now()
    found = await survivor.get(operation_id)
    assert found is not None
    assert (found.status, found.epoch) == (Status.RUNNING, 1)
    taken = await taken_over(survivor)
    assert taken.updated_at > died_at + LEASE / 2
    assert (taken.id, taken.status, taken.epoch) == (operation_id, Status.UNKNOWN, 2)
    assert "may have been sent" in (taken.error or "")
    assert taken.sent_at is not None
    assert await survivor.finish([Verdict(operation_id, 2, Status.APPLIED, outcome="{}")]) == [True]
    await survivor.close()


@pytest.mark.case(16)
@pytest.mark.case(18)
async def test_process_stopped_past_its_lease_may_neither_send_nor_record_when_it_goes_on(place: str) -> None:
    other = await opened(place)
    with process(place, "wait") as one:
        operation_id = line(one)
        await asyncio.sleep(LEASE / 6)  # between two heartbeats, so that it is not stopped amid a commit
        one.send_signal(signal.SIGSTOP)
        taken = await taken_over(other)
        assert await other.finish([Verdict(taken.id, taken.epoch, Status.APPLIED, outcome="{}")]) == [True]
        one.send_signal(signal.SIGCONT)
        assert one.stdin is not None
        one.stdin.write("go on\n")
        one.stdin.flush()
        assert line(one) == "False False"
        assert one.wait(30) == 0
    story = await other.story(operation_id)
    assert story is not None
    assert story.operation.status is Status.APPLIED
    assert [decision.decision for decision in story.decisions] == ["stale_result"]
    await other.close()


@pytest.mark.case(13)
async def test_whatever_the_ledger_confirmed_is_there_after_a_kill_in_full_flight(place: str) -> None:
    confirmed: list[list[str]] = []
    for _ in range(3):
        with process(place, "write") as one:
            confirmed.extend(line(one).split() for _ in range(400))
            one.send_signal(signal.SIGKILL)
            assert one.stdout is not None
            confirmed.extend(text.split() for text in one.stdout if text.endswith("\n"))
    ledger = await opened(place)
    found = {operation.id: operation.status for operation in await ledger.find(limit=1_000_000)}
    assert {kind for kind, _ in confirmed} == {"begun", "applied"}
    assert [operation_id for _, operation_id in confirmed if operation_id not in found] == []
    assert {found[operation_id] for kind, operation_id in confirmed if kind == "applied"} == {Status.APPLIED}
    await asyncio.sleep(LEASE)
    orphans = await ledger.claim_due(limit=1_000_000)
    settled = [operation_id for operation_id, status in found.items() if status is Status.APPLIED]
    assert len(orphans) + len(settled) == len(found), "each is applied or will be looked at"
    await ledger.close()


if __name__ == "__main__":
    asyncio.run(getattr(Program(sys.argv[1]), sys.argv[2])())

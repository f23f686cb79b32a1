"""Whatever is paused and resumed, in whatever order: nothing that is forbidden begins to reach the target."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from support.toy import AddNote, AddNotes, GetNote
from support.virtual import virtual

from seawall import Seawall
from seawall.core.errors import InvalidRequest
from seawall.core.ledger.override_records import Override

from .test_overrides import WHO, two_walls

PROMISED = 1.0  # seconds until it holds in the other process
ACTS = ("pause", "pause all", "resume", "trip", "reset", "stop", "start", "pause for a moment")
STEPS = ("ok", "throttled:1", "lost before", "lost after", "no connection", "slow:0.3", "late:1")


class Seen:
    """When what began to reach the target, for each process."""

    def __init__(self, wall: Seawall, patience: float) -> None:
        self.patience = patience
        self.began: list[tuple[float, bool]] = []
        adapter: Any = wall.systems["toy"].adapter
        clock = wall.sources.clock
        send, send_batch, probe = adapter.send, adapter.send_batch, adapter.probe

        async def watched_send(action: Any, attempt: Any) -> Any:
            self.began.append((clock.now(), action.writes))
            return await send(action, attempt)

        async def watched_batch(*given: Any) -> Any:
            self.began.append((clock.now(), True))
            return await send_batch(*given)

        async def watched_probe(*given: Any) -> Any:
            self.began.append((clock.now(), False))
            return await probe(*given)

        adapter.send, adapter.send_batch, adapter.probe = watched_send, watched_batch, watched_probe

    def forbidden(self, history: list[Override]) -> Iterator[tuple[float, Override]]:
        for at, writes in self.began:
            for one in history:
                ends = [at for at in (one.until, one.ended_at) if at is not None]
                if one.forbids("toy", writes=writes) and one.at + self.patience < at < min(ends, default=at + 1):
                    yield at, one


async def act(wall: Seawall, name: str) -> None:
    acts = wall.overrides
    with suppress(InvalidRequest):  # it says nothing new
        match name:
            case "pause" | "pause all":
                await acts.pause("toy", everything=name == "pause all", **WHO)
            case "pause for a moment":
                await acts.pause("toy", lasts=3.0, **WHO)
            case "stop" | "start":
                await getattr(acts, name)(**WHO)
            case _:
                await getattr(acts, name)("toy", **WHO)


@settings(max_examples=30, deadline=None)
@given(
    plan=st.lists(st.tuples(st.floats(0.05, 4.0), st.sampled_from(ACTS)), min_size=1, max_size=12),
    wire=st.lists(st.sampled_from(STEPS), max_size=30),
)
def test_nothing_that_is_forbidden_begins_under_random_pauses_and_resumes(
    plan: list[tuple[float, str]], wire: list[str]
) -> None:
    @virtual
    async def scenario(folder: Path) -> None:
        system = {
            "recovery": {"interval": 0.3, "first_probe": 0.1, "longest_wait": 2.0},
            "limits": {"concurrency": 2, "rate": 20.0},
            "breaker": {"failures": 3, "reset_after": 1.0},
            "horizon": 1.0,
        }
        async with two_walls(folder, background=True, system=system) as (one, other, target):
            target.script = list(wire)
            seen = [Seen(one, 0.0), Seen(other, PROMISED)]
            numbers = count()

            async def caller(wall: Seawall) -> None:
                while True:
                    number = next(numbers)
                    match number % 4:
                        case 0:
                            await wall.toy.get_note(GetNote(note_id="n1"), deadline=5.0)
                        case 1:
                            pair = (AddNote(reference=f"A-{number}"), AddNote(reference=f"B-{number}"))
                            await wall.toy.add_notes(AddNotes(notes=pair), deadline=5.0)
                        case _:
                            await wall.toy.add_note(AddNote(reference=f"R-{number}"), deadline=5.0)
                    await asyncio.sleep(0.13)

            callers = [asyncio.create_task(caller(wall)) for wall in (one, other) for _ in range(2)]
            for pause, name in plan:
                await asyncio.sleep(pause)
                await act(one, name)
            await asyncio.sleep(3.0)
            for task in callers:
                task.cancel()
            ends = await asyncio.gather(*callers, return_exceptions=True)
            assert {type(end) for end in ends} == {asyncio.CancelledError}, ends
            history = await one.overrides.history()
            assert [found for process in seen for found in process.forbidden(history)] == []

    with TemporaryDirectory() as folder:
        scenario(Path(folder))

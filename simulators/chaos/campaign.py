"""Many scenarios, on all cores."""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import islice

from .episode import play
from .naive import play_naively
from .scenario import Scenario
from .subjects import blamed, load_subject
from .tally import Tally

_GARBAGE = 50_000
"""Objects between two looks for garbage: an episode's are nearly all alive until it ends."""
_TOGETHER = 16  # scenarios that one process is given at a time


class Interrupted(KeyboardInterrupt):
    """Somebody wants an end of it.

    Args:
        tallies: Subject → its figures so far.
    """

    def __init__(self, tallies: dict[str, Tally]) -> None:
        super().__init__("interrupted")
        self.tallies = tallies


def run_all(
    scenarios: Iterable[Scenario],
    *,
    processes: int | None = None,
    seconds: float | None = None,
    naive: bool = False,
    on_progress: Callable[[str, Tally], None] | None = None,
) -> dict[str, Tally]:
    """Play scenarios on several cores.

    Args:
        scenarios: The scenarios, of any subjects.
        processes: How many processes; as many as there are cores if None.
        seconds: Begin nothing more after this time; None for no limit.
        naive: Let the usual client play them instead of Seawall.
        on_progress: Told the figures of some more episodes of a subject.

    Returns:
        The figures of each subject.

    Raises:
        Interrupted: By Ctrl-C; it has the figures of all that was played until then.
    """
    tallies: dict[str, Tally] = {}

    def add(done: Iterable[Future[tuple[str, Tally]]]) -> None:
        for one in done:
            waiting.discard(one)
            name, tally = one.result()
            tallies.setdefault(name, Tally()).merge(tally)
            if on_progress is not None:
                on_progress(name, tally)

    until = None if seconds is None else time.monotonic() + seconds
    waiting: set[Future[tuple[str, Tally]]] = set()
    count = processes or os.cpu_count() or 1
    parts = _parts(scenarios)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context, initializer=_leave_interrupts_to_the_parent) as pool:
        try:
            while True:
                in_time = until is None or time.monotonic() < until
                for part in islice(parts, 2 * count - len(waiting)) if in_time else ():
                    waiting.add(pool.submit(_play_some, part, naive))
                if not waiting:
                    return tallies
                add(wait(waiting, return_when=FIRST_COMPLETED).done)
        except KeyboardInterrupt:
            _end(pool)
            add([one for one in waiting if not one.cancelled() and one.exception() is None])
            raise Interrupted(tallies) from None


def _end(pool: ProcessPoolExecutor) -> None:
    """Wait for what is being played, a second or so; who cannot wait for that interrupts once more."""
    try:
        pool.shutdown(cancel_futures=True)
    except KeyboardInterrupt:
        for process in multiprocessing.active_children():
            process.terminate()
        pool.shutdown()


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all of them


def _parts(scenarios: Iterable[Scenario]) -> Iterator[list[Scenario]]:
    part: list[Scenario] = []
    for scenario in scenarios:
        if part and (len(part) == _TOGETHER or part[0].subject != scenario.subject):
            yield part
            part = []
        part.append(scenario)
    if part:
        yield part


def _play_some(scenarios: Sequence[Scenario], naive: bool) -> tuple[str, Tally]:  # noqa: FBT001 -- sent to a process
    logging.disable(logging.CRITICAL)  # everything that goes wrong here is meant to
    gc.set_threshold(_GARBAGE)
    name = scenarios[0].subject
    subject, tally = load_subject(name), Tally()
    for scenario in scenarios:
        with blamed(name):
            tally.add(play_naively(scenario, subject) if naive else play(scenario, subject))
    if not gc.get_freeze_count():  # what was imported stays: looking at it again and again takes a tenth of the time
        gc.collect()
        gc.freeze()
    return name, tally

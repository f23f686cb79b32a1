"""Secrets stay where they are, deadlines hold, and who goes away leaves nothing behind."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import count
from typing import Any
from urllib.parse import quote

from ...core.adapter import Attempt
from ...core.errors import IntegrationError
from ...core.identity import identify
from ..chaos.entries import Asked, Told
from ..chaos.history import History
from ..chaos.samples import as_model
from ..chaos.subject import Sample, Subject
from ..chaos.verdicts import Invariant
from ..faults import Fault
from ..kinds import Lane, Point
from .altered import Altered
from .cases import Case, Check, Exempt
from .play import DEADLINE, Play, at
from .trial import Trial

_TIME = 6.0  # virtual seconds that a call is given
_SLACK = 1.0  # virtual seconds by which it may be late
_STEPS = ("before_journal", "after_journal", "before_send", "after_send", "before_record")
_GOES = 2.0  # virtual seconds after which a client goes away
_STAYS = 4.0  # virtual seconds for which everything stands still meanwhile
_ON_ITS_WAY = 60.0  # virtual seconds after which what was sent is done
_ENDS = 1.0  # virtual seconds in which an attempt ends that is cancelled


# Secrets --------------------------------------------------------------------------------------------------------


def _secrets(trial: Trial) -> Iterator[Case]:
    for name in (*trial.writes[:1], *trial.reads[:1]):
        for what in ("calm", "login_refused", "login_garbled", "session_expired", "page", "unforeseen"):
            yield Case(f"{name}-{what}", partial(_no_secret, trial, name, what))


def _no_secret(trial: Trial, name: str, what: str) -> None:
    if not trial.subject.canaries:
        raise Exempt("its settings hold no secret")
    asked: dict[str, tuple[Point, str, Lane | None]] = {
        "login_refused": ("admit", "refusal", "auth"),
        "login_garbled": ("after_commit", "garbage", "auth"),
        "session_expired": ("apply", "session_expired", None),
        "page": ("after_commit", "html_200", None),
    }
    faults: list[Fault] = []
    subject: Subject = trial.subject
    if what in asked:
        point, kind, lane = asked[what]
        faults = [trial.fault(name, point, kind, lane=lane)]
    if what == "unforeseen":
        sent = count(1)

        def raises() -> None:
            if next(sent) == 1:
                raise LookupError(f"nobody foresaw this: {trial.subject.canaries}")

        subject = Altered(trial.subject, after_send=raises)

    async def script(play: Play) -> History:
        worker = await play.stage.start_worker()
        play.tolerated.add(Invariant.NO_UNEXPLAINED_OUTCOME)
        await play.ask(worker, name, await play.sample(name))
        await play.conclude()
        history = play.stage.history()
        for file in sorted(play.folder.iterdir()):
            for secret in _forms(trial.subject.canaries):
                play.expect(secret.encode() not in file.read_bytes(), f"a secret is in the ledger's file {file.name}")
        return history

    with _logged() as lines:
        history = trial.play(script, faults, subject=subject)
    told = "\n".join(one.text for one in history.of(Told))
    for secret in _forms(trial.subject.canaries):
        assert secret not in told, "a secret is in what a client is told"
        assert not any(secret in line for line in lines), "a secret is in the logs"


def _forms(secrets: Sequence[str]) -> list[str]:
    return [form for one in secrets for form in dict.fromkeys((one, quote(one, safe="")))]


@contextmanager
def _logged() -> Iterator[list[str]]:
    """Every line that is logged at INFO or above, formatted with its traceback."""
    lines: list[str] = []
    written = logging.Formatter("%(name)s %(message)s")

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(written.format(record))

    taking = Lines()
    loggers = [logging.getLogger(), logging.getLogger("seawall")]
    before = [(one, one.level) for one in loggers]
    for one in loggers:
        one.setLevel(logging.INFO)
    loggers[0].addHandler(taking)
    try:
        yield lines
    finally:
        loggers[0].removeHandler(taking)
        for one, level in before:
            one.setLevel(level)


# Deadlines ------------------------------------------------------------------------------------------------------

_HANGS: Sequence[tuple[Point, str]] = (
    ("connect", "connect_timeout"),
    ("connect", "pool_exhausted"),
    ("send", "hang"),
    ("apply", "hang"),
    ("after_commit", "hang"),
)


def _deadlines(trial: Trial) -> Iterator[Case]:
    for name in (*trial.reads, *trial.writes):
        for point, kind in _HANGS:
            yield Case(f"{name}-{point}-{kind}", partial(_in_time, trial, name, point, kind, None))
    for name in (*trial.writes[:1],):
        yield Case("login-apply-hang", partial(_in_time, trial, name, "apply", "hang", "auth"))


def _in_time(trial: Trial, name: str, point: Point, kind: str, lane: Lane | None) -> None:
    fault = trial.fault(name, point, kind, {"seconds": 60.0}, lane=lane)

    async def script(play: Play) -> None:
        worker = await play.stage.start_worker()
        await play.ask(worker, name, await play.sample(name), deadline=_TIME)
        entries = play.stage.journal.entries
        (asked,) = [one for one in entries if isinstance(one, Asked)]
        (told,) = [one for one in entries if isinstance(one, Told)]
        took = told.at - asked.at
        play.expect(took <= _TIME + _SLACK, f"{name} was given {_TIME} s and answered after {took:.1f} s")
        await play.conclude()

    trial.play(script, [fault])


# Cancellation ---------------------------------------------------------------------------------------------------


def _cancellations(trial: Trial) -> Iterator[Case]:
    for name in trial.writes:
        for step in _STEPS:
            yield Case(f"{name}-{step}", partial(_gone_at_step, trial, name, step))
        for point in ("apply", "after_commit"):
            yield Case(f"{name}-in_flight-{point}", partial(_gone_in_flight, trial, name, point))
        yield Case(f"{name}-attempt", partial(_attempt_ends, trial, name))


def _gone_at_step(trial: Trial, name: str, step_name: str) -> None:
    _, step = at(step_name, stay=_STAYS)
    trial.play(partial(_goes_and_comes_back, name=name), step=step)


def _gone_in_flight(trial: Trial, name: str, point: Point) -> None:
    fault = trial.fault(name, point, "slow", {"seconds": _STAYS})
    trial.play(partial(_goes_and_comes_back, name=name), [fault])


async def _goes_and_comes_back(play: Play, *, name: str) -> None:
    """A client goes away in the middle; later another asks for the same."""
    play.tolerated.add(Invariant.NO_UNEXPLAINED_OUTCOME)  # the cause is the client itself
    worker = await play.stage.start_worker()
    sample = await play.sample(name)
    await play.ask(worker, name, sample, gives_up_after=_GOES)
    await play.stage.clock.sleep(_STAYS)
    await play.insist([worker], name, sample)
    await play.conclude()


def _attempt_ends(trial: Trial, name: str) -> None:
    fault = trial.fault(name, "apply", "slow", {"seconds": _ON_ITS_WAY})

    async def script(play: Play) -> None:
        worker = await play.stage.start_worker()
        adapter = worker.wall.systems[play.system].adapter
        action, sample = trial.actions[name], await play.sample(name)
        single = trial.single(name)
        tries = [
            Attempt(f"op_{place}", identify(play.system, single, request).key, request)
            for place, request in enumerate(as_model(single, one.request) for one in sample.items or (sample,))
        ]
        sending: Any = (
            adapter.send(action, tries[0])
            if action.batch is None
            else adapter.send_batch(action, as_model(action, sample.request), tries)
        )
        task = asyncio.ensure_future(sending)
        await asyncio.sleep(_GOES)
        if task.done():
            task.exception()
            raise Exempt("in simulated time its driver works in one go, so that nothing can come in between")
        task.cancel()
        await asyncio.wait({task}, timeout=_ENDS)
        if not task.done():
            play.wrong(f"an attempt of {name} goes on although it was cancelled: a connector must end when it is")
            await asyncio.wait({task}, timeout=DEADLINE * 10)
        play.expect(
            not task.done() or task.cancelled() or task.exception() is not None,
            f"an attempt of {name} was cancelled, and answers as if it had been acknowledged",
        )
        if task.done() and not task.cancelled():
            await _denies(play, name, sample, task.exception())

    trial.play(script, [fault])


async def _denies(play: Play, name: str, sample: Sample, error: BaseException | None) -> None:
    """An attempt that was cancelled in flight cannot say that nothing happens: what was sent goes on."""
    if not isinstance(error, IntegrationError) or error.effect != "none":
        return
    await play.stage.clock.sleep(_ON_ITS_WAY)
    play.expect(
        not any(play.truth(name, one).copies for one in sample.items or (sample,)),
        f"an attempt of {name} was cancelled, and says that there is no effect ({type(error).__name__}): it came "
        "after that; let the cancellation through",
    )


SECRETS = Check(
    "secrets",
    "No secret of the settings is in an answer, in an error, in a log or in the ledger's files.",
    _secrets,
)
DEADLINES = Check("deadlines", "A call answers by its deadline, wherever the target hangs.", _deadlines)
CANCELLATION = Check(
    "cancellation",
    "A client that goes away at any point leaves nothing running for ever, nothing lost and nothing twice.",
    _cancellations,
)

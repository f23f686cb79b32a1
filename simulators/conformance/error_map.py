"""The error map: each answer that the target can give, read as what it proves and not as what it says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from email.utils import formatdate
from functools import partial
from typing import Any

from ..chaos.entries import Answered, Attempted, Wire
from ..chaos.exhaustive import single_faults
from ..faults import Fault, Match, Trigger
from ..kinds import Point
from ..virtual_time import LoopClock
from . import declared_codes
from .cases import Case, Check, Exempt, together
from .play import Play
from .trial import Trial

REFUSALS = (
    "status",
    "refusal",
    "redirect_loop",
    "throttle",
    "session_expired",
    "ws_security_expired",
    "sql_error",
    "soap_fault",
)
"""The kinds of fault that are an answer of their own, to any request."""

SPOILT = (
    "html_200",
    "truncate",
    "bad_length",
    "empty",
    "no_content",
    "garbage",
    "wrong_content_type",
    "soap_drift",
    "json_drift",
)
"""The kinds that make something else of an answer, or leave little of it."""

_ANSWERS = (*REFUSALS, "lock_error", *SPOILT, "partial_batch", "cut_batch")
"""All kinds that are answers, or what is left of one; some meet only writes."""

_OF_EACH = (
    "status",
    "lock_error",
    "session_expired",
    "sql_error",
    "soap_fault",
    "html_200",
    "truncate",
    "json_drift",
    "partial_batch",
    "cut_batch",
)
"""Those that each action is tried with."""

_MORE: Sequence[tuple[Point, str, Mapping[str, Any]]] = (
    *((point, "status", {"status": 500}) for point in ("apply", "after_commit")),
    *(
        (point, "status", {"status": code, "body": "html"})
        for code in (502, 504)
        for point in ("apply", "after_commit")
    ),
    ("after_commit", "status", {"status": 524, "body": "empty"}),
    *(("admit", "refusal", {"status": code}) for code in (400, 404, 409, 412)),
    *(("apply", "throttle", {"status": code}) for code in (429, 503)),
    ("apply", "soap_fault", {"code": "Client", "detail": "vendor"}),
    ("after_commit", "soap_fault", {"status": 200, "detail": "html"}),
)
"""Beside each kind as it is by itself."""

_WAIT = 7.0  # seconds that the target asks for
_LONG = 30.0  # virtual seconds of a call that can wait for that
_EARLY = 0.5  # seconds by which a date, which has no fractions, may be understood as earlier


def _faults(trial: Trial, name: str) -> Iterator[Fault]:
    """The answers that an action is tried with: to its requests, and to those of a login for one action only.

    What reads an answer is mostly shared, so that everything is tried with the first action that makes a request,
    and with the others what happens most, and what they may well read by themselves.
    """
    actions = (*trial.writes, *trial.reads)
    before = {request for one in actions[: actions.index(name)] for request in trial.requests(one)}
    subject = trial.subject
    lanes = {
        request: subject.lanes[request]
        for request in trial.requests(name)
        if request not in before or subject.lanes[request] != "auth"
    }
    kinds = [kind for kind in _ANSWERS if subject.kinds is None or kind in subject.kinds]
    for fault in single_faults(lanes, subject.batches, kinds=kinds, traits=trial.traits, values=subject.values):
        if fault.kind in _OF_EACH or not before.issuperset(fault.match.operations):
            yield fault
    for point, kind, params in _MORE:
        if kind not in kinds or any(value not in subject.values.get(one, (value,)) for one, value in params.items()):
            continue
        for request in trial.targets(name, point, kind, trial.lane_of(name)):
            if request in before and kind not in _OF_EACH:
                continue
            words = "-".join(str(value) for value in params.values())
            yield Fault(
                id=f"{request}-{point}-{kind}-{words}",
                match=Match(operation=request),
                point=point,
                kind=kind,
                params=dict(params),
                trigger=Trigger(nth=1),
            )


def _cases(trial: Trial) -> Iterator[Case]:
    missing = set(_ANSWERS)
    for name in (*trial.writes, *trial.reads):
        by_kind: dict[str, list[Fault]] = {}
        for fault in _faults(trial, name):
            by_kind.setdefault(fault.kind, []).append(fault)
        missing -= by_kind.keys()
        for kind, faults in by_kind.items():
            yield Case(f"{name}-{kind}", partial(_answers, trial, name, faults))
    yield from declared_codes.cases(trial)
    if missing:
        shown = ", ".join(sorted(missing))
        yield Case("not-simulated", partial(_not_simulated, shown))


def _not_simulated(kinds: str) -> None:
    raise Exempt(f"the simulator, or what it stands for, has no {kinds}")


def _answers(trial: Trial, name: str, faults: Sequence[Fault]) -> None:
    together([partial(_answer, trial, name, fault) for fault in faults], [fault.id for fault in faults])


def _answer(trial: Trial, name: str, fault: Fault) -> None:
    async def script(play: Play) -> None:
        worker = await play.stage.start_worker()
        sample = await play.sample(name)
        outcome = await play.ask(worker, name, sample)
        for field, value in sample.reply.items():
            told = getattr(getattr(outcome, "value", None), field, value)
            play.expect(str(told) == str(value), f"{name} answers {field}={told!r}, and it is {value!r}")
        play.expect(not play.target.faults.never_fired(), f"{fault.id} was planned and never happened")
        await play.conclude()
        words_are_true(play)

    trial.play(script, [fault])


def words_are_true(play: Play) -> None:
    """Hold what the adapter said of each attempt against what the attempt did.

    Args:
        play: The episode, at its end.
    """
    entries = play.stage.journal.entries
    begun = {(one.attempt, one.operation): one for one in entries if isinstance(one, Attempted)}
    for answer in entries:
        if not isinstance(answer, Answered) or (sent := begun.get((answer.attempt, answer.operation))) is None:
            continue
        if (truth := play.truth_of(answer.operation)) is None:
            continue
        said = answer.error or "an acknowledgement"
        if answer.effect == "none" and any(sent.at <= at <= answer.at for at in truth.at):
            play.wrong(f"{sent.action}: {said} says that there is no effect, and the attempt had one")
        if answer.effect == "applied" and not any(at <= answer.at for at in truth.at):
            play.wrong(f"{sent.action}: {said} says that it is there, and it is not")


def _retry_after(trial: Trial, name: str, form: str) -> None:
    # The request is sent twelve seconds after the epoch: the stage opens, and what it is about grows older.
    date = formatdate(LoopClock().epoch + 12.0 + _WAIT + 1.0, usegmt=True)
    text = {"seconds": f"{_WAIT:.0f}", "date": date, "nonsense": "soon", "negative": "-5", "nothing": None}[form]
    fault = trial.fault(name, "apply", "throttle", {"retry_after": text})

    async def script(play: Play) -> None:
        worker = await play.stage.start_worker()
        sample = await play.sample(name)
        await play.ask(worker, name, sample, deadline=_LONG)
        entries = play.stage.journal.entries
        (struck,) = [one for one in entries if isinstance(one, Wire) and one.fault]
        again = [one.at - struck.at for one in entries if isinstance(one, Wire) and one.at > struck.at]
        if form in ("seconds", "date"):
            early = min(again, default=_WAIT)
            play.expect(
                early >= _WAIT - _EARLY, f"the target asked for {_WAIT} s, and after {early:.1f} s it was asked again"
            )
        await play.conclude()
        words_are_true(play)

    trial.play(script, [fault])


def _waits(trial: Trial) -> Iterator[Case]:
    for name in (*trial.writes[:1], *trial.reads[:1]):
        for form in ("seconds", "date", "nonsense", "negative", "nothing"):
            yield Case(f"{name}-{form}", partial(_retry_after, trial, name, form))


ERROR_MAP = Check(
    "error_map",
    "Whatever the target or something before it answers, what is said of the effect is true.",
    _cases,
)
RETRY_AFTER = Check(
    "retry_after",
    "A Retry-After is understood in each of its forms, and nothing is sent inside it.",
    _waits,
)

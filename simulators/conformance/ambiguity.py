"""The ambiguity matrix: six ways to lose the truth, for every write, and three ways to go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ...core.action import Action, NaturalKey, NoDedupe
from ..chaos.verdicts import Invariant
from ..faults import Fault
from ..kinds import Point
from ..virtual_time import LoopClock
from .cases import Case, Check, Exempt
from .play import Play, at
from .trial import Trial
from .truth import ENFORCED

_LATE = 20.0  # seconds, where nobody declares how late a commit may come
_SHARE = 0.8  # of the declared horizon, at most
_SOONEST = 1.0  # seconds: where a commit can come late at all, it can come so late
_EVE = 1_830_297_600.0 - 14.0  # New Year of 2028, in UTC, less what goes by before something is sent, and two seconds
_NIGHT = 5.0  # virtual seconds until another process takes over


@dataclass(frozen=True, slots=True)
class Way:
    """One fault of a row.

    Args:
        point: Where.
        kind: What.
        params: Its parameters.
        instead_of: Played only where this kind cannot befall the simulator.
    """

    point: Point
    kind: str
    params: Mapping[str, Any] | None = None
    instead_of: str = ""


ROWS: Mapping[str, Sequence[Way]] = {
    "before_send": (Way("connect", "refused"), Way("send", "reset", instead_of="refused")),
    "sent": (Way("apply", "reset"), Way("apply", "hang"), Way("before_commit", "reset")),
    "committed_no_reply": (
        Way("after_commit", "reset"),
        Way("after_commit", "hang"),
        Way("after_commit", "status", {"status": 504, "body": "html"}),
    ),
    "reply_truncated": (Way("after_commit", "truncate"), Way("after_commit", "html_200")),
    "duplicate_delivery": (
        Way("apply", "duplicate_delivery", {"answer": "first"}),
        Way("apply", "duplicate_delivery", {"answer": "second"}),
    ),
    "late_commit": (
        Way("later", "late_commit", {"delay": _LATE, "reply": "504"}),
        Way("later", "late_commit", {"delay": 1.0, "reply": "reset"}),
    ),
}
"""What the client cannot tell from each other, by what really happened."""


def _cases(go_on: Callable[[Trial, str, str], None], *more: str) -> Callable[[Trial], Iterator[Case]]:
    def cases(trial: Trial) -> Iterator[Case]:
        for name in trial.writes:
            for row in (*ROWS, *more):
                yield Case(f"{name}-{row}", partial(go_on, trial, name, row))

    return cases


def _faults(trial: Trial, name: str, row: str) -> list[Fault]:
    """The faults of a row that can befall an action."""
    found, missing = [], []
    for way in ROWS[row]:
        if way.instead_of and way.instead_of not in missing:
            continue
        if (way.params or {}).get("answer") == "second" and isinstance(trial.single(name).dedupe, NoDedupe):
            continue  # its refusal would be the target's own word on something that happened: nobody can see through it
        params = dict(way.params or {})
        if "delay" in params and (horizon := trial.single(name).horizon) is not None:
            params["delay"] = max(_SOONEST, min(params["delay"], horizon * _SHARE))
        try:
            found.append(trial.fault(name, way.point, way.kind, params))
        except Exempt:
            missing.append(way.kind)
    if not found:
        raise Exempt(f"the simulator has none of {', '.join(dict.fromkeys(missing))} for the writes of {name}")
    return found


def _retry(trial: Trial, name: str, row: str) -> None:
    async def script(play: Play) -> None:
        worker = await play.stage.start_worker()
        await play.insist([worker], name, await play.sample(name))
        await _end(play, trial.single(name), row)

    for fault in _faults(trial, name, row):
        trial.play(script, [fault])


def _crash(trial: Trial, name: str, row: str) -> None:
    async def script(play: Play, moment: asyncio.Event | None = None, away: float = 0.0) -> None:
        first = await play.stage.start_worker()
        sample = await play.sample(name)

        async def dies() -> None:
            play.stage.kill(first)
            await play.stage.clock.sleep(away)
            await play.stage.start_worker()

        await play.meanwhile(moment or play.struck, dies, play.ask(first, name, sample))
        await play.insist(play.stage.workers, name, sample)
        await _end(play, trial.single(name), row)

    if row == "not_yet_sent":
        moment, step = at("before_send")
        trial.play(lambda play: script(play, moment), step=step)
    elif row == "acknowledged":
        moment, step = at("after_send")
        trial.play(lambda play: script(play, moment), step=step)
    elif row == "over_midnight":
        lost = _faults(trial, name, "committed_no_reply")[:1]
        trial.play(partial(script, away=_NIGHT), lost, clock=LoopClock(_EVE))
    else:
        trial.play(script, _faults(trial, name, row)[:1])  # what the reply looked like, nobody lives to see


def _two_workers(trial: Trial, name: str, row: str) -> None:
    async def script(play: Play) -> None:
        one, two = await play.stage.start_worker(), await play.stage.start_worker()
        sample = await play.sample(name)
        await asyncio.gather(
            play.insist([one], name, sample, client="c1"), play.insist([two], name, sample, client="c2")
        )
        await _end(play, trial.single(name), row)

    trial.play(script, _faults(trial, name, row)[:1])


async def _end(play: Play, action: Action, row: str) -> None:
    if row == "duplicate_delivery" and not isinstance(action.dedupe, ENFORCED):
        play.tolerated.add(Invariant.NO_DUPLICATE)  # a proxy that delivers twice is beyond every client
    ended = await play.conclude()
    never_struck = play.target.faults.never_fired()
    play.expect(not never_struck, f"{', '.join(never_struck)} was planned and never happened: the test proves nothing")
    for status, truth in ended.values():
        if status == "parked":
            play.expect(
                not _finds_out(action),
                f"{action.name} waits for a person, although {type(action.dedupe).__name__} and its probe can find out",
            )
        crashed = any(not worker.alive for worker in play.stage.workers)
        if row == "before_send" and not crashed:
            play.expect(truth.copies, f"{action.name} was not sent for sure, and yet it was given up")


def _finds_out(action: Action) -> bool:
    """Whether what is declared is enough to find out what became of a lost reply."""
    probed = action.probe is not None and (action.horizon is not None or action.probe.absent_is_final)
    return isinstance(action.dedupe, ENFORCED) or (probed and not isinstance(action.dedupe, NaturalKey))


RETRY = Check(
    "ambiguity_retry",
    "After a reply was lost, a client that asks again never causes a second effect, and is told what is true.",
    _cases(_retry),
)
CRASH = Check(
    "ambiguity_crash",
    "A process that is killed right when a reply is lost leaves nothing twice, nothing lost and nothing untold.",
    _cases(_crash, "not_yet_sent", "acknowledged", "over_midnight"),
)
TWO_WORKERS = Check(
    "ambiguity_two_workers",
    "Two processes that get the same request at once cause one effect, whatever happens to the reply.",
    _cases(_two_workers),
)

"""A probe may say that it cannot tell; it never says absent while the effect is there."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ...core.adapter import Absent, Attempt, Finding, Many, Present
from ...core.identity import identify
from ...core.outcome import Applied, Outcome
from ..chaos.samples import as_model
from ..chaos.subject import Sample
from ..faults import Fault, Match
from .cases import Case, Check, Exempt
from .play import Play
from .trial import Trial

_MOMENT = 0.05  # virtual seconds
_HOWS = ("fresh", "not_there", "under_lag", "look_alike", "deleted_by_others")
_LAG = 30.0  # seconds by which a search lags whose lag is not declared


def _cases(trial: Trial) -> Iterator[Case]:
    for name in trial.writes:
        if trial.actions[name].batch is None:
            for how in _HOWS:
                yield Case(f"{name}-{how}", partial(_probe, trial, name, how))


def _probe(trial: Trial, name: str, how: str) -> None:
    action = trial.actions[name]
    if action.probe is None:
        raise Exempt(f"{name} declares no probe")
    lag = action.probe.read_lag
    faults: list[Fault] = []
    if how == "under_lag":
        if "search" not in trial.traits:
            raise Exempt("the simulator has no search that lags behind")
        seconds = {"seconds": lag or _LAG}
        faults = [Fault(id="lag", match=Match(lane="read"), point="visible", kind="search_lag", params=seconds)]

    async def script(play: Play) -> None:
        worker = await play.stage.start_worker()
        sample = await play.sample(name)
        looks = partial(_look, play, trial, name, sample)
        if how == "not_there":
            play.expect(
                not isinstance(found := await looks(), Present), f"the probe finds what was never sent: {found}"
            )
            return
        if how == "look_alike":
            if not play.stage.subjects[play.system].look_alike(play.target, sample):
                raise Exempt(f"the subject makes no look-alikes for {name}")
            await play.stage.clock.sleep(lag + _MOMENT)
            found = await looks()
            play.expect(
                not isinstance(found, Present | Many), f"the probe takes somebody else's record for ours: {found}"
            )
        done = await play.ask(worker, name, sample)
        if not isinstance(done, Applied):
            raise Exempt(f"{name} is not known to be done when the target answers, so that there is nothing to find")
        await play.stage.clock.sleep(_MOMENT)
        found = await looks()
        play.expect(lag or not isinstance(found, Absent), "the probe says absent right after the commit")
        await play.stage.clock.sleep(lag)
        if how == "deleted_by_others":
            await _deleted(play, name, sample, done)
        else:
            _is_ours(play, await looks(), done)

    async def _deleted(play: Play, name: str, sample: Sample, done: Applied[object]) -> None:
        record = done.receipt.record or ""
        if not record or not play.stage.subjects[play.system].remove(play.target, name, record):
            raise Exempt(f"the subject deletes no records of {name}")
        await play.stage.clock.sleep(lag + _MOMENT)
        found = await _look(play, trial, name, sample)
        gone = not isinstance(found, Present) or found.superseded
        play.expect(gone, f"the probe finds a record that others have deleted: {found}")

    trial.play(script, faults)


def _is_ours(play: Play, found: Finding, done: Outcome[object]) -> None:
    assert isinstance(done, Applied)
    play.expect(
        not isinstance(found, Absent), "the probe says absent, and the effect has been there for longer than its lag"
    )
    play.expect(not isinstance(found, Many), f"the probe finds several records, and there is one: {found}")
    if isinstance(found, Present):
        same = found.record is None or done.receipt.record is None or found.record == done.receipt.record
        play.expect(same, f"the probe finds record {found.record}, and ours is {done.receipt.record}")
        play.expect(
            found.superseded or not found.differs,
            f"the probe says that the content differs ({', '.join(found.differs)}), and it does not",
        )


async def _look(play: Play, trial: Trial, name: str, sample: Sample) -> Finding:
    action = trial.actions[name]
    request = as_model(action, sample.request)
    key = identify(play.system, action, request).key
    attempt = Attempt(
        "op_probed", key, request, number=2, maybe_applied=True, sent_before=play.stage.clock.now() - _MOMENT
    )
    adapter = play.stage.workers[0].wall.systems[play.system].adapter
    return await adapter.probe(action, attempt)


PROBES = Check(
    "probe_honesty",
    "A probe never says absent while the effect is there, and never takes another's record for ours.",
    _cases,
)

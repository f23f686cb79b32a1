"""Holds what was told and what the ledger says against what happened in the target. Pure."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from seawall.core.ledger.records import Operation, Status

from .records import Arrival, Ask, Claim, Effect, Recorded, Strike
from .steps import BEFORE_BYTES


@dataclass
class Evidence:
    """Everything a campaign wrote down.

    Args:
        asks: What was asked, and told.
        effects: The target's effect log.
        arrivals: Writes that arrived at the target, with or without an effect.
        strikes: Kills and stops.
        claims: What recovery took over.
        recorded: Verdicts that became durable.
        operations: The ledger, when all is settled.
    """

    asks: Sequence[Ask]
    effects: Sequence[Effect]
    arrivals: Sequence[Arrival]
    strikes: Sequence[Strike]
    claims: Sequence[Claim]
    recorded: Sequence[Recorded]
    operations: Sequence[Operation]


@dataclass
class Verdict:
    """What is not as it was promised; each entry names what to look up.

    Args:
        duplicates: Happened more than once.
        lost: Called applied, and not there then, or not as asked for.
        phantom_failures: Called rejected, and it happened.
        unresolved: Still open in the ledger, or parked without a reason.
        unaccounted: Happened or was told of, and the ledger knows nothing of it.
        stale_sends: Sent by a worker that had been stopped before the bytes left, after another took over.
        stale_records: Recorded by a worker that had been stopped, after another took over.
    """

    duplicates: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    phantom_failures: list[str] = field(default_factory=list)
    unresolved: list[str] = field(default_factory=list)
    unaccounted: list[str] = field(default_factory=list)
    stale_sends: list[str] = field(default_factory=list)
    stale_records: list[str] = field(default_factory=list)

    def found(self) -> list[str]:
        """All of it, in words; empty when every promise held."""
        return [f"{name}: {one}" for name, many in vars(self).items() for one in many]


def judge(evidence: Evidence) -> Verdict:
    """Find everything that is not as it was promised."""
    verdict = Verdict()
    happened: dict[str, list[Effect]] = defaultdict(list)
    for effect in evidence.effects:
        happened[effect.reference].append(effect)
    by_reference = {json.loads(one.request)["reference"]: one for one in evidence.operations}
    known = {one.id for one in evidence.operations}
    verdict.duplicates = [f"{name} happened {len(all_)} times" for name, all_ in happened.items() if len(all_) > 1]
    for reference, operation in by_reference.items():
        _judge_operation(verdict, reference, operation, happened[reference])
    asks: dict[str, list[Ask]] = defaultdict(list)
    for ask in evidence.asks:
        asks[ask.reference].append(ask)
    for ask in evidence.asks:
        if ask.operation and ask.operation not in known:
            verdict.unaccounted.append(f"{ask.reference} was told of as {ask.operation}")
        if ask.word == "applied" and _lost(ask, happened[ask.reference]):
            verdict.lost.append(f"{ask.reference} was told applied to ask {ask.number}")
        if ask.word == "rejected" and _phantom(ask, happened[ask.reference], asks[ask.reference]):
            verdict.phantom_failures.append(f"{ask.reference} was told rejected ({ask.code}) to ask {ask.number}")
    verdict.unaccounted += [f"{name} happened" for name, all_ in happened.items() if all_ and name not in by_reference]
    for stop, epoch, until in superseded(evidence):
        assert stop.ended is not None
        mine = (stop.life, stop.operation)
        name = f"{stop.operation} by worker {stop.life}, stopped at {stop.step!r}"
        for arrival in evidence.arrivals:
            by_it = arrival.token == stop.token if stop.token else arrival.first
            if (arrival.life, arrival.operation) == mine and by_it and stop.ended < arrival.at < until:
                verdict.stale_sends += [name] if stop.step in BEFORE_BYTES else []
        for one in evidence.recorded:
            # What leaves an operation open may have been durable before the stop, and was told only after it.
            late = one.began > stop.ended or (one.final and one.at > stop.ended)
            if (one.life, one.operation) == mine and one.epoch <= epoch and late:
                verdict.stale_records.append(name)
    return verdict


def _judge_operation(verdict: Verdict, reference: str, operation: Operation, happened: Sequence[Effect]) -> None:
    match operation.status:
        case Status.RUNNING | Status.UNKNOWN:
            verdict.unresolved.append(f"{reference} is {operation.status}")
        case Status.PARKED if not operation.parked_because:
            verdict.unresolved.append(f"{reference} is parked, and nobody knows why")
        case Status.APPLIED if not happened:
            verdict.lost.append(f"{reference} is recorded as applied")
        case Status.REJECTED if happened:
            verdict.phantom_failures.append(f"{reference} is recorded as rejected")


def _lost(ask: Ask, happened: Sequence[Effect]) -> bool:
    told_at = ask.told_at or 0.0
    return ask.told_text != ask.text or not any(one.at <= told_at and one.text == ask.text for one in happened)


def _phantom(ask: Ask, happened: Sequence[Effect], asks: Sequence[Ask]) -> bool:
    """Whether an effect contradicts a rejection, and no other ask can have brought it about.

    A rejection proves that nothing happened so far; whoever asks again may then be served. So an effect is no
    contradiction when somebody else asked for the same while this one was told, or later.
    """
    told_at = ask.told_at or 0.0
    others = [one for one in asks if one is not ask]
    for effect in happened:
        if not ask.operation:
            # It says of this call alone that nothing was sent for it.
            if not any(one.asked_at <= effect.arrived for one in others):
                return True
            continue
        until = max(told_at, effect.arrived)
        if not any(one.asked_at <= until and (one.told_at or until) >= ask.asked_at for one in others):
            return True
        earlier = effect.arrived < ask.asked_at
        if earlier and not any(one.asked_at < told_at and (one.told_at or told_at) > ask.asked_at for one in others):
            return True
    return False


def superseded(evidence: Evidence) -> list[tuple[Strike, int, float]]:
    """The stops during which another worker took the operation over.

    Each with the epoch under which the stopped worker held it, which it must not record under any more, and with the
    time when it comes to hold it anew, if ever: until then it must not send. Whoever goes on after such a stop must
    find out, at its last look, that it has lost the operation. What counts as later is told by epochs and not by
    times: a worker that was stopped in a claim tells of it when it goes on, long after another took it over.
    """
    claims: dict[str, list[Claim]] = defaultdict(list)
    for claim in evidence.claims:
        claims[claim.operation].append(claim)
    found = []
    for stop in evidence.strikes:
        if stop.by != "SIGSTOP" or stop.ended is None or not stop.operation:
            continue
        all_ = claims[stop.operation]
        own = [one for one in all_ if one.life == stop.life]
        epoch = max((one.epoch for one in own if one.at <= stop.began), default=0)
        if any(one.life != stop.life and one.epoch > epoch and one.at < stop.ended for one in all_):
            found.append((stop, epoch, min((one.at for one in own if one.epoch > epoch), default=float("inf"))))
    return found


@dataclass
class Figures:
    """A campaign in numbers, for people.

    Args:
        kills: SIGKILL and SIGSTOP, by step and signal.
        power_cuts: Kills of the database server.
        asked: Calls made; `unanswered` of them died with their worker.
        statuses: Operations by kind and final status.
        superseded: Stopped workers that had lost their operation when they went on.
        faults: Faults of the target.
    """

    kills: Counter[tuple[str, str]]
    power_cuts: int
    asked: int
    unanswered: int
    statuses: Mapping[tuple[str, str], int]
    superseded: int
    faults: int
    seconds: float

    @property
    def killed(self) -> int:
        return sum(self.kills.values())

    @property
    def operations(self) -> int:
        return sum(self.statuses.values())

    def share(self, kind: str, status: Status) -> float:
        """The part of a kind's operations that ended in a status."""
        all_ = sum(count for (one, _), count in self.statuses.items() if one == kind)
        return self.statuses.get((kind, status), 0) / max(1, all_)


def figures(evidence: Evidence, *, power_cuts: int, faults: int, seconds: float) -> Figures:
    """Count."""
    return Figures(
        kills=Counter((strike.step, strike.by) for strike in evidence.strikes),
        power_cuts=power_cuts,
        asked=len(evidence.asks),
        unanswered=sum(ask.word is None for ask in evidence.asks),
        statuses=Counter((one.action, one.status.value) for one in evidence.operations),
        superseded=len(superseded(evidence)),
        faults=faults,
        seconds=seconds,
    )

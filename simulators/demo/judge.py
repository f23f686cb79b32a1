"""Holds what agents were told against what happened. Pure: requests, claims and effects in, figures out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ..effects import Effect

Word = Literal["applied", "rejected", "unknown", "parked"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A business request as the judge sees it.

    Args:
        token: Part of everything that is written for it.
        kind: Its kind; `close` and `update` change a record, the others make one or run something.
        case: Token of the case it is about, if it is about one.
        order: Its place in the agent's work; later changes of a case must win.
        texts: The wordings it was asked for in; an effect that holds none of them is not what was asked for. Empty
            where only the token is known.
    """

    token: str
    kind: str
    case: str | None = None
    order: int = 0
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """What somebody was told about a request.

    Args:
        token: The request.
        word: What was said.
        at: When, in seconds since the epoch, by the clock that the effect log goes by.
        sure: False for a failure that says nothing about whether it happened (a timeout, a 5xx).
    """

    token: str
    word: Word
    at: float
    sure: bool = True


@dataclass(slots=True)
class Verdict:
    """What the judge found; tokens, so that each can be looked up.

    Args:
        duplicates: Requests that happened more than once, one entry for each time too many.
        lost: Requests that were called applied and had not happened in the words asked for by then, or whose change
            an older one overwrote.
        phantom_failures: Requests that were called rejected although they happened, or had been sent by then and
            happened later.
        unasked: Numbers of effects that no request asked for.
        effects: The effects of each request.
    """

    duplicates: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    phantom_failures: list[str] = field(default_factory=list)
    unasked: list[int] = field(default_factory=list)
    effects: dict[str, list[Effect]] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not (self.duplicates or self.lost or self.phantom_failures or self.unasked)


def judge(
    wanted: Sequence[Wanted],
    claims: Iterable[Claim],
    final: Mapping[str, Word],
    effects: Sequence[Effect],
) -> Verdict:
    """Judge one contestant.

    Args:
        wanted: The requests.
        claims: What agents were told, in any order; each is held against what happened.
        final: The last word on each request, once everything is settled.
        effects: The target's effect log.
    """
    found = _by_token(wanted, effects)
    owned = {effect.seq for one in found.values() for effect in one}
    verdict = Verdict(effects=found, unasked=[effect.seq for effect in effects if effect.seq not in owned])
    arrived = _arrivals(effects)
    told: dict[str, list[Claim]] = defaultdict(list)
    for claim in claims:
        told[claim.token].append(claim)
    for request in wanted:
        happened = found.get(request.token, [])
        verdict.duplicates += [request.token] * (_times(happened) - 1)
        said, last = told[request.token], final.get(request.token)
        if _lost(request, said, last, happened):
            verdict.lost.append(request.token)
        if happened and (last == "rejected" or _denied_falsely(said, min(arrived[one.seq] for one in happened))):
            verdict.phantom_failures.append(request.token)
    verdict.lost += [token for token in _overwritten(wanted, final, found) if token not in verdict.lost]
    return verdict


def _by_token(wanted: Sequence[Wanted], effects: Sequence[Effect]) -> dict[str, list[Effect]]:
    known = {request.token for request in wanted}
    closes = {request.case: request.token for request in wanted if request.kind == "close"}
    found: dict[str, list[Effect]] = defaultdict(list)
    records: dict[str, str] = {}
    for effect in effects:
        token = _token_in(effect)
        if token is not None:
            if effect.kind == "insert" and effect.object == "Case":
                records[effect.record_id] = token
        elif effect.kind == "update" and effect.fields.get("Status") == "Closed":
            token = closes.get(records.get(effect.record_id))
        if token in known and token is not None:
            found[token].append(effect)
    return dict(found)


def _token_in(effect: Effect) -> str | None:
    for text in map(str, effect.fields.values()):
        at = text.find("REQ-")
        if at >= 0:
            return text[at : at + 9]
    return None


def _times(happened: Sequence[Effect]) -> int:
    """How often a request really happened: writing the same values again changes nothing."""
    return max(1, sum(1 for effect in happened if effect.kind in ("insert", "invoke") or _changed_content(effect)))


_CONTENT = {
    "Subject",
    "Priority",
    "Description",
    "Status",
    "note",
}  # what agents ask for; the rest is for recognising it


def _changed_content(effect: Effect) -> bool:
    return not _CONTENT.isdisjoint(effect.changed)


def _lost(request: Wanted, said: Sequence[Claim], last: Word | None, happened: Sequence[Effect]) -> bool:
    """Whether it was called applied, and was not there as asked for when that was said, or not at all."""
    first = min((effect.at for effect in happened if _as_asked(request, effect)), default=None)
    if first is None:
        return last == "applied" or any(claim.word == "applied" for claim in said)
    return any(claim.word == "applied" and claim.at < first - _CLOCKS_APART for claim in said)


def _as_asked(request: Wanted, effect: Effect) -> bool:
    return not request.texts or any(text in str(value) for text in request.texts for value in effect.fields.values())


def _arrivals(effects: Sequence[Effect]) -> dict[int, float]:
    """The latest time at which the request behind each effect can have arrived, by number of the effect.

    Requests are numbered as they arrive: one that had its effect arrived before, and so did all with a lower number.
    """
    arrived: dict[int, float] = {}
    latest = float("inf")
    for effect in sorted(effects, key=lambda one: one.request_id, reverse=True):
        latest = min(latest, effect.at)
        arrived[effect.seq] = latest
    return arrived


def _denied_falsely(said: Sequence[Claim], arrived: float) -> bool:
    """Whether it was called rejected when what made it happen, then or later, had been sent already."""
    return any(claim.word == "rejected" and claim.at > arrived + _CLOCKS_APART for claim in said)


_CLOCKS_APART = 0.005  # seconds; all read the same machine's clock


def _overwritten(wanted: Sequence[Wanted], final: Mapping[str, Word], found: Mapping[str, list[Effect]]) -> list[str]:
    """Acknowledged changes of a record that an older request's late effect undid."""
    by_record: dict[str, list[tuple[Effect, Wanted]]] = defaultdict(list)
    for request in wanted:
        if request.kind == "update":
            for effect in found.get(request.token, []):
                if _changed_content(effect):
                    by_record[effect.record_id].append((effect, request))
    undone: dict[str, None] = {}
    for changes in by_record.values():
        newest: Wanted | None = None
        for _, request in sorted(changes, key=lambda one: one[0].seq):
            if newest is not None and request.order < newest.order:
                undone[newest.token] = None
            elif final.get(request.token) == "applied":
                newest = request
    return list(undone)

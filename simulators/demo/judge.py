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
    """

    token: str
    kind: str
    case: str | None = None
    order: int = 0


@dataclass(frozen=True, slots=True)
class Claim:
    """What somebody was told about a request.

    Args:
        token: The request.
        word: What was said.
        at: When, in seconds since the epoch.
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
        lost: Requests that were called applied and did not happen, or whose change an older one overwrote.
        phantom_failures: Requests that were called rejected although they happened.
        effects: The effects of each request.
    """

    duplicates: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    phantom_failures: list[str] = field(default_factory=list)
    effects: dict[str, list[Effect]] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not (self.duplicates or self.lost or self.phantom_failures)


def judge(
    wanted: Sequence[Wanted],
    claims: Iterable[Claim],
    final: Mapping[str, Word],
    effects: Sequence[Effect],
) -> Verdict:
    """Judge one contestant.

    Args:
        wanted: The requests.
        claims: Everything agents were told, in any order.
        final: The last word on each request, once everything is settled.
        effects: The target's effect log.
    """
    verdict = Verdict(effects=_by_token(wanted, effects))
    told: dict[str, list[Claim]] = defaultdict(list)
    for claim in claims:
        told[claim.token].append(claim)
    for request in wanted:
        happened = verdict.effects.get(request.token, [])
        verdict.duplicates += [request.token] * (_times(request, happened) - 1)
        said = told[request.token]
        last = final.get(request.token)
        if not happened and (last == "applied" or any(claim.word == "applied" for claim in said)):
            verdict.lost.append(request.token)
        if happened and (last == "rejected" or _denied_too_late(said, happened)):
            verdict.phantom_failures.append(request.token)
    verdict.lost += _overwritten(wanted, final, verdict.effects, effects)
    return verdict


def _by_token(wanted: Sequence[Wanted], effects: Sequence[Effect]) -> dict[str, list[Effect]]:
    known = {request.token: request for request in wanted}
    closes = {request.case: request.token for request in wanted if request.kind == "close"}
    found: dict[str, list[Effect]] = defaultdict(list)
    records: dict[str, str] = {}
    for effect in effects:
        token = _token_in(effect)
        if token is not None and token in known:
            found[token].append(effect)
            if effect.kind == "insert" and effect.object == "Case":
                records[effect.record_id] = token
        elif effect.kind == "update" and effect.fields.get("Status") == "Closed":
            token = closes.get(records.get(effect.record_id))
            if token is not None:
                found[token].append(effect)
    return dict(found)


def _token_in(effect: Effect) -> str | None:
    for text in map(str, effect.fields.values()):
        at = text.find("REQ-")
        if at >= 0:
            return text[at : at + 9]
    return None


def _times(request: Wanted, happened: Sequence[Effect]) -> int:
    """How often a request really happened: writing the same values again changes nothing."""
    if request.kind in ("update", "close"):
        return max(1, sum(1 for effect in happened if _changed_content(effect)))
    return max(1, len(happened))


def _changed_content(effect: Effect) -> bool:
    return bool({"Description", "Status"} & set(effect.changed))


def _denied_too_late(said: Sequence[Claim], happened: Sequence[Effect]) -> bool:
    """Whether it was called rejected at a time when it had happened already."""
    first = min(effect.at for effect in happened)
    return any(claim.word == "rejected" and claim.at > first + _CLOCKS_APART for claim in said)


_CLOCKS_APART = 0.005  # seconds; the simulator and the agents read the same machine's clock


def _overwritten(
    wanted: Sequence[Wanted], final: Mapping[str, Word], found: Mapping[str, list[Effect]], effects: Sequence[Effect]
) -> list[str]:
    """Acknowledged changes of a case that an older request's late effect undid."""
    order = {request.token: request for request in wanted if request.kind == "update"}
    last_by_record: dict[str, str] = {}
    for effect in effects:
        token = _token_in(effect)
        if token in order and effect.kind == "update" and token is not None:
            last_by_record[effect.record_id] = token
    undone = []
    for token, request in order.items():
        for effect in found.get(token, [])[:1]:
            winner = order[last_by_record[effect.record_id]]
            if final.get(token) == "applied" and winner.order < request.order:
                undone.append(token)
    return undone

"""Looking with an adapter's own probe, and what its finding must hold where the effect is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from ...core.adapter import Absent, Attempt, Finding, Many, Present
from ...core.errors import IntegrationError
from ...core.identity import identify
from ...core.outcome import Applied
from ..chaos.samples import as_model
from ..chaos.subject import Change, Sample
from ..chaos.worker import Worker
from .cases import Todo
from .play import Play
from .trial import Trial

MOMENT = 0.05  # virtual seconds


@dataclass(frozen=True, slots=True)
class Looking:
    """Looks whether a sample was done.

    Args:
        play: The episode.
        trial: Whose adapter is on trial.
        name: The action; no batch.
        sample: The sample.
        since: Seconds since the epoch at which it was first sent, or might have been.
    """

    play: Play
    trial: Trial
    name: str
    sample: Sample
    since: float

    @property
    def lag(self) -> float:
        """Virtual seconds by which what the probe reads may be behind."""
        probe = self.trial.actions[self.name].probe
        return 0.0 if probe is None else probe.read_lag

    @property
    def key(self) -> str:
        """The sample's key."""
        action = self.trial.actions[self.name]
        return identify(self.play.system, action, as_model(action, self.sample.request)).key

    async def look(self, worker: Worker | None = None) -> Finding:
        """Probe once, with the first worker's adapter or with another's.

        Raises:
            IntegrationError: The probe could not look.
        """
        adapter = (worker or self.play.stage.workers[0]).wall.systems[self.play.system].adapter
        action = self.trial.actions[self.name]
        request = as_model(action, self.sample.request)
        attempt = Attempt("op_probed", self.key, request, number=2, maybe_applied=True, sent_before=self.since)
        return await adapter.probe(action, attempt)

    async def look_anyhow(self, worker: Worker | None = None) -> Finding | None:
        """The same; None where the probe could not look, whatever it raised: that says nothing of the effect."""
        try:
            return await self.look(worker)
        except Exception:  # noqa: BLE001 -- what is no `IntegrationError` counts as in doubt, too
            return None

    def hold(self, found: Finding | None, done: Applied[Any], when: str) -> None:
        """Hold a finding against an effect that is there: it is found as it is, or it is not told.

        Args:
            found: The finding, if there is one.
            done: What was acknowledged.
            when: Under which circumstances, for the message.
        """
        expect = self.play.expect
        expect(not isinstance(found, Absent), f"the probe says absent {when}, and the effect is there")
        expect(not isinstance(found, Many), f"the probe finds several records {when}, and there is one: {found}")
        if not isinstance(found, Present):
            return
        made = {"insert"} == {kind for wanted in self.sample.wanted for kind in wanted.kinds}
        records = self.play.truth(self.name, self.sample).records if made else ()
        ours = (done.receipt.record,) if done.receipt.record is not None else records
        expect(
            found.record is None or not ours or found.record in ours,
            f"the probe finds record {found.record}, and ours is {', '.join(map(str, ours))}",
        )
        expect(
            found.superseded or not found.differs,
            f"the probe says that the content differs ({', '.join(found.differs)}), and it does not",
        )
        for field, told, really in untrue(found.value, done.value):
            self.play.wrong(f"the reply that the probe makes says {field}={told!r}, and the action answered {really!r}")


def change(play: Play, name: str, sample: Sample, to: Change, record: str = "") -> None:
    """Let somebody else change the record of a sample.

    Args:
        play: The episode.
        name: The action; no batch.
        sample: The sample.
        to: What of it.
        record: The record's id; the one by which the sample is known if empty.

    Raises:
        Todo: The sample does not name its record, or the subject changes none.
    """
    record = record or record_of(sample)
    if not record:
        raise Todo(f"let the first `wanted` of the samples of {name} name the record by its id, so that others find it")
    if not play.stage.subjects[play.system].change(play.target, sample, record, to):
        raise Todo(f"the subject changes no records of {name}: write its `change`, as its simulator lets others act")


def record_of(sample: Sample) -> str:
    """Id of the record by which a sample is known; empty if it is known otherwise."""
    return sample.wanted[0].where.get("id", "") if sample.wanted else ""


def is_done(found: Finding | IntegrationError | None) -> bool:
    """Whether a finding is taken as the proof that the effect is there, as it was asked for."""
    return isinstance(found, Present) and (found.superseded or not found.differs)


def untrue(told: Any, really: Any) -> list[tuple[str, Any, Any]]:
    """Fields of a reply that a probe made which say something else than the action did; None says nothing.

    Args:
        told: The reply that the probe made.
        really: What the action answered.

    Returns:
        Of each such field its name, what the probe says, and what the action said.
    """
    if not isinstance(told, BaseModel) or not isinstance(really, BaseModel):
        return []
    fields = type(told).model_fields
    pairs = [(name, getattr(told, name), getattr(really, name, None)) for name in fields]
    return [(name, one, other) for name, one, other in pairs if one is not None and one != other]

"""Samples of a stage: made once each, from what they need to have seen, without meeting a fault."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from typing import Any

from pydantic import BaseModel

from ... import Sources
from ...core.action import Action
from ...core.adapter import Adapter, Attempt, Surroundings
from ...core.errors import IntegrationError
from ..faults import nearest
from ..origin import PREPARING
from ..virtual_time import LoopClock
from .subject import Reading, Sample, Subject, SubjectError, opened


class Samples:
    """Makes samples and keeps them.

    Args:
        subjects: System name → its subject.
        targets: System name → its target.
        clock: The virtual clock.
        seed: Seeds the readers.
    """

    def __init__(
        self, subjects: Mapping[str, Subject], targets: Mapping[str, Any], clock: LoopClock, seed: int
    ) -> None:
        self.makers = {name: subject.samples(targets[name]) for name, subject in subjects.items()}
        self._subjects = subjects
        self._targets = targets
        self._clock = clock
        self._seed = seed
        self._kept: dict[tuple[str, str, int], Sample] = {}
        self._readers: dict[str, Adapter] = {}

    async def of(self, system: str, action: str, number: int) -> Sample:
        """The sample of an action with a number; the same number gives the same sample.

        Raises:
            SubjectError: There is no such system, or the subject makes no samples of that action.
        """
        if system not in self.makers:
            raise SubjectError(f"there is no system {system!r}{nearest(system, self.makers)}")
        place = (system, action, number)
        if place not in self._kept:
            known = self.reader(system).actions
            for what in (self.makers[system], known):
                if action not in what:
                    said = "the adapter has" if what is known else "the subject makes samples of"
                    raise SubjectError(f"{system}: {said} no action {action!r}{nearest(action, what)}")
            made = self.makers[system][action](number)
            if not isinstance(made, Sample):
                raise SubjectError(f"{system}: the subject's sample {number} of {action} is no Sample but {made!r}")
            self._kept[place] = await self.ready(system, known[action], made)
        return self._kept[place]

    async def newer(self, system: str, action: str, number: int) -> Sample | None:
        """What follows a sample, made from what is read now; None where nothing does, or it cannot be read."""
        following = (await self.of(system, action, number)).newer
        if following is None:
            return None
        try:
            return await self.ready(system, self.reader(system).actions[action], following)
        except IntegrationError:  # too many calls, for one; its client has no version to go by
            return None

    async def ready(self, system: str, action: Action, sample: Sample) -> Sample:
        """A sample with its request, made from what it needs to have seen; that is read now and meets no fault.

        Args:
            system: Its system.
            action: Its action.
            sample: The sample, as the subject made it.

        Raises:
            IntegrationError: It could not be read.
        """
        if action.batch is not None:
            items = tuple([await self.ready(system, action.batch.of, item) for item in sample.items])
            return replace(sample, items=items, request=sample.request([one.request for one in items]))
        if sample.after_reading is None:
            return sample
        return replace(sample, request=await self._read(system, sample.after_reading), after_reading=None)

    def reader(self, system: str) -> Adapter:
        """An adapter beside those of the workers, for preparing; it meets no faults."""
        if system not in self._readers:
            drawn = random.Random(f"{self._seed}/reader of {system}")  # noqa: S311 -- repeatable on purpose
            numbers = count(1)
            sources = Sources(self._clock, drawn, lambda prefix: f"{prefix}_reader_{next(numbers):04d}")
            around = Surroundings(system, sources)
            self._readers[system] = opened(self._subjects[system], self._targets[system], around)
        return self._readers[system]

    async def close(self) -> None:
        """Close the readers."""
        for reader in self._readers.values():
            await reader.close()

    async def _read(self, system: str, reading: Reading) -> Any:
        reader = self.reader(system)
        action = reader.actions[reading.action]
        token = PREPARING.set(True)
        try:
            sent = await reader.send(action, Attempt("", "", as_model(action, reading.request)))
        finally:
            PREPARING.reset(token)
        return reading.then(sent.value)


def as_model(action: Action, request: Any) -> BaseModel:
    """A request as its model, made from its fields if it is not one yet."""
    return request if isinstance(request, BaseModel) else action.request.model_validate(request)

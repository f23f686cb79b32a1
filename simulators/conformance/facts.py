"""What an adapter declares: facts that fit together, and effect classes that are what the actions really do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from ...core.action import EffectClass
from ...core.adapter import Adapter
from ...core.tiers import facts_digest
from ..chaos.entries import Wire
from ..chaos.subject import Sample
from ..effects import Effect
from .cases import Case, Check
from .contract import tried
from .play import Play
from .trial import Trial


def _cases(trial: Trial) -> Iterator[Case]:
    yield Case("adapter", partial(_declared, trial))
    for name in tried(trial):
        yield Case(name, partial(_effect, trial, name))


def _declared(trial: Trial) -> None:
    async def script(play: Play) -> None:
        adapter = play.stage.reader(play.system)
        for problem in _problems_of(adapter):
            play.wrong(problem)
        again = (await play.stage.start_worker()).wall.systems[play.system].adapter
        one = {name: facts_digest(action) for name, action in adapter.actions.items()}
        two = {name: facts_digest(action) for name, action in again.actions.items()}
        play.expect(one == two, "two adapters with the same settings declare different facts")

    trial.play(script)


def _problems_of(adapter: Adapter) -> Iterator[str]:
    if not adapter.kind or not adapter.version:
        yield "the adapter has no kind or no version: what it did could not be told apart from what others do"
    if not adapter.actions:
        yield "the adapter declares no action"
    for name, action in adapter.actions.items():
        if action.name != name:
            yield f"the action {action.name} is listed as {name}"
        if action.batch is not None and action.batch.of.name not in adapter.actions:
            yield f"{name} carries items of {action.batch.of.name}, which the adapter does not list"
        means = action.compensation
        if means is not None and means.by not in adapter.actions:
            yield f"{name} is undone by {means.by}, which the adapter does not list"
        yield from _unseen(adapter, name)


def _unseen(adapter: Adapter, name: str) -> Iterator[str]:
    """What keeps people from seeing what a write is about to change, where its action says that they can."""
    seen = adapter.actions[name].observation
    if seen is None:
        return
    reading = adapter.actions.get(seen.by)
    if reading is None or reading.writes:
        yield f"{name} is looked at by {seen.by}, which is no read of the adapter"
    elif seen.version is not None and seen.version not in reading.reply.model_fields:
        yield f"{name} is looked at by {seen.by}, whose reply has no field {seen.version}"


def _effect(trial: Trial, name: str) -> None:
    """Play an action once while nothing goes wrong, and hold its effect class against the effect log."""

    async def script(play: Play) -> None:
        worker = await play.stage.start_worker()
        sample = await play.sample(name)
        before, since = len(play.effects()), len(play.stage.journal.entries)
        await play.stage.call(worker, name, sample)
        await play.stage.settle()
        effects = play.effects()[before:]
        declared = trial.single(name).effect
        if declared is EffectClass.READ:
            writes = [one for one in play.stage.journal.entries[since:] if isinstance(one, Wire)]
            for wire in writes:
                play.expect(wire.lane != "write", f"{name} is declared as read, and sends {wire.request}, which writes")
        for problem in _belied(declared, effects, sample.items or (sample,)):
            play.wrong(f"{name} is declared as {declared}, and {problem}")

    trial.play(script)


def _belied(declared: EffectClass, effects: Sequence[Effect], samples: Sequence[Sample]) -> Iterator[str]:
    """What the effects of a call say against its class. Messages and opaque actions may do whatever they like."""
    kinds = {one.kind for one in effects}
    if declared is EffectClass.READ:
        yield from (f"made an {one.kind} of {one.object}" for one in effects)
    elif declared is EffectClass.CREATE:
        if kinds and "insert" not in kinds:
            yield "inserted nothing"
        if "delete" in kinds:
            yield "deleted something"
    elif declared in (EffectClass.SET, EffectClass.CHANGE):
        if kinds == {"insert"} and not any("update" in one.kinds for sample in samples for one in sample.wanted):
            yield "can only insert"
        if "delete" in kinds:
            yield "deleted something"
    elif declared is EffectClass.DELETE and kinds == {"insert"}:
        yield "only inserted something"


FACTS = Check(
    "facts",
    "What the adapter declares fits together, is the same each time, and is what its actions do.",
    _cases,
)

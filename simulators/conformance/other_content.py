"""What a probe makes of other content under our key: of another request by somebody who made the same key."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import islice

from pydantic import BaseModel

from ...core.action import Action
from ...core.adapter import Attempt
from ...core.errors import IntegrationError
from ..chaos.samples import as_model
from ..chaos.subject import Sample
from .cases import Exempt, Todo
from .play import Play
from .probing import MOMENT, Looking, is_done
from .rewording import other_wordings
from .trial import Trial

_MOST = 20  # wordings that are tried until one of them shows


def look(trial: Trial, name: str) -> None:
    """Look for a request after another wording of it was done under its key.

    Args:
        trial: The adapter on trial.
        name: The action; no batch.

    Raises:
        AssertionError: The probe takes the other content for what was asked for.
        Exempt: There is no other content, or nobody sees it.
        Todo: The subject must name or show it.
    """
    if trial.actions[name].probe is None:
        raise Exempt(f"{name} declares no probe")

    async def count(play: Play) -> int:
        await play.stage.start_worker()
        return len(_wordings(play, trial.actions[name], await play.sample(name)))

    useless: list[Exempt | Todo] = []
    for nth in range(trial.play(count)):
        try:
            return trial.play(partial(_look, trial, name, nth))
        except (Exempt, Todo) as reason:
            useless.append(reason)
    raise next((one for one in useless if isinstance(one, Todo)), useless[0])


def _wordings(play: Play, action: Action, sample: Sample) -> Sequence[BaseModel]:
    """The sample's own other wording, and those that the kit can make."""
    own = [] if sample.reworded is None else [as_model(action, sample.reworded)]
    made = other_wordings(play.system, action, as_model(action, sample.request), sample.wanted)
    try:
        return [*own, *islice(made, _MOST)]
    except (Exempt, Todo):
        if own:
            return own
        raise


async def _look(trial: Trial, name: str, nth: int, play: Play) -> None:
    action = trial.actions[name]
    await play.stage.start_worker()
    sample = await play.sample(name)
    wording = _wordings(play, action, sample)[nth]
    looking = Looking(play, trial, name, sample, play.stage.clock.now())
    before = len(play.effects())
    try:
        await play.stage.reader(play.system).send(action, Attempt("op_other", looking.key, wording))
    except IntegrationError as error:
        says = f"the target takes no other wording of {name}: {error}"
        raise (Todo(f"{says}; give its samples a `reworded`") if sample.reworded is None else Exempt(says)) from None
    truth = play.truth(name, sample)
    if truth.copies and truth.content:
        written = [str(value) for effect in play.effects()[before:] for value in effect.fields.values()]
        others = _others(action, sample, wording)
        if any(str(one) == text or (isinstance(one, str) and one in text) for one in others for text in written):
            raise Todo(f"let `wanted` of the samples of {name} show the content, so that other content is told from it")
        raise Exempt(f"no other wording of {name} leaves anything else than was asked for in the effect log")
    await play.stage.clock.sleep(looking.lag + MOMENT)
    try:
        found = await looking.look()
    except IntegrationError:
        return  # it says that it could not look, and why
    play.expect(not is_done(found), f"the probe takes other content for what was asked for: {found}")


def _others(action: Action, sample: Sample, wording: BaseModel) -> Sequence[object]:
    """What another wording asks for in place of what its sample does; what it asks for beside that is no other."""
    ours, theirs = (dict(one) for one in (as_model(action, sample.request), wording))
    return [value for name, value in theirs.items() if None not in (value, ours[name]) and value != ours[name]]

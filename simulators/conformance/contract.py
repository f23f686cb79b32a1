"""What actions are to do: models that can be written down, work that is done, doubt where nobody foresaw what came."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Any

from pydantic import BaseModel

from ...core.action import Action, NoDedupe
from ...core.errors import InvalidRequest
from ...core.identity import identify
from ...core.outcome import Applied, Outcome, Pending, Rejected
from ..chaos.samples import as_model
from ..chaos.subject import Sample
from ..chaos.verdicts import Invariant
from .altered import Altered
from .cases import Case, Check, Exempt, Todo
from .play import Play, parts
from .trial import Trial

_DAY = 86_400.0  # virtual seconds
_STRANGE = "no_such_field_as_this"


def for_each(names: Callable[[Trial], tuple[str, ...]], run: Callable[[Trial, str], None]) -> Any:
    """Cases of a check that is tried once for each of some actions."""

    def cases(trial: Trial) -> Iterator[Case]:
        for name in names(trial):
            yield Case(name, partial(run, trial, name))

    return cases


def once(run: Callable[[Trial], None]) -> Any:
    """Cases of a check that is tried once."""

    def cases(trial: Trial) -> Iterator[Case]:
        yield Case("adapter", partial(run, trial))

    return cases


def tried(trial: Trial) -> tuple[str, ...]:
    """All actions that are tried."""
    return (*trial.reads, *trial.writes)


def _samples(trial: Trial) -> None:
    unknown = [name for name in trial.tried if name not in trial.actions]
    assert not unknown, f"there are samples of {', '.join(unknown)}, which the adapter does not declare"
    if not trial.tried or (not trial.writes and any(action.writes for action in trial.actions.values())):
        raise Todo("make samples, of writes too where there are any: nothing is proven of what is not tried")

    async def script(play: Play) -> None:
        for name in trial.writes:
            action = trial.single(name)
            one, two = await play.sample(name, 1), await play.sample(name, 2)
            keys = [_keys(play.system, action, sample) for sample in (one, two)]
            play.expect(not keys[0] & keys[1], f"two samples of {name} are the same request: they share an identity")
            for single in one.items or (one,):
                play.expect(single.wanted, f"a sample of {name} names no effect by which it is known")

    trial.play(script)
    if untried := [name for name in trial.actions if name not in trial.tried]:
        raise Exempt(f"not tried, and so never proven: {', '.join(untried)}")


def _keys(system: str, action: Action, sample: Sample) -> set[str]:
    return {identify(system, action, as_model(action, one.request)).key for one in sample.items or (sample,)}


def _calm(trial: Trial, name: str) -> None:
    async def script(play: Play) -> None:
        worker = await play.stage.start_worker()
        sample = await play.sample(name)
        outcome = await play.ask(worker, name, sample)
        values = _values(outcome)
        if isinstance(outcome, Pending) and play.truth(name, sample).copies == 1 and _only_accepts(trial.single(name)):
            await play.conclude()
            raise Exempt(f"the target merely accepts {name}, which proves nothing: a person is asked each time")
        play.expect(values, f"{name} does not work although nothing goes wrong: {outcome}")
        for field, value in sample.reply.items():
            seen = getattr(values[0], field, None) if values else None
            play.expect(str(seen) == str(value), f"{name} answers {field}={seen!r}, and it is {value!r}")
        await play.conclude()

    trial.play(script)


def _only_accepts(action: Action) -> bool:
    return isinstance(action.dedupe, NoDedupe) and action.probe is None


def _values(outcome: Outcome[Any] | None) -> list[Any]:
    """The values, if all went well."""
    whole = parts(outcome)
    values = [part.value for part in whole if isinstance(part, Applied)]
    return values if len(values) == len(whole) else []


def _schemas(trial: Trial, name: str) -> None:
    async def script(play: Play) -> None:
        action, sample = trial.actions[name], await play.sample(name)
        for model in (action.request, action.reply):
            play.expect(model.model_json_schema(), f"{model.__name__} has no JSON schema")
        request = as_model(action, sample.request)
        again = action.request.model_validate_json(request.model_dump_json())
        play.expect(again == request, f"a request of {name} is another one after it was written as JSON and read")
        if action.writes and action.batch is None:
            same = identify(play.system, action, again).key == identify(play.system, action, request).key
            play.expect(same, f"a request of {name} has another key after it was written as JSON and read")
            await play.stage.clock.sleep(_DAY)
            later = action.request.model_validate(request.model_dump(exclude_unset=True), by_name=True)
            same = identify(play.system, action, later).key == identify(play.system, action, request).key
            play.expect(same, f"a request of {name} has another key when it is asked for again")
        worker = await play.stage.start_worker()
        for value in _values(await play.ask(worker, name, sample)):
            play.expect(_survives(value), f"a reply of {name} is another one after it was written as JSON and read")
        await _strange(play, name, request)

    trial.play(script)


def _survives(value: Any) -> bool:
    return not isinstance(value, BaseModel) or type(value).model_validate_json(value.model_dump_json()) == value


async def _strange(play: Play, name: str, request: BaseModel) -> None:
    """A field that does not exist is refused before anything is sent."""
    worker = play.stage.workers[0]
    before = play.stage.journal.attempts
    fields = {**request.model_dump(mode="json"), _STRANGE: 1}
    outcome = await worker.process.run(worker.wall.call(f"{play.system}.{name}", fields), name="strange")
    refused = isinstance(outcome, Rejected) and isinstance(outcome.error, InvalidRequest)
    play.expect(refused, f"{name} takes a field that it does not have: let its request model forbid extra fields")
    play.expect(play.stage.journal.attempts == before, f"{name} was sent with a field that it does not have")


def _unmapped(trial: Trial, name: str) -> None:
    async def script(play: Play) -> None:
        worker = await play.stage.start_worker()
        play.tolerated.add(Invariant.NO_UNEXPLAINED_OUTCOME)  # the cause is planted beside the faults
        await play.ask(worker, name, await play.sample(name))
        await play.conclude()

    sent = count(1)

    def raises() -> None:
        if next(sent) == 1:
            raise LookupError("something that nobody mapped")

    trial.play(script, subject=Altered(trial.subject, after_send=raises))


SAMPLES = Check("samples", "There are requests to try, each with an identity and an effect of its own.", once(_samples))
CALM = Check("calm", "When nothing goes wrong, each action does what it says, once.", for_each(tried, _calm))
SCHEMAS = Check(
    "schemas",
    "Requests and replies survive JSON, and unknown fields are refused.",
    for_each(tried, _schemas),
)
UNMAPPED = Check(
    "unmapped",
    "An exception that nobody foresaw, raised after the write was sent, counts as in doubt.",
    for_each(lambda trial: trial.writes, _unmapped),
)

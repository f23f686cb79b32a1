"""Another content under the same identity, made from a request where its sample names none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from ...core.action import Action
from ...core.identity import identify
from ...scaffold.examples import NoExample, value_of
from ..chaos.entries import Wanted
from .cases import Exempt, Todo

_NUMBER = 77_777


def other_wording(system: str, action: Action, request: BaseModel) -> BaseModel:
    """The same request with other content that is no part of its identity.

    Args:
        system: The system's name.
        action: The action.
        request: The request.

    Raises:
        Exempt: All of its content is its identity.
        Todo: None could be made.
    """
    return next(other_wordings(system, action, request))


def other_wordings(
    system: str, action: Action, request: BaseModel, wanted: Sequence[Wanted] = ()
) -> Iterator[BaseModel]:
    """The same request with other content that is no part of its identity, each time in one field.

    Args:
        system: The system's name.
        action: The action.
        request: The request.
        wanted: By what it is known: fields that show in its content come first.

    Raises:
        Exempt: All of its content is its identity.
        Todo: None could be made.
    """
    ours = identify(system, action, request)
    beside = [name for name in action.request.model_fields if name not in action.identity]
    if not beside:
        raise Exempt(f"all that {action.name} is asked is its identity: it has no other wording")
    schema = action.request.model_json_schema(by_alias=False)
    fields = request.model_dump()
    shown = {str(value) for part in wanted for value in (*part.content.values(), *part.contains.values())}
    found = False
    for name in sorted(beside, key=lambda one: str(fields[one]) not in shown):
        for value in _values(schema, name, fields[name]):
            try:
                made = action.request.model_validate({**fields, name: value}, by_name=True)
            except ValidationError:
                continue
            theirs = identify(system, action, made)
            if theirs.key == ours.key and theirs.digest != ours.digest:
                found = True
                yield made
    if not found:
        raise Todo(f"no other wording of {action.name} could be made: give its samples a `reworded`")


def _values(schema: Mapping[str, Any], name: str, known: Any) -> Iterator[Any]:
    """What else might stand in a field."""
    of_field = schema["properties"].get(name, {})
    if isinstance(known, bool):
        yield not known
    elif isinstance(known, str):
        yield f"{known[:-1]} 2"  # which does not hold the known text, as another that goes on after it does
    elif known is not None and not isinstance(known, Mapping | list | tuple):
        yield from _next(known)
    for part in (of_field, *of_field.get("anyOf", ())):
        yield from part.get("enum", ())
    yield None
    try:
        yield value_of(of_field, schema, _NUMBER)
    except NoExample:
        return


def _next(known: Any) -> Iterator[Any]:
    try:
        yield known + 1
    except TypeError:
        return

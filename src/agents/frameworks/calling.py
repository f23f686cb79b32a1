"""What the frameworks share: arguments as a model wrote them, and results as one text."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..arguments import Unfit
from ..dispatch import Dispatcher
from ..result import Result


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls of one principal's tools by a framework.

    Args:
        dispatcher: The application's choice of who asks, and how far at most. No model has a say in it.
        trace_id: Tells the trace that a call belongs to; each gets a trace of its own if None.
    """

    dispatcher: Dispatcher
    trace_id: Callable[[], str] | None = None

    async def make(self, name: str, given: Any) -> Result:
        """Call a tool. Nothing that a model wrote raises here; whoever cancels this cancels the wait only.

        Args:
            name: The tool, as the model named it.
            given: Its arguments: a mapping, or the JSON text of an object.
        """
        try:
            arguments = given if isinstance(given, Mapping) else read_arguments(given)
        except Unfit as unfit:
            return self.refuse(name, unfit)
        return await self.dispatcher.call(name, arguments, trace_id=self._trace())

    def refuse(self, name: str, unfit: Unfit) -> Result:
        """The result for a call that cannot be read. Nothing is begun.

        Args:
            name: The tool, as the model named it.
            unfit: What is wrong with it.
        """
        return self.dispatcher.refused(name, unfit, trace_id=self._trace())

    def _trace(self) -> str:
        return "" if self.trace_id is None else self.trace_id()


def read_arguments(given: Any) -> dict[str, Any]:
    """The arguments that a model wrote as JSON; none where it wrote nothing.

    Args:
        given: The text.

    Raises:
        Unfit: It is no JSON object, or one that can be read in two ways.
    """
    if not isinstance(given, str):
        raise _no_object(f"it is {type(given).__name__}, and no text")
    if not given.strip():
        return {}
    try:
        read = json.loads(given, object_pairs_hook=_each_once, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise _no_object(f"{error.msg} at character {error.pos}") from None
    except ValueError as error:
        raise _no_object(str(error)) from None
    except RecursionError:
        raise _no_object("it is nested too deeply") from None
    if not isinstance(read, dict):
        raise _no_object(f"it is {'null' if read is None else type(read).__name__}")
    return read


CUT_OFF = Unfit(
    {
        "field": "arguments",
        "rule": "the answer was cut off at its longest, so this call may be incomplete; make it shorter",
    }
)
"""What is wrong with a call at whose end the model had to stop: it can be valid, and still not what was meant."""


def text_of(result: Result) -> str:
    """A result as one text for a model; its first line is the envelope as JSON, with the data left for the end."""
    return "\n\n".join(result.to_texts())


def part(whole: Any, name: str) -> Any:
    """A part of what a vendor answered: of an object of its SDK, or of the same as a mapping; None if not there."""
    return whole.get(name) if isinstance(whole, Mapping) else getattr(whole, name, None)


def parts(whole: Any, name: str) -> Sequence[Any]:
    """A list in what a vendor answered; empty where it is missing, or null."""
    return part(whole, name) or ()


def called_by(call: Any, id_name: str) -> str:
    """The id by which a vendor finds the result of a call.

    Raises:
        ValueError: It has none, so that nobody could be answered; nothing was begun.
    """
    found = part(call, id_name)
    if not isinstance(found, str) or not found:
        raise ValueError(f"a tool call without {id_name} cannot be answered; pass what the vendor's API returned")
    return found


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a field is given twice")
    return found


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number in JSON")


def _no_object(why: str) -> Unfit:
    return Unfit({"field": "arguments", "rule": f"must be a JSON object: {why}"})

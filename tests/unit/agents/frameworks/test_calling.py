"""Arguments as a model wrote them, read in one way or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.agents import toy_agent
from support.virtual import virtual

from seawall.agents.arguments import Unfit
from seawall.agents.frameworks.calling import Calls, read_arguments

ADD = "toy__add_note"


@pytest.mark.parametrize(("text", "read"), [("", {}), (" \n", {}), ("{}", {}), ('{"a": [1, null]}', {"a": [1, None]})])
def test_json_of_an_object_is_read(text: str, read: dict[str, Any]) -> None:
    assert read_arguments(text) == read


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"reference": "R-1", "text": "hel', "Unterminated string"),
        ('{"reference": "R-1"', "Expecting ',' delimiter"),
        ("reference=R-1", "Expecting value"),
        ('{"reference": "R-1", "reference": "R-2"}', "a field is given twice"),
        ('{"a": {"b": 1, "b": 1}}', "a field is given twice"),
        ('{"amount": NaN}', "NaN is no number in JSON"),
        ('[{"reference": "R-1"}]', "it is list"),
        ("null", "it is null"),
        ('"R-1"', "it is str"),
        ("[" * 100_000, "it is nested too deeply"),
        (f'{{"amount": {"9" * 5000}}}', "Exceeds the limit"),
        (None, "it is NoneType, and no text"),
        (["R-1"], "it is list, and no text"),
    ],
)
def test_what_is_no_json_object_is_told_with_the_reason(text: Any, why: str) -> None:
    with pytest.raises(Unfit) as told:
        read_arguments(text)
    (field,) = told.value.fields
    assert field["field"] == "arguments"
    assert field["rule"].startswith("must be a JSON object: ")
    assert why in field["rule"]


@pytest.mark.parametrize("given", ['{"reference": "R-1"', "[]", None, 5])
@virtual
async def test_call_that_cannot_be_read_is_invalid_and_nothing_is_sent(tmp_path: Path, given: Any) -> None:
    async with toy_agent(tmp_path) as (agent, target, _):
        result = await Calls(agent, lambda: "trace-of-the-application").make(ADD, given)
        assert (result.status, result.effect, result.is_error) == ("invalid", "not_applied", True)
        assert result.summary.startswith("Not valid, nothing was sent: arguments: must be a JSON object")
        assert result.trace_id == "trace-of-the-application"
        assert target.sends == 0


@virtual
async def test_calls_without_a_trace_of_the_application_get_one_each(tmp_path: Path) -> None:
    async with toy_agent(tmp_path) as (agent, _, _):
        calls = Calls(agent)
        tried: list[Any] = ['{"reference": "R-1"}', "{", {}]
        traces = [(await calls.make(ADD, given)).trace_id for given in tried]
        assert len(set(traces)) == 3
        assert all(traces)

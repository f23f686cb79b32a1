"""The JSON Schema of plans: what it accepts is a plan, and what is no plan it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError
from support.json_schema import fits

from seawall import simulators
from seawall.simulators.chaos.schema import plan_schema
from seawall.simulators.faults import Plan
from seawall.simulators.kinds import KINDS
from seawall.simulators.vocabulary import POINTS

SCHEMA = plan_schema()
BUNDLED = sorted((Path(simulators.__path__[0]) / "plans").glob("*.yaml"))


def accepted(content: Any) -> bool:
    """What the plan itself says."""
    try:
        Plan.model_validate(content)
    except ValidationError:
        return False
    return True


def plan(**fault: Any) -> dict[str, Any]:
    return {"faults": [{"id": "a", "point": "apply", "kind": "reset", **fault}]}


@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.stem)
def test_bundled_plan_fits(path: Path) -> None:
    assert fits(SCHEMA, yaml.safe_load(path.read_text(encoding="utf-8")))


def test_schema_is_json_of_draft_2020_12_with_an_alternative_for_each_kind() -> None:
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    alternatives = SCHEMA["properties"]["faults"]["items"]["oneOf"]
    assert alternatives == [{"$ref": f"#/$defs/{name}"} for name in KINDS]
    for name, kind in KINDS.items():
        assert SCHEMA["$defs"][name]["description"] == kind.says
        assert SCHEMA["$defs"][name]["properties"]["params"]["properties"].keys() == kind.params.keys()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("point", POINTS)
def test_kind_at_a_point_fits_exactly_where_a_plan_takes_it(kind: str, point: str) -> None:
    choices = [{}, *({name: value} for name, values in KINDS[kind].choices.items() for value in values)]
    for params in choices:
        for match in ({}, {"lane": "read"}, {"lane": "auth"}, {"worker": "w1"}):
            content = plan(kind=kind, point=point, params=params, match=match)
            assert fits(SCHEMA, content) == accepted(content), content


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"seed": 3, "heal_at": "2m", "description": "x", "faults": []},
        plan(match={"operation": ["a", "b"], "system": "erp"}, trigger={"window": ["1s", 2]}, times=3),
        plan(trigger={"key": "order-7"}),
        plan(kind="throttle", params={"retry_after": "Wed, 21 Oct 2026 07:28:00 GMT"}),
        plan(kind="partial_batch", params={"k": 2}),
        plan(kind="clock_jump", point="call", params={"by": -60}),
        plan(kind="crash", point="after_send", match={"worker": "w1"}, params={"seconds": 0}),
        plan(kind="sql_error", point="after_commit", params={"error": "in_doubt"}),
    ],
)
def test_good_plan_fits(content: dict[str, Any]) -> None:
    assert accepted(content)
    assert fits(SCHEMA, content)


@pytest.mark.parametrize(
    "content",
    [
        {"fault": []},
        {"heal_at": "soon"},
        {"faults": [{"point": "apply", "kind": "reset"}]},
        plan(id=""),
        plan(kind="resset"),
        plan(point="later"),
        plan(wehn=1),
        plan(times=0),
        plan(match={"operation": []}),
        plan(match={"operation": ""}),
        plan(match={"operation": ["a", ""]}),
        plan(match={"system": ""}),
        plan(kind="crash", point="after_send", match={"worker": ""}),
        plan(params={"byte": 1}),
        plan(kind="hang", params={"seconds": -1}),
        plan(kind="partial_batch", params={"k": 0}),
        plan(kind="truncate", point="respond", params={"fraction": 1.5}),
        plan(kind="status", params={"status": 418}),
        plan(kind="slow", params={"locks": 0}),
        plan(trigger={"nth": 1, "every": 2}),
        plan(trigger={"nth": 0}),
        plan(trigger={"probability": 0}),
        plan(trigger={"key": ""}),
        plan(kind="crash", point="after_send", trigger={"key": "x"}),
        plan(kind="reset", point="before_commit", match={"lane": "read"}),
        plan(kind="sql_error", point="after_commit"),
        plan(kind="soap_fault", point="after_commit", params={"code": "Client"}),
    ],
)
def test_bad_plan_is_refused_by_the_schema_as_by_the_plan_itself(content: dict[str, Any]) -> None:
    assert not accepted(content)
    assert not fits(SCHEMA, content)


def test_every_field_is_explained() -> None:
    for name in KINDS:
        fields = SCHEMA["$defs"][name]["properties"]
        assert all(fields[field]["description"] for field in ("id", "kind", "times"))
        assert all(one["description"] for one in fields["match"]["properties"].values())
    assert all(one["description"] for one in SCHEMA["$defs"]["trigger"]["properties"].values())

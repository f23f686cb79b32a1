"""What OpenAPI 3.0 and 3.1 may write in a schema, as models that take what it allows and refuse what it does not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic import ValidationError

from seawall.connectors._modules import load_module
from seawall.core.errors import InvalidRequest
from seawall.scaffold import Package, names
from seawall.scaffold.from_openapi import from_openapi

TEXT = {"type": "string"}


def answer(schema: Any) -> dict[str, Any]:
    return {"responses": {"200": {"content": {"application/json": {"schema": schema}}}}}


def asked(schema: Any, **more: Any) -> dict[str, Any]:
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    return {
        "operationId": "make",
        "requestBody": body,
        **answer({"required": ["id"], "properties": {"id": TEXT}}),
        **more,
    }


def draft(
    folder: Path,
    operation: Mapping[str, Any],
    schemas: Any = None,
    *,
    path: str = "/a",
    version: str = "3.1.0",
    **item: Any,
) -> Package:
    described = {
        "openapi": version,
        "paths": {path: {"post": operation, **item}},
        "components": {"schemas": schemas or {}},
    }
    (folder / "api.json").write_text(json.dumps(described))
    return from_openapi(names("acme_desk"), folder / "api.json")


def models(folder: Path, made: Package) -> ModuleType:
    for name in ("models.py", "wire.py", "operations.py"):
        (folder / name).write_text(made.files[f"src/acme_desk/{name}"])
    return load_module(str(folder / "operations.py"))


def request_of(folder: Path, operation: Mapping[str, Any], schemas: Any = None, **how: Any) -> Any:
    made = draft(folder, operation, schemas, **how)
    (one,) = models(folder, made).OPERATIONS.values()
    return one.action.request


def fits(model: Any, fields: Mapping[str, Any]) -> bool:
    try:
        model.model_validate(fields)
    except ValidationError:
        return False
    return True


TREE = {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}}
SCHEMAS = {
    "Base": {"type": "object", "required": ["a"], "properties": {"a": {"const": 1}, "b": {"type": "integer"}}},
    "Both": {"allOf": [{"$ref": "#/components/schemas/Base"}]},
    "Name": {"type": "string", "maxLength": 5},
    "Tree": TREE,
    "Map": {"additionalProperties": {"$ref": "#/components/schemas/Map"}, "type": "object"},
    "Node": {"properties": {"next": {"$ref": "#/components/schemas/Node"}, "text": TEXT}},
    "Own": {"properties": {"x": {"$ref": "#/components/schemas/Own/$defs/Inner"}}, "$defs": {"Inner": {"const": "a"}}},
}


def named(name: str, **beside: Any) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}", **beside}


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        (True, [1, "a", None, {}], []),
        ({"type": ["string", "null"]}, ["a", None], [1]),
        ({"type": ["string", "integer"]}, ["a", 1], []),
        ({"type": ["object", "null"], "properties": {"a": TEXT}}, [{"a": "x"}, None], [{"b": 1}]),
        ({"const": "x"}, ["x"], ["y"]),
        ({"const": None}, [None], ["y"]),
        ({"enum": ["a", None]}, ["a", None], ["b"]),
        ({"type": "array", "items": True}, [[1, "a"]], [1]),
        ({"type": "array", "prefixItems": [TEXT], "items": False}, [["a"]], ["a"]),
        ({"type": "object", "additionalProperties": False}, [{}], ["a"]),
        ({"type": "object", "properties": {"a": TEXT, "b": False}}, [{"a": "x"}], [{"b": 1}]),
        ({"allOf": [True, TEXT]}, ["a"], [1]),
        ({"allOf": [TEXT, {"maxLength": 2}]}, ["ab"], ["abc", {}]),
        ({"allOf": [named("Name")], "description": "a name"}, ["abcde"], ["abcdef"]),
        ({"allOf": [named("Name")], "maxLength": 2}, ["ab"], ["abc"]),
        ({"anyOf": [True, False]}, [1], []),
        (named("Name", description="beside"), ["abcde"], ["abcdef"]),
        (named("Name", maxLength=2), ["ab"], ["abc"]),
        (named("Own"), [{"x": "a"}], [{"x": "b"}]),
        (named("Base", properties={"b": {"const": 2}}), [{"a": 1, "b": 2}], [{"a": 1, "b": 3}, {"a": 3, "b": 2}]),
        (named("Base", required=["b"]), [{"a": 1, "b": 2}], [{"a": 1}, {"b": 2}, {"a": 3, "b": 2}]),
        (named("Both", allOf=[{"properties": {"b": {"const": 2}}}]), [{"a": 1, "b": 2}], [{"b": 2}, {"a": 1, "b": 3}]),
        (named("Tree"), [[], [[]]], ["a"]),
        (named("Map"), [{}, {"a": {}}], ["a"]),
        (named("Node"), [{"next": {"next": {"text": "a"}}}], [{"next": {"text": 1}}]),
        ({"type": "integer", "exclusiveMinimum": 0, "maximum": 1e2}, [1, 100], [0, 101]),
        ({"type": "integer", "minimum": 0, "exclusiveMinimum": True}, [1], [0]),
        ({"type": "string", "minLength": 2.0}, ["ab"], ["a"]),
        ({"type": "string", "minLength": "2", "maxLength": -1e400, "pattern": r"(?<=a)b"}, ["a"], [1]),
    ],
)
def test_a_schema_takes_what_it_allows(tmp_path: Path, schema: Any, good: list[Any], bad: list[Any]) -> None:
    model = request_of(tmp_path, asked({"required": ["a"], "properties": {"a": TEXT, "x": schema}}), SCHEMAS)
    assert [one for one in good if not fits(model, {"a": "t", "x": one})] == []
    assert [one for one in bad if fits(model, {"a": "t", "x": one})] == []


def test_what_stands_beside_a_reference_counts_since_3_1_only(tmp_path: Path) -> None:
    schema = {"required": ["x"], "properties": {"x": named("Name", maxLength=2)}}
    model = request_of(tmp_path, asked(schema), SCHEMAS, version="3.0.3")
    assert fits(model, {"x": "abcde"})
    assert not fits(model, {"x": "abcdef"})


def test_an_example_of_what_stands_beside_a_reference_has_what_both_need(tmp_path: Path) -> None:
    base = {"required": ["id"], "properties": {"id": TEXT}}
    more = named("Base", required=["more"], properties={"more": {"type": "integer"}})
    made = draft(tmp_path, asked({"properties": {"a": TEXT}}, **answer(more)), {"Base": base})
    (one,) = json.loads(made.files["src/acme_desk/simulated.json"])["answers"].values()
    assert set(one["example"]) == {"id", "more"}


@pytest.mark.parametrize("beside", [{"required": True}, {"required": [{}]}, {"properties": 1}, {"allOf": 1}])
def test_what_is_no_schema_may_stand_beside_a_reference(tmp_path: Path, beside: dict[str, Any]) -> None:
    given = {"in": "query", "name": "q", "required": True, "properties": {}, "allOf": [], "schema": TEXT}
    operation = asked({"properties": {"a": TEXT}}, parameters=[{"$ref": "#/components/schemas/q", **beside}])
    assert fits(request_of(tmp_path, operation, {"q": given}), {"q": "a", "a": "b"})


@pytest.mark.parametrize(
    ("schema", "shape"),
    [
        (True, "value"),
        (False, "value"),
        ({"type": "array", "items": True}, "items"),
        ({"type": ["array", "null"], "items": TEXT}, "value"),
        ({"type": ["object", "null"], "properties": {"id": TEXT}}, "object"),
        ({"allOf": [{"properties": {"id": TEXT}}, {"properties": {"id": True, "more": True}}]}, "object"),
        (named("Tree"), "items"),
    ],
)
def test_an_answer_may_be_anything(tmp_path: Path, schema: Any, shape: str) -> None:
    operation = asked({"required": ["a"], "properties": {"a": TEXT}}, **answer(schema))
    (one,) = models(tmp_path, draft(tmp_path, operation, SCHEMAS)).OPERATIONS.values()
    assert one.answers == shape


def test_parameters_that_may_be_lists_are_left_out(tmp_path: Path) -> None:
    schemas = [
        {"type": ["array", "null"], "items": TEXT},
        {"anyOf": [{"type": "array", "items": TEXT}, {"type": "null"}]},
        {"allOf": [{"type": "object"}]},
        {"type": ["string", "null"]},
        True,
        {"anyOf": [TEXT, {"type": "integer"}]},
    ]
    given = [{"in": "query", "name": f"q{number}", "schema": one} for number, one in enumerate(schemas)]
    made = draft(tmp_path, asked({"required": ["a"], "properties": {"a": TEXT}}, parameters=given))
    left_out = [one for one in made.skipped if "is not a plain value" in one]
    assert [one.split()[2] for one in left_out] == ["q0", "q1", "q2"]


def test_an_operation_without_an_id_is_named_by_its_path_whose_parameters_hold_for_it(tmp_path: Path) -> None:
    operation = {name: one for name, one in asked({"properties": {"a": TEXT}}).items() if name != "operationId"}
    parameters = [{"in": "path", "name": "id", "required": True, "schema": TEXT}]
    made = draft(tmp_path, operation, path="/orders/{id}/lines", parameters=parameters)
    (one,) = models(tmp_path, made).OPERATIONS.values()
    assert (one.action.name, dict(one.in_path)) == ("post_orders_id_lines", {"id": "id"})


def test_an_answer_of_any_type_is_read_as_json_and_text_is_not(tmp_path: Path) -> None:
    def answering(media: str) -> dict[str, Any]:
        content = {media: {"schema": {"properties": {"id": TEXT}}}}
        return asked({"properties": {"a": TEXT}}, responses={"200": {"content": content}})

    assert models(tmp_path, draft(tmp_path, answering("*/*"))).OPERATIONS["make"].answers == "object"
    with pytest.raises(InvalidRequest, match="it answers text/plain, and no JSON"):
        draft(tmp_path, answering("text/plain"))


def test_what_an_operation_that_is_left_out_had_already_drafted_is_drafted_anew_for_the_next(tmp_path: Path) -> None:
    shared = {"Shared": {"properties": {"a": TEXT}}}
    lost = asked({"properties": {"s": named("Shared"), "t": {"$ref": "other.yaml"}}}, operationId="lost")
    made = draft(tmp_path, lost, shared, put=asked({"properties": {"s": named("Shared")}}, operationId="kept"))
    assert "POST /a: other.yaml leads to another document" in made.skipped
    (one,) = models(tmp_path, made).OPERATIONS.values()
    assert fits(one.action.request, {"s": {"a": "x"}})
    assert not fits(one.action.request, {"s": {"b": "x"}})


NAMES = [
    *("None", "True", "Any", "Field", "BaseModel", "Reply", "Request", "PartRead", "Part", "ConfigDict", "UUID"),
    *("TypeAlias", "Literal", "Annotated", "Exception", "Make", "MakeReply", "Operation", "Größe", "123", "a-b", "aB"),
]
FIELDS = [
    *("dict", "str", "tuple", "dt", "copy", "json", "model_config", "model_dump", "class", "None", "_x", "__init__"),
    *("1a", "größe", "ключ", "l", "self", "id", "type", "import", "fields", "schema", "items", "a b", "a-b", "aB"),
]


def test_names_of_a_description_hide_nothing(tmp_path: Path) -> None:
    properties = {
        **{f"is{number}": named(name) for number, name in enumerate(NAMES)},
        **{name: {"type": "object", "additionalProperties": {"type": "integer"}} for name in FIELDS},
    }
    schemas = {name: {"required": ["only"], "properties": {"only": {"const": name}}} for name in NAMES}
    model = request_of(tmp_path, asked({"properties": properties}), schemas)
    assert [name for number, name in enumerate(NAMES) if not fits(model, {f"is{number}": {"only": name}})] == []
    ours = list(model.model_fields)[len(NAMES) :]
    assert len(ours) == len(set(ours)) == len(FIELDS)
    assert [name for name in ours if not fits(model, {name: {"a": 1}}) or fits(model, {name: {"a": "b"}})] == []


def test_operations_of_one_name_are_told_apart(tmp_path: Path) -> None:
    def by(name: str) -> dict[str, Any]:
        return asked({"properties": {"a": TEXT}}, operationId=name)

    others: dict[str, Any] = {"put": by("createOrder"), "patch": by("create_order"), "delete": by("import")}
    made = models(tmp_path, draft(tmp_path, by("create-order"), **others))
    assert list(made.OPERATIONS) == ["create_order", "create_order2", "create_order3", "import_"]


def test_names_in_texts_are_not_imported(tmp_path: Path) -> None:
    text = "Any Literal of UUID and dt. with Field( in it"
    made = draft(tmp_path, asked({"properties": {"a": TEXT}, "description": text}, summary=text))
    assert "from typing" not in made.files["src/acme_desk/models.py"]
    assert "import datetime" not in made.files["src/acme_desk/models.py"]


def test_the_record_is_the_field_of_that_very_name(tmp_path: Path) -> None:
    both = {"required": ["id"], "properties": {"Id": {"type": "integer"}, "id": TEXT}}
    operation = asked({"properties": {"a": TEXT}}, **answer(both))
    (one,) = models(tmp_path, draft(tmp_path, operation)).OPERATIONS.values()
    reply = one.action.reply.model_validate({"Id": 5, "id": "mine"})
    assert getattr(reply, one.record) == "mine"

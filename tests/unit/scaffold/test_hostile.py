"""Descriptions that mean harm: their texts never become code, and what would never end is refused."""

from __future__ import annotations

import ast
import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from support.soap import ORDERS_WSDL

from seawall.core.errors import InvalidRequest
from seawall.scaffold import Package, names
from seawall.scaffold.from_openapi import from_openapi
from seawall.scaffold.from_wsdl import from_wsdl

TEXT = {"type": "string"}
EVIL = [
    *('"); boom() #', '"""\nboom()\n"""', "'''\nboom()\n'''", '"]\nboom()\n', "{boom()}", "\\", '\\"+boom()+"'),
    "\x00\x85 boom()",
]


def draft(folder: Path, **described: Any) -> Package:
    (folder / "api.json").write_text(json.dumps({"openapi": "3.1.0", **described}))
    return from_openapi(names("acme_desk"), folder / "api.json")


def codes(made: Package) -> list[str]:
    """What the package would run of a text."""
    trees = [ast.parse(text) for name, text in made.files.items() if name.endswith(".py")]
    names = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)]
    return [one.id for one in names if one.id == "boom" and isinstance(one.ctx, ast.Load)]


@pytest.mark.parametrize("evil", EVIL)
@pytest.mark.parametrize(
    "place",
    [
        *("title", "server", "path", "summary", "operation", "query", "header", "key", "scheme", "property", "schema"),
        *("description", "enum", "const", "pattern", "maxLength", "minItems", "format", "reply", "media", "reference"),
    ],
)
def test_a_text_of_a_description_never_becomes_code(tmp_path: Path, place: str, evil: str) -> None:
    def at(where: str, usual: Any) -> Any:
        return evil if place == where else usual

    schema = {
        "required": ["a"],
        "description": at("description", "usual"),
        "properties": {
            "a": TEXT,
            at("property", "b"): TEXT,
            "c": {"type": "string", "enum": ["x", at("enum", "y")], "format": at("format", "date")},
            "d": {"const": at("const", "x")},
            "e": {"type": "string", "pattern": at("pattern", "a"), "maxLength": at("maxLength", 5)},
            "f": {"type": "array", "items": TEXT, "minItems": at("minItems", 0), "maxItems": at("minItems", 9)},
            "g": {"$ref": "#/components/schemas/" + at("reference", at("schema", "G"))},
        },
    }
    operation = {
        "operationId": at("operation", "make"),
        "summary": at("summary", "usual"),
        "parameters": [
            {"in": "query", "name": at("query", "q"), "schema": TEXT},
            {"in": "header", "name": at("header", "X-H"), "schema": TEXT},
            {"in": "header", "name": "Idempotency-Key" + at("key", ""), "schema": TEXT},
        ],
        "requestBody": {"content": {"application/json" + at("media", ""): {"schema": schema}}},
        "responses": {"200": {"content": {"application/json": {"schema": {"properties": {at("reply", "id"): TEXT}}}}}},
    }
    try:
        made = draft(
            tmp_path,
            info={"title": at("title", "usual")},
            servers=[{"url": "https://erp.example.com/" + at("server", "")}],
            paths={"/a" + at("path", ""): {"post": operation}},
            components={
                "schemas": {at("schema", "G"): {"properties": {"x": TEXT}}},
                "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": at("scheme", "X-K")}},
            },
        )
    except InvalidRequest:
        if place not in ("path", "reference", "media"):
            raise
        return
    assert codes(made) == []


@pytest.mark.parametrize("evil", [one for one in EVIL if "\x00" not in one])
@pytest.mark.parametrize("place", ["operation", "element", "enumeration", "documentation", "type", "attribute"])
def test_a_text_of_a_wsdl_never_becomes_code(tmp_path: Path, place: str, evil: str) -> None:
    escaped = evil.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace("\n", "&#10;")
    was = {
        "operation": '"notify"',
        "element": '"text"',
        "enumeration": '"high"',
        "type": '"Company"',
        "attribute": '"lineNo"',
        "documentation": '<wsdl:operation name="notify"><wsdl:input message',
    }[place]
    text = f'"{escaped}"'
    if place == "documentation":
        text = was.replace("<wsdl:input", f"<wsdl:documentation>{escaped}</wsdl:documentation><wsdl:input")
    assert was in ORDERS_WSDL
    (tmp_path / "evil.wsdl").write_text(ORDERS_WSDL.replace(was, text), encoding="utf-8")
    try:
        made = asyncio.run(from_wsdl(names("acme_desk"), str(tmp_path / "evil.wsdl")))
    except InvalidRequest:
        if place in ("enumeration", "documentation"):
            raise
        return
    assert codes(made) == []


def test_what_a_package_tells_has_no_line_breaks_of_a_description(tmp_path: Path) -> None:
    parameters = [{"in": "header", "name": "X\n\x1b[2J", "schema": TEXT}]
    made = draft(tmp_path, paths={"/a": {"post": {"parameters": parameters, "responses": {}}}})
    assert "POST /a: X [2J is left out, because its name is none of a header" in made.skipped
    assert "- POST /a: X [2J is left out" in made.files["README.md"]


BOMB = "a0: &a0 [x, x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (BOMB, "has more than 5000000 parts"),
        ("a: &a [*a]", "nested too deeply, or contains itself"),
        ("a: &a {b: *a}", "nested too deeply, or contains itself"),
        ("a: " + "[" * 300 + "]" * 300, "nested too deeply"),
        ("a: " + "[" * 100_000, "is nested too deeply"),
        ("a:\n" + "\n".join(" " * depth + "-" for depth in range(1, 300)), "is nested too deeply"),
        ('{"a": ' + "[" * 100_000, "is no JSON"),
        ('{"a": ' + "[" * 300 + "]" * 300 + "}", "nested too deeply"),
        ('{"a": "\\ud800"}', "no Unicode"),
        ("a: !!python/object/apply:os.system [true]", "is no YAML"),
        ("a: !!timestamp 2026-01-31", "has a date"),
        ("a: !!binary aGk=", "has a bytes"),
    ],
)
def test_what_would_never_end_or_is_no_json_is_refused(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "api.yaml").write_text(text)
    with pytest.raises(InvalidRequest, match=says):
        from_openapi(names("acme_desk"), tmp_path / "api.yaml")


def test_yaml_is_read_as_json_would_be(tmp_path: Path) -> None:
    (tmp_path / "api.yaml").write_text(
        "openapi: 3.1.0\npaths:\n  /a:\n    post:\n      operationId: make\n      requestBody:\n        content:\n"
        "          application/json:\n            schema:\n              properties:\n"
        "                land: {enum: [NO, on, y, 2026-01-31, 12:30, 010, 1_0, ~, true, 5]}\n      responses: {}\n"
    )
    made = from_openapi(names("acme_desk"), tmp_path / "api.yaml")
    literal = 'Literal["NO", "on", "y", "2026-01-31", "12:30", "010", "1_0", None, True, 5]'
    assert literal in made.files["src/acme_desk/models.py"]


def test_parts_that_multiply_where_they_refer_to_each_other_are_given_up(tmp_path: Path) -> None:
    schemas: dict[str, Any] = {"L12": {"properties": {"x": TEXT}}}
    for level in range(12):
        inner = {"allOf": [{"$ref": f"#/components/schemas/L{level + 1}"}, {"required": ["a"]}]}
        schemas[f"L{level}"] = {"required": list("abcd"), "properties": dict.fromkeys("abcd", inner)}
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/L0"}}}}
    reply = {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/L1"}}}}}
    described = {
        "components": {"schemas": schemas},
        "paths": {
            "/a": {"post": {"requestBody": body, "responses": {}}},
            "/b": {"post": {"responses": reply}},
            "/c": {"post": {"operationId": "make", "responses": {}}},
        },
    }
    made = draft(tmp_path, **described)
    told = "with it there are more than 10000 models: name the operations that you want"
    assert {f"POST /a: {told}", f"POST /b: {told}"} <= set(made.skipped)


def test_a_reference_elsewhere_is_never_followed(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text('{"type": "string"}')
    for reference in ("http://127.0.0.1:9/x.json", "other.json", "file:///etc/passwd"):
        body = {"content": {"application/json": {"schema": {"properties": {"a": {"$ref": reference}}}}}}
        with pytest.raises(InvalidRequest, match="leads to another document"):
            draft(tmp_path, paths={"/a": {"post": {"requestBody": body, "responses": {}}}})


@pytest.mark.parametrize(
    "declared",
    [
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>',
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">',
    ],
)
def test_entities_of_a_wsdl_are_refused(tmp_path: Path, declared: str) -> None:
    (tmp_path / "evil.wsdl").write_text(ORDERS_WSDL.replace("?>\n", f"?>\n{declared}\n", 1))
    with pytest.raises(InvalidRequest, match="document type declaration"):
        asyncio.run(from_wsdl(names("acme_desk"), str(tmp_path / "evil.wsdl")))

"""YAML without its surprises: a safe loader that reads `NO` as text, and takes no key twice."""

from __future__ import annotations

import re
from typing import Any

import yaml


class Unreadable(ValueError):
    """A text is no such YAML; the message says where."""


class _Plain(yaml.SafeLoader):
    """The scalars of YAML 1.2's core schema: `NO`, `10:30` and `2026-12-31` are texts."""


_Plain.yaml_implicit_resolvers = {}


def resolve_scalars(reader_or_writer: Any) -> None:
    """Let a loader or a dumper of PyYAML take for more than text what `load` takes for it.

    Args:
        reader_or_writer: The class.
    """
    for tag, pattern, first in (
        ("bool", "true|True|TRUE|false|False|FALSE", "tTfF"),
        ("null", "~|null|Null|NULL|", ["~", "n", "N", ""]),
        ("int", r"[-+]?[0-9]+", "-+0123456789"),
        ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
    ):
        is_one = re.compile(f"(?:{pattern})\\Z")
        reader_or_writer.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", is_one, list(first))


resolve_scalars(_Plain)


def _whole(loader: _Plain, node: yaml.ScalarNode) -> int:
    return int(str(loader.construct_scalar(node)))


def _mapping(loader: _Plain, node: yaml.MappingNode) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str):
            raise yaml.constructor.ConstructorError(None, None, "a name must be text", key_node.start_mark)
        if key in found:
            raise yaml.constructor.ConstructorError(None, None, f"{key!r} is given twice", key_node.start_mark)
        found[key] = loader.construct_object(value_node, deep=True)
    return found


_Plain.add_constructor("tag:yaml.org,2002:int", _whole)
_Plain.add_constructor("tag:yaml.org,2002:map", _mapping)


def load(text: str) -> Any:
    """What a YAML text says.

    Args:
        text: The text.

    Raises:
        Unreadable: It is none, or says something twice.
    """
    try:
        return yaml.load(text, Loader=_Plain)  # noqa: S506 -- derived from SafeLoader
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise Unreadable(" ".join(str(error).split())[:300]) from None

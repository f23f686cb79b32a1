"""What a host is told of a tool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .hints import Hints
from .schemas import Schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool.

    Args:
        name: At most 64 letters, digits, `_` and `-`, which every vendor takes.
        title: For people.
        description: For a model.
        input_schema: JSON Schema of the arguments.
        output_schema: JSON Schema of the envelope.
        hints: The four hints.
        meta: Facts of ours, by namespaced names.
    """

    name: str
    title: str
    description: str
    input_schema: Schema
    output_schema: Schema
    hints: Hints
    meta: Mapping[str, Any] = field(default_factory=dict)

"""Actions as tools for agents: one envelope, deterministic lists, and a dispatcher for plain Python."""

from __future__ import annotations

from .dispatch import Dispatcher
from .hints import Hints, Reach
from .result import Result
from .tool import Tool

__all__ = ["Dispatcher", "Hints", "Reach", "Result", "Tool"]

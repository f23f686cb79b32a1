"""Actions as tools for agents: one envelope, deterministic lists, and a dispatcher for plain Python.

Names are loaded when they are first used: those of a framework load that framework, and no other one.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .dispatch import Dispatcher
    from .frameworks.anthropic import AnthropicTools
    from .frameworks.langchain import langchain_tools
    from .frameworks.openai import OpenAIChatTools, OpenAIResponsesTools
    from .frameworks.openai_agents import openai_agents_tools
    from .frameworks.pydantic_ai import PydanticAIToolset
    from .hints import Hints, Reach
    from .instructions import INSTRUCTIONS
    from .result import Result
    from .tool import Tool

_WHERE = {
    "AnthropicTools": "frameworks.anthropic",
    "Dispatcher": "dispatch",
    "Hints": "hints",
    "INSTRUCTIONS": "instructions",
    "OpenAIChatTools": "frameworks.openai",
    "OpenAIResponsesTools": "frameworks.openai",
    "PydanticAIToolset": "frameworks.pydantic_ai",
    "Reach": "hints",
    "Result": "result",
    "Tool": "tool",
    "langchain_tools": "frameworks.langchain",
    "openai_agents_tools": "frameworks.openai_agents",
}

_EXTRAS = {
    "frameworks.langchain": "langchain",
    "frameworks.openai_agents": "openai-agents",
    "frameworks.pydantic_ai": "pydantic-ai",
}
"""What to install for a module that needs a framework; those of OpenAI and Anthropic work without the vendor's SDK."""

__all__ = [
    "INSTRUCTIONS",
    "AnthropicTools",
    "Dispatcher",
    "Hints",
    "OpenAIChatTools",
    "OpenAIResponsesTools",
    "PydanticAIToolset",
    "Reach",
    "Result",
    "Tool",
    "langchain_tools",
    "openai_agents_tools",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    where = _WHERE[name]
    try:
        module = import_module(f".{where}", __name__)
    except ModuleNotFoundError as error:
        if where not in _EXTRAS:
            raise
        missing, install = error.name, f"pip install 'seawall[{_EXTRAS[where]}]'"
        raise ImportError(f"{name} needs {missing}, which is not installed: {install}", name=missing) from error
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__

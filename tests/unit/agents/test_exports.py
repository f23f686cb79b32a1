"""What `seawall.agents` exports, and what it says where the framework for it is missing."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import seawall.agents

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", seawall.agents.__all__)
def test_every_exported_name_is_there(name: str) -> None:
    assert getattr(seawall.agents, name) is not None
    assert name in dir(seawall.agents)


def test_name_that_is_not_exported_is_none_of_the_module() -> None:
    with pytest.raises(AttributeError, match="no attribute 'CrewAITools'"):
        seawall.agents.CrewAITools  # noqa: B018 -- asking is what is tested


@pytest.mark.parametrize(
    ("name", "missing", "extra"),
    [
        ("langchain_tools", "langchain_core", "langchain"),
        ("PydanticAIToolset", "pydantic_ai", "pydantic-ai"),
        ("openai_agents_tools", "agents", "openai-agents"),
    ],
)
def test_framework_that_is_missing_is_one_error_that_says_what_to_install(name: str, missing: str, extra: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None\nfrom seawall.agents import {name}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(f"ImportError: {name} needs {missing}")
    assert last.endswith(f"which is not installed: pip install 'seawall[{extra}]'")
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert extra in extras


@pytest.mark.parametrize("name", ["AnthropicTools", "OpenAIChatTools", "OpenAIResponsesTools"])
def test_tools_of_a_vendor_work_without_its_sdk(name: str) -> None:
    code = f"import sys; sys.modules.update(anthropic=None, openai=None)\nfrom seawall.agents import {name}"
    subprocess.run([sys.executable, "-c", code], check=True)

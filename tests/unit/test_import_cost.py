from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

FRAMEWORKS = ["agents", "anthropic", "langchain_core", "langgraph", "langsmith", "openai", "pydantic_ai"]
HEAVY = ["zeep", "mcp", "redis", "sqlalchemy", "pydantic", "httpx", "tenacity", "pybreaker", "rich", "typer", "yaml"]
HEAVY += FRAMEWORKS


def loaded_after(statement: str) -> set[str]:
    code = f"{statement}; import sys, json; print(json.dumps([n for n in {HEAVY} if sys.modules.get(n)]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_importing_seawall_loads_nothing_heavy() -> None:
    assert loaded_after("import seawall") == set()


@pytest.mark.parametrize("statement", ["from seawall import Applied, Unknown", "import seawall.core.ledger.records"])
def test_importing_values_loads_no_database_and_no_network(statement: str) -> None:
    assert loaded_after(statement) <= {"pydantic"}


def test_seawall_itself_loads_no_database_before_a_ledger_is_opened_and_no_connector_before_it_is_named() -> None:
    loaded = loaded_after("from seawall.config import Config; import seawall.core.pipeline")
    assert "sqlalchemy" not in loaded
    assert "httpx" not in loaded
    assert "rich" not in loaded


def test_importing_agents_loads_nothing_heavy() -> None:
    assert loaded_after("import seawall.agents") == set()


@pytest.mark.parametrize("name", ["Dispatcher", "AnthropicTools", "OpenAIChatTools", "OpenAIResponsesTools"])
def test_tools_that_need_no_framework_load_none(name: str) -> None:
    assert loaded_after(f"from seawall.agents import {name}").isdisjoint(FRAMEWORKS)


@pytest.mark.parametrize("name", ["Seawall", "SyncSeawall"])
def test_the_object_that_users_hold_is_imported_without_database_and_network(name: str) -> None:
    # pybreaker takes redis's client along wherever one is installed. Without one, whoever else asks for it fails.
    loaded = loaded_after(f"import sys; sys.modules['redis'] = None; from seawall import {name}")
    assert loaded <= {"pydantic", "tenacity", "pybreaker"}


def test_the_database_is_loaded_when_a_seawall_is_opened(tmp_path: Path) -> None:
    config = {"ledger": {"path": str(tmp_path / "ledger.db")}}
    code = (
        "import asyncio, sys; from seawall import Seawall\n"
        "async def main():\n"
        f"    async with Seawall.from_config({config!r}):\n"
        "        return 'sqlalchemy' in sys.modules\n"
        "print('sqlalchemy' in sys.modules, asyncio.run(main()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]

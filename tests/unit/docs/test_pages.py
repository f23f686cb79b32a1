"""The examples in the pages run, and their links lead somewhere."""

from __future__ import annotations

import re
import sys
import textwrap
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from support.needed import missing

from seawall.simulators.chaos.episode import play
from seawall.simulators.chaos.explore import schedules

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
OPTIONAL = {"agents", "langchain_core", "langgraph", "pydantic_ai"}
"""Frameworks that an example may be about, without which it is skipped."""
_ABSENT = object()
WITH_CODE = [page for page in PAGES if BLOCK.search(page.read_text(encoding="utf-8"))]


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", WITH_CODE, ids=named)
def test_examples_of_a_page_run_in_order(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    module = ModuleType("page_example")
    monkeypatch.setitem(sys.modules, module.__name__, module)  # models look their module up
    for number, block in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")), 1):
        try:
            exec(compile(block, f"{named(page)} block {number}", "exec"), vars(module))
        except ModuleNotFoundError as error:
            if str(error.name).partition(".")[0] not in OPTIONAL:
                raise
            missing(f"{error.name} for block {number}: pip install 'seawall[dev]'")
    assert capsys.readouterr().out, "an example that shows nothing teaches nothing"


def test_adapter_of_the_tutorial_keeps_every_promise_in_random_episodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    module = ModuleType("tutorial")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for block in BLOCK.findall((ROOT / "docs" / "write-an-adapter.md").read_text(encoding="utf-8")):
        exec(compile(block, "write-an-adapter.md", "exec"), vars(module))
        if hasattr(module, "OldTicketsSubject"):
            break
    subject = module.OldTicketsSubject()
    broken = [
        play(one, subject).judgement.broken for one in schedules("tutorial:OldTicketsSubject", range(12), subject)
    ]
    assert broken == [()] * 12


def test_readme_and_tutorial_have_examples() -> None:
    assert {"README.md", "docs/write-an-adapter.md"} <= {named(page) for page in WITH_CODE}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_of_a_page_lead_to_files(page: Path) -> None:
    links = LINK.findall(page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    names = {re.split(r"[<>=\s]", one)[0] for one in listed if not one.startswith("seawall[")}
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    assert sorted(name for name in names if f"`{name}`" not in page) == []


def test_workflow_of_the_chaos_page_is_yaml_whose_commands_name_flags_that_exist(pytestconfig: pytest.Config) -> None:
    page = (ROOT / "docs" / "chaos.md").read_text(encoding="utf-8")
    block = re.search(r"^    name: chaos\n(?:    .*\n|\n)+", page, re.MULTILINE)
    assert block is not None
    steps = yaml.safe_load(textwrap.dedent(block[0]))["jobs"]["chaos"]["steps"]
    commands = [step["run"] for step in steps if "run" in step]
    assert sum("pytest" in command for command in commands) == 2
    for flag in re.findall(r"--(chaos-[a-z]+)", "\n".join([*commands, page])):
        assert pytestconfig.getoption(f"--{flag}", default=_ABSENT) is not _ABSENT, flag

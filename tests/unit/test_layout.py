"""The shape of the project: what is packaged, what a type checker sees, what may be named and read where."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src"
SIMULATORS = ROOT / "simulators"
VIEW = ROOT / "typing_view" / "seawall"

FORBIDDEN = re.compile(r"manager|helper|util|handler|service|engine|processor", re.IGNORECASE)
SOURCES_OF_TIME_AND_CHANCE = {
    "time": {"time", "monotonic", "perf_counter", "time_ns", "monotonic_ns"},
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "random": {"*"},
    "secrets": {"*"},
    "uuid": {"*"},
}


def modules(*folders: Path) -> list[Path]:
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


ALL = modules(SRC, SIMULATORS)
named = pytest.mark.parametrize("path", ALL, ids=relative)
in_src = pytest.mark.parametrize("path", modules(SRC), ids=relative)


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@named
def test_every_module_is_seen_by_type_checkers(path: Path) -> None:
    inside = path.relative_to(SRC) if path.is_relative_to(SRC) else Path("simulators") / path.relative_to(SIMULATORS)
    assert (VIEW / inside).resolve() == path, f"add a link to {relative(path)} in typing_view/seawall"


def test_no_link_of_the_typing_view_leads_nowhere() -> None:
    assert [relative(link) for link in VIEW.iterdir() if not link.exists()] == []


def test_every_package_is_listed_in_pyproject() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    packages = {".".join(("seawall", *path.parent.relative_to(SRC).parts)) for path in SRC.rglob("__init__.py")}
    packages |= {
        ".".join(("seawall.simulators", *path.parent.relative_to(SIMULATORS).parts))
        for path in SIMULATORS.rglob("__init__.py")
    }
    assert set(listed) == packages


@named
def test_every_module_lies_in_a_package(path: Path) -> None:
    assert (path.parent / "__init__.py").exists()


@named
def test_no_module_has_more_than_400_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@named
def test_no_module_or_class_has_a_name_that_says_nothing(path: Path) -> None:
    names = [*path.relative_to(ROOT).with_suffix("").parts]
    names += [node.name for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef)]
    assert [name for name in names if FORBIDDEN.search(name)] == []


def chance_and_time(path: Path) -> Iterator[str]:
    """Every reading of a clock, of randomness or of ids, however it is imported."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.module in SOURCES_OF_TIME_AND_CHANCE:
            forbidden = SOURCES_OF_TIME_AND_CHANCE[node.module]
            yield from (
                f"line {node.lineno}: from {node.module} import {alias.name}"
                for alias in node.names
                if alias.name in forbidden or ("*" in forbidden and alias.name not in {"Random", "UUID"})
            )
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            forbidden = SOURCES_OF_TIME_AND_CHANCE.get(node.value.id, set())
            if node.attr in forbidden or ("*" in forbidden and is_module(path, node.value.id, node.attr)):
                yield f"line {node.lineno}: {node.value.id}.{node.attr}"


def is_module(path: Path, name: str, attribute: str) -> bool:
    """Whether `name` is the imported module of that name, and `attribute` more than a type for annotations."""
    if (name, attribute) == ("random", "Random"):
        return False
    imports = [node for node in ast.walk(tree(path)) if isinstance(node, ast.Import)]
    return any(alias.name == name for node in imports for alias in node.names)


@in_src
def test_only_the_clock_reads_time_randomness_and_ids(path: Path) -> None:
    found = list(chance_and_time(path))
    if path == SRC / "core" / "clock.py":
        assert found, "this test no longer sees what it looks for"
    else:
        assert found == []


@in_src
def test_only_config_reads_the_environment(path: Path) -> None:
    found = [
        node.lineno
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv")
    ]
    assert bool(found) == (path == SRC / "config.py"), f"lines {found}"


@in_src
def test_src_imports_itself_relatively_and_never_the_simulators(path: Path) -> None:
    imported = [
        node.module or "" if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and node.level == 0)
        for alias in node.names
    ]
    assert [name for name in imported if name.split(".")[0] in ("seawall", "simulators")] == []


@pytest.mark.parametrize(
    "text",
    ["import time\ntime.monotonic()", "from uuid import uuid4", "import random as random\nrandom.random()"],
)
def test_the_search_for_time_and_chance_finds_them(tmp_path: Path, text: str) -> None:
    path = tmp_path / "module.py"
    path.write_text(text, encoding="utf-8")
    assert list(chance_and_time(path))

"""Loading a module that somebody else wrote, by its name or from a file; and the source that it rests on."""

from __future__ import annotations

import ast
import hashlib
import importlib
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from types import ModuleType
from typing import Final

_ACTIONS: Final = "seawall_actions_"
_DATA: Final = {".json", ".sql", ".toml", ".wsdl", ".xml", ".xsd", ".yaml", ".yml"}


def load_module(where: str | Path) -> ModuleType:
    """Load a module.

    Args:
        where: A module's name, or the path of a file that ends in `.py`. Such a file's folder counts as a package, so
            that it can import its neighbours as `.name`.

    Raises:
        FileNotFoundError: There is no such file.
        Exception: Whatever the module raises when it is imported.
    """
    if not str(where).endswith(".py"):
        return importlib.import_module(str(where))
    path = Path(where)
    if not path.is_file():
        raise FileNotFoundError(path)
    folder = path.resolve().parent
    package = f"{_ACTIONS}{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
    if package not in sys.modules:
        made = ModuleType(package)
        made.__path__ = [str(folder)]
        sys.modules[package] = made
    return importlib.import_module(f"{package}.{path.stem}")


def sources_of(modules: Collection[str]) -> dict[str, bytes]:
    """The source of modules that are loaded: theirs, and of what they import of their own packages and of Seawall.

    Beside the modules' folders as a whole, where they are packages (with data such as WSDLs), it is what import
    statements name. What is imported by a computed name is not found, other packages are not looked into.

    Args:
        modules: Names of loaded modules.

    Returns:
        File, as a path below its package's folder, → content. No name of a folder of this machine is in it.
    """
    roots = {root: _folders(root) for root in {name.partition(".")[0] for name in modules} | {"seawall"}}
    found: dict[str, bytes] = {}
    for name in modules:
        root = name.partition(".")[0]
        file = _file(name, roots)
        if file is None or not (file.parent / "__init__.py").is_file():
            continue
        for one in sorted(file.parent.rglob("*")):
            if one.is_file() and (one.suffix in _DATA or one.suffix == ".py"):
                found[_below(one, root, roots)] = one.read_bytes()
    seen: set[str] = set()
    pending = list(modules)
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        file = _file(name, roots)
        if file is None:
            continue
        content = file.read_bytes()
        found[_below(file, name.partition(".")[0], roots)] = content
        package = name if file.name == "__init__.py" else name.rpartition(".")[0]
        pending += [one for one in _imported(content, package) if one.partition(".")[0] in roots]
    return found


def _folders(root: str) -> list[Path]:
    return [Path(one) for one in getattr(sys.modules.get(root), "__path__", ())]


def _file(name: str, roots: dict[str, list[Path]]) -> Path | None:
    root, *parts = name.split(".")
    if not roots[root]:
        where = getattr(sys.modules.get(root), "__file__", None)
        return Path(where) if where and not parts else None
    for folder in roots[root]:
        place = folder.joinpath(*parts)
        for file in (place / "__init__.py", place.with_suffix(".py")):
            if file.is_file():
                return file
    return None


def _below(file: Path, root: str, roots: dict[str, list[Path]]) -> str:
    folder = next((one for one in roots[root] if file.is_relative_to(one)), file.parent)
    # The name that a folder of actions gets here is made of its path.
    package = "" if root.startswith(_ACTIONS) else f"{root}/"
    return package + file.relative_to(folder).as_posix()


def _imported(source: bytes, package: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _with_parents(alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            yield from _with_parents(base)
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _with_parents(name: str) -> Iterator[str]:
    parts = name.split(".")
    yield from (".".join(parts[:count]) for count in range(1, len(parts) + 1))

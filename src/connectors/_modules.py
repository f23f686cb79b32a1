"""Loading a module that somebody else wrote, by its name or from a file."""

from __future__ import annotations

import hashlib
import importlib
import sys
from pathlib import Path
from types import ModuleType


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
    package = f"seawall_actions_{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
    if package not in sys.modules:
        made = ModuleType(package)
        made.__path__ = [str(folder)]
        sys.modules[package] = made
    return importlib.import_module(f"{package}.{path.stem}")

"""The names of a new package."""

from __future__ import annotations

import keyword
import re
import sys
from dataclasses import dataclass
from importlib import metadata

from ..connectors import BUILT_IN, ENTRY_POINTS
from ..core.errors import InvalidRequest

_LONGEST = 30
_TAKEN = frozenset({"seawall", "test", "tests", "src"})
_USED = frozenset(
    {"httpx", "lxml", "mypy", "pip", "pydantic", "pytest", "ruff", "setuptools", "sqlalchemy", "yaml", "zeep"}
)
"""Packages that a new package uses, whether they are installed here or not."""
_CLASSES = frozenset({"action", "connector", "rest", "stub"})
"""Where the package's own classes would have the names of those that they are made of, such as `RestSimulator`."""


@dataclass(frozen=True, slots=True)
class Names:
    """A package's name, as it is written in each place.

    Args:
        module: In snake_case: the module, and the connector's kind.
    """

    module: str

    @property
    def cls(self) -> str:
        """In CamelCase, for classes."""
        return "".join(part.capitalize() for part in self.module.split("_"))

    @property
    def project(self) -> str:
        """With hyphens, for package indexes."""
        return "-".join(part for part in self.module.split("_") if part)

    @property
    def title(self) -> str:
        """For people."""
        return " ".join(part.capitalize() for part in self.module.split("_") if part)


def names(module: str) -> Names:
    """Take a name for a package.

    Args:
        module: As it was asked for.

    Raises:
        InvalidRequest: It cannot be the name of a package, or is taken.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", module) or len(module) > _LONGEST:
        raise InvalidRequest(
            f"{module!r} cannot be the name of a package: use up to {_LONGEST} lower-case letters, digits and single "
            "underscores, a letter first, such as acme_erp",
            code="name",
        )
    if module in BUILT_IN:
        raise InvalidRequest(f"{module!r} is a connector that comes with Seawall: choose another name", code="name")
    if module in _TAKEN or keyword.iskeyword(module) or module in sys.stdlib_module_names:
        raise InvalidRequest(f"{module!r} has a meaning in Python already: choose another name", code="name")
    if module in _CLASSES:
        raise InvalidRequest(f"{module!r} would hide classes of Seawall: choose another name", code="name")
    if module in _USED or _is_of_others(module):
        raise InvalidRequest(
            f"{module!r} is the name of a package that is installed or used: choose another name", code="name"
        )
    return Names(module)


def _is_of_others(module: str) -> bool:
    """Whether a package of this name is installed that is no connector of that kind, made earlier."""
    installed = metadata.packages_distributions().get(module, ())
    return bool(installed) and module not in metadata.entry_points(group=ENTRY_POINTS).names

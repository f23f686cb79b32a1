"""New packages for authors of connectors, made from templates and from what describes a system: see `seawall new`."""

from __future__ import annotations

from .naming import Names, names
from .package import Package, package, plain

__all__ = ["Names", "Package", "names", "package", "plain"]

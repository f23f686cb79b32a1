"""One self-contained HTML page about many episodes, and about some of them in detail."""

from __future__ import annotations

from .page import Shown, render

__all__ = ["Shown", "render"]

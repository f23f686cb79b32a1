from __future__ import annotations

from support.shell import shell

__all__ = ["shell"]

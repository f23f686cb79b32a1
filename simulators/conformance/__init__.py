"""The conformance kit: what an adapter claims, tried and counted in its simulator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .suite import Conformance

__all__ = ["Conformance"]


def __getattr__(name: str) -> Any:
    # The plugin is loaded with every pytest; the kit only where a suite asks for it.
    if name in __all__:
        from .suite import Conformance

        return Conformance
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Row locks: a write that is under way keeps its rows, and their parents, from others.

Source: "Record Locking Cheat Sheet": a writer waits about ten seconds for a row and is then refused with
``UNABLE_TO_LOCK_ROW``. The simulator refuses at once. Batches and composite requests take no locks here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .errors import lock_error
from .schema import ObjectDef
from .values import as_id


class RowLocks:
    """Rows that are held by writes under way."""

    def __init__(self) -> None:
        self._held: Counter[str] = Counter()

    def hold(self, names: Iterable[str]) -> Callable[[], None]:
        """Hold rows; the answer lets them go again."""
        held = Counter(set(names))
        self._held.update(held)

        def release() -> None:
            self._held.subtract(held)
            self._held = +self._held

        return release

    def check(self, names: Iterable[str]) -> None:
        """Let a write pass that touches the rows.

        Raises:
            ApiError: ``UNABLE_TO_LOCK_ROW``: one of them is held.
        """
        if self._held:
            for name in names:
                if name in self._held:
                    raise lock_error(name.partition("=")[2] or name)


def rows_of(obj: ObjectDef, content: Mapping[str, Any], record_id: str = "") -> list[str]:
    """What a write of `content` locks: the row itself, the rows it refers to, and the unique keys it claims."""
    names = [record_id] if record_id else []
    for name, value in content.items():
        field = obj.field(name)
        if field is None or not isinstance(value, str):
            continue
        if field.type == "reference" and "User" not in field.reference_to:
            names.append(as_id(value) or value)
        elif field.external_id or field.unique:
            names.append(f"{obj.name}.{field.name}={value.lower()}")
    return names

"""The records behind a simulated SOAP service: whole transactions, locks, and the hidden effect log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any, Self, TypeAlias

from ..effects import Cause, EffectLog, Kind

Fields: TypeAlias = dict[str, Any]


class RowLocked(Exception):
    """A record is being written by a request that is still running."""


class Store:
    """Records by kind and id.

    Args:
        effects: The effect log.
        now: The clock.
    """

    def __init__(self, effects: EffectLog, now: Callable[[], float]) -> None:
        self.effects = effects
        self.now = now
        self.rows: dict[str, dict[str, Fields]] = {}
        self.locked: set[str] = set()
        self._numbers: dict[str, int] = {}

    def of(self, kind: str) -> dict[str, Fields]:
        """The records of a kind, by id."""
        return self.rows.setdefault(kind, {})

    def next_id(self, kind: str, first: int = 1) -> str:
        """A new id; ids are never used twice."""
        self._numbers[kind] = self._numbers.get(kind, first - 1) + 1
        return str(self._numbers[kind])

    def transaction(self, request_id: int = 0, cause: Cause = "request", *, logged: bool = True) -> Transaction:
        """Changes that are whole or nothing.

        Args:
            request_id: The request that asks for them.
            cause: Why they happen.
            logged: False for what another user does.
        """
        return Transaction(self, request_id, cause, logged=logged)

    def hold(self, names: Iterable[str]) -> Callable[[], None]:
        """Lock names; the answer unlocks them."""
        taken = {name for name in names if name not in self.locked}
        self.locked |= taken
        return lambda: self.locked.difference_update(taken)


class Transaction:
    """Changes that are logged when they are committed. A context manager: an exception rolls back."""

    def __init__(self, store: Store, request_id: int, cause: Cause, *, logged: bool) -> None:
        self.store = store
        self._request_id = request_id
        self._cause: Cause = cause
        self._logged = logged
        self._undo: list[tuple[str, str, Fields | None]] = []
        self._effects: list[tuple[Kind, str, str, Fields, tuple[str, ...]]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._roll_back(0, 0)
            return
        for what, object_name, record_id, fields, changed in self._effects if self._logged else ():
            self.store.effects.append(
                at=self.store.now(),
                kind=what,
                object=object_name,
                record_id=record_id,
                fields=fields,
                changed=changed,
                request_id=self._request_id,
                cause=self._cause,
            )

    @contextmanager
    def part(self) -> Iterator[None]:
        """A part that is undone alone if it fails; the failure goes on."""
        undo, effects = len(self._undo), len(self._effects)
        try:
            yield
        except BaseException:
            self._roll_back(undo, effects)
            raise

    def check(self, *names: str) -> None:
        """Make sure that no running request holds one of these names.

        Raises:
            RowLocked: One does.
        """
        if not self.store.locked.isdisjoint(names):
            raise RowLocked

    def insert(self, kind: str, record_id: str, fields: Fields, written: Mapping[str, Any]) -> None:
        """Add a record. `written` is what the request itself set."""
        self.check(f"{kind}/{record_id}")
        self._put(kind, record_id, fields)
        self._effects.append(("insert", kind, record_id, _shown(written), tuple(written)))

    def update(self, kind: str, record_id: str, written: Mapping[str, Any], more: Mapping[str, Any]) -> None:
        """Change a record: what the request set, and what the system adds."""
        self.check(f"{kind}/{record_id}")
        old = self.store.of(kind)[record_id]
        changed = tuple(name for name, value in written.items() if old.get(name) != value)
        self._put(kind, record_id, {**old, **written, **more})
        self._effects.append(("update", kind, record_id, _shown(written), changed))

    def delete(self, kind: str, record_id: str) -> None:
        """Take a record away."""
        self.check(f"{kind}/{record_id}")
        self._put(kind, record_id, None)
        self._effects.append(("delete", kind, record_id, {}, ()))

    def invoke(self, what: str, run_id: str, inputs: Mapping[str, Any]) -> None:
        """Something that leaves the system: a message to somebody."""
        self._effects.append(("invoke", what, run_id, _shown(inputs), ()))

    def _put(self, kind: str, record_id: str, fields: Fields | None) -> None:
        rows = self.store.of(kind)
        self._undo.append((kind, record_id, rows.get(record_id)))
        if fields is None:
            del rows[record_id]
        else:
            rows[record_id] = fields

    def _roll_back(self, undo: int, effects: int) -> None:
        while len(self._undo) > undo:
            kind, record_id, old = self._undo.pop()
            if old is None:
                self.store.of(kind).pop(record_id, None)
            else:
                self.store.of(kind)[record_id] = old
        del self._effects[effects:]


def _shown(fields: Mapping[str, Any]) -> Fields:
    return {name: _plain(value) for name, value in fields.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return _shown(value) if isinstance(value, dict) else value

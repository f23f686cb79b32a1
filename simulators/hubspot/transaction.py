"""Changes that are whole or nothing, and end in the effect log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from ..effects import Cause, Kind
from ..journal import Entry
from .record import Place, Record, entry_of, unique_key
from .schema import ObjectType

if TYPE_CHECKING:
    from .records import Records

ASSOCIATIONS = "associations"
"""Under this name the effect log has the associations; their record id is ``notes/1/contacts/2``."""


class Transaction:
    """Changes that become visible at once inside, and are logged when they are committed.

    Usable as a context manager: an exception rolls back, otherwise it commits.
    """

    def __init__(self, records: Records, request_id: int, cause: Cause, *, logged: bool) -> None:
        self.records = records
        self._logged = logged
        self._request_id = request_id
        self._cause: Cause = cause
        self._undo: list[Callable[[], None]] = []
        self._entries: list[tuple[Entry, Record | None]] = []
        self._effects: list[tuple[Kind, str, str, Mapping[str, Any], tuple[str, ...]]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._commit()
        else:
            self._rollback(0, 0)

    @contextmanager
    def part(self) -> Iterator[None]:
        """A part that is undone alone if it fails; the failure goes on."""
        undo, effects = len(self._undo), len(self._effects)
        try:
            yield
        except BaseException:
            self._rollback(undo, effects)
            raise

    def insert(self, obj: ObjectType, record: Record, written: Mapping[str, str | None]) -> None:
        """Add a record. `written` is the request's own content and what the effect log shows."""
        self.records.locks.check(touched(obj, "", written))
        self._put(record, None)
        self._effects.append(("insert", obj.name, record.id, written, tuple(n for n, v in written.items() if v)))

    def update(self, obj: ObjectType, record: Record, written: Mapping[str, str | None]) -> Record:
        """Overwrite properties of a record; None clears. A change of nothing is an update too."""
        self.records.locks.check(touched(obj, record.id, written))
        changed = tuple(name for name, value in written.items() if record.properties.get(name) != value)
        merged = {**record.properties, **written}
        properties = {name: value for name, value in merged.items() if value is not None}
        new = replace(record, properties=properties, updated=self.records.now())
        self._put(new, record)
        self._effects.append(("update", obj.name, record.id, written, changed))
        return new

    def archive(self, obj: ObjectType, record: Record) -> None:
        """Archive a record; its unique values are free again."""
        self.records.locks.check(touched(obj, record.id, {}))
        self._put(replace(record, archived_at=self.records.now()), record)
        self._effects.append(("delete", obj.name, record.id, {}, ()))

    def link(self, one: Place, other: Place, number: int) -> None:
        """Associate two records; an association that is there already is no effect."""
        before = self.records.types(one, other)
        if not self.records.link(one, other, number):
            return
        self._linked(one, other, number, before)
        written = {"associationTypeId": number, "toObjectId": other[1]}
        self._effects.append(("insert", ASSOCIATIONS, _link_id(one, other), written, ()))

    def unlink(self, one: Place, other: Place) -> None:
        """Take every association between two records away."""
        before = self.records.types(one, other)
        if not before:
            return
        self.records.unlink(one, other)
        self._linked(one, other, None, before)
        self._effects.append(("delete", ASSOCIATIONS, _link_id(one, other), {}, ()))

    def _linked(self, one: Place, other: Place, number: int | None, before: frozenset[int]) -> None:
        self._entries.append(({"link": [one, other, number]}, None))

        def undo() -> None:
            self._entries.pop()
            self.records.unlink(one, other)
            for old in before:
                self.records.link(one, other, old)

        self._undo.append(undo)

    def _put(self, new: Record, old: Record | None) -> None:
        self.records.put(new)
        self._entries.append((entry_of(new), new))

        def undo() -> None:
            self._entries.pop()
            if old is None:
                self.records.remove(new)
            else:
                self.records.put(old)

        self._undo.append(undo)

    def _rollback(self, undo: int, effects: int) -> None:
        while len(self._undo) > undo:
            self._undo.pop()()
        del self._effects[effects:]

    def _commit(self) -> None:
        if self._entries and self.records.journal is not None:
            self.records.journal.append([entry for entry, _ in self._entries])
        at = self.records.now()
        for _, record in self._entries:
            if record is not None:
                self.records.publish(record, at)
        for kind, name, record_id, fields, changed in self._effects if self._logged else ():
            self.records.effects.append(
                at=at,
                kind=kind,
                object=name,
                record_id=record_id,
                fields=fields,
                changed=changed,
                request_id=self._request_id,
                cause=self._cause,
            )


def touched(obj: ObjectType, record_id: str, written: Mapping[str, Any]) -> list[str]:
    """What a write locks: the record itself, and the unique values that it claims."""
    names = [f"{obj.name}/{record_id}"] if record_id else []
    claimed = [(prop, str(written[prop.name])) for prop in obj.unique if written.get(prop.name)]
    return names + [f"{obj.name}.{prop.name}={unique_key(prop, value)}" for prop, value in claimed]


def _link_id(one: Place, other: Place) -> str:
    return "/".join((*one, *other))

"""The records of a portal with their associations, and what search has seen of them.

A record is never changed in place: each write puts a new one in its stead, so that search can go on showing the old.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..effects import Cause, EffectLog
from ..journal import Entry, Journal
from .association_types import ASSOCIATION_TYPES, between
from .locks import Locks
from .record import Place, Record, unique_key
from .schema import ADDED, ObjectType, Property, Schema
from .transaction import Transaction

FIRST_ID = 6001


class Records:
    """All records, archived ones included, with an index on each unique property.

    Args:
        schema: The objects.
        effects: Where committed changes are logged.
        now: The portal's clock, in seconds since 1970.
        search_lag: Seconds until search sees a change.
        journal: Keeps the records over a restart; None keeps them in memory only.
    """

    def __init__(
        self,
        schema: Schema,
        effects: EffectLog,
        now: Callable[[], float],
        search_lag: float = 0.0,
        journal: Journal | None = None,
    ) -> None:
        self.schema = schema
        self.effects = effects
        self.now = now
        self.journal = journal
        self.locks = Locks()
        self.extra: dict[str, list[Entry]] = {}
        self._lag = search_lag
        self._kept_for = search_lag
        self._rows: dict[str, dict[str, Record]] = {name: {} for name in schema.objects}
        self._index: dict[tuple[str, str, str], str] = {}
        self._links: dict[Place, dict[Place, set[int]]] = {}
        self._versions: dict[str, dict[str, list[tuple[float, Record]]]] = {name: {} for name in schema.objects}
        self._last_id = FIRST_ID - 1
        for entry in journal.replay() if journal is not None else ():
            self._replay(entry)

    def get(self, object_name: str, record_id: str) -> Record | None:
        """The record, archived or not; None if there never was one."""
        return self._rows[object_name].get(record_id)

    def all(self, object_name: str, *, archived: bool = False) -> list[dict[str, str]]:
        """The properties of an object's records, with their ids, for judges and tests."""
        return [{"id": row.id, **row.properties} for row in self.rows(object_name) if archived or not row.archived]

    def rows(self, object_name: str) -> Iterator[Record]:
        """An object's records in the order of creation, archived ones included."""
        return iter(self._rows[object_name].values())

    def find(self, obj: ObjectType, prop: Property, value: str) -> Record | None:
        """The living record with a value of a unique property."""
        record_id = self._index.get((obj.name, prop.name, unique_key(prop, value)))
        return None if record_id is None else self._rows[obj.name][record_id]

    def seen_by_search(self, object_name: str) -> Iterator[Record]:
        """An object's living records as search knows them: as they were `search_lag` seconds ago."""
        horizon = self.now() - self._lag
        for versions in self._versions[object_name].values():
            known = [record for at, record in versions if at <= horizon]
            if known and not known[-1].archived:
                yield known[-1]

    @contextmanager
    def lagging(self, seconds: float) -> Iterator[None]:
        """Let search be at least so far behind for a while, no further than is remembered."""
        usual, self._lag = self._lag, max(self._lag, min(seconds, self._kept_for))
        try:
            yield
        finally:
            self._lag = usual

    def remember(self, seconds: float) -> None:
        """Keep what search knew for at least so long."""
        self._kept_for = max(self._kept_for, seconds)

    def associated(self, record: Record, to_object: str) -> list[tuple[str, set[int]]]:
        """Ids and association types of the living records that a record is associated with."""
        linked = self._links.get((record.object, record.id), {})
        return [
            (to_id, types)
            for (name, to_id), types in linked.items()
            if name == to_object and not self._rows[name][to_id].archived
        ]

    def transaction(self, request_id: int = 0, cause: Cause = "request", *, logged: bool = True) -> Transaction:
        """Start a transaction; `request_id` and `cause` go into the effect log, unless it is not to be logged."""
        return Transaction(self, request_id, cause, logged=logged)

    def note(self, kind: str, entry: Entry) -> None:
        """Keep something that is no record over a restart, such as a spent refresh token."""
        self.extra.setdefault(kind, []).append(entry)
        if self.journal is not None:
            self.journal.append([{"note": kind, **entry}])

    def close(self) -> None:
        """Close the journal."""
        if self.journal is not None:
            self.journal.close()

    def next_id(self) -> str:
        """A new id; one that was drawn in vain is gone."""
        self._last_id += 1
        return str(self._last_id)

    def put(self, record: Record) -> None:
        """Store a record as it is: no check, no journal, no effect."""
        obj = self.schema.objects[record.object]
        self._reindex(obj, self._rows[record.object].get(record.id), record)
        self._rows[record.object][record.id] = record

    def remove(self, record: Record) -> None:
        """Take back a `put` of a new record."""
        self._reindex(self.schema.objects[record.object], record, None)
        del self._rows[record.object][record.id]

    def publish(self, record: Record, at: float) -> None:
        """Let search come to know a record, when its time has come."""
        versions = self._versions[record.object].setdefault(record.id, [])
        versions.append((at, record))
        horizon = self.now() - self._kept_for
        while len(versions) > 1 and versions[1][0] <= horizon:
            versions.pop(0)

    def types(self, one: Place, other: Place) -> frozenset[int]:
        """The association types from one record to another."""
        return frozenset(self._links.get(one, {}).get(other, ()))

    def link(self, one: Place, other: Place, number: int) -> bool:
        """Associate two records in both directions; tells whether they were not yet. A label brings the plain type."""
        kind = ASSOCIATION_TYPES[number]
        plain = between(kind.from_object, kind.to_object)[0]
        types = self._links.setdefault(one, {}).setdefault(other, set())
        back = self._links.setdefault(other, {}).setdefault(one, set())
        new = number not in types
        types |= {number, plain.number}
        back |= {kind.opposite, plain.opposite}
        return new

    def unlink(self, one: Place, other: Place) -> None:
        """Take every association between two records away."""
        self._links.get(other, {}).pop(one, None)
        self._links.get(one, {}).pop(other, None)

    def _reindex(self, obj: ObjectType, old: Record | None, new: Record | None) -> None:
        for prop in obj.unique:
            for record, there in ((old, False), (new, True)):
                if record is None or record.archived or prop.name not in record.properties:
                    continue
                key = (obj.name, prop.name, unique_key(prop, record.properties[prop.name]))
                if there:
                    self._index[key] = record.id
                elif self._index.get(key) == record.id:
                    del self._index[key]

    def _replay(self, entry: Entry) -> None:
        if "note" in entry:
            kind = entry.pop("note")
            self.extra.setdefault(kind, []).append(entry)
            if kind == ADDED:
                self.schema.add(entry["object"], Property.from_entry(entry))
        elif "link" in entry:
            one, other, number = entry["link"]
            if number is None:
                self.unlink(_place(one), _place(other))
            else:
                self.link(_place(one), _place(other), number)
        elif entry["object"] in self._rows:
            record = Record(**entry)
            self._last_id = max(self._last_id, int(record.id))
            self.put(record)
            self.publish(record, record.changed)


def _place(pair: list[str]) -> Place:
    return pair[0], pair[1]

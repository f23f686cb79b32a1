"""The records of an org, and transactions on them that are whole or nothing and end in the effect log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

from ..effects import Cause, EffectLog, Kind
from ..journal import Entry, Journal
from .locks import RowLocks, rows_of
from .schema import FieldDef, ObjectDef, Schema
from .values import as_id, id_number, make_id, stamp

Record = dict[str, Any]


class Records:
    """All records by object and id, deleted ones included, with an index on each external id and reference.

    Args:
        schema: The objects.
        effects: Where committed changes are logged.
        now: The org's clock, in seconds since 1970.
        journal: Keeps the records over a restart; None keeps them in memory only.
    """

    def __init__(
        self, schema: Schema, effects: EffectLog, now: Callable[[], float], journal: Journal | None = None
    ) -> None:
        self.schema = schema
        self.effects = effects
        self.now = now
        self.journal = journal
        self._rows: dict[str, dict[str, Record]] = {name: {} for name in schema.objects}
        self._index: dict[tuple[str, str], dict[str, dict[str, None]]] = {
            (o.name, f.name): {} for o in schema.objects.values() for f in o.fields.values() if f.indexed
        }
        self._counters: dict[str, int] = dict.fromkeys(schema.objects, 0)
        self.locks = RowLocks()
        self.extra: dict[str, list[Entry]] = {}
        for entry in journal.replay() if journal is not None else ():
            self._replay(entry)

    def get(self, object_name: str, record_id: str) -> Record | None:
        """The record, deleted or not; None if there never was one."""
        key = as_id(record_id)
        return None if key is None else self._rows[object_name].get(key)

    def all(self, object_name: str, *, deleted: bool = False) -> list[Record]:
        """Copies of an object's records, for judges and tests."""
        return [dict(row) for row in self.rows(object_name, deleted=deleted)]

    def rows(self, object_name: str, *, deleted: bool = False) -> Iterator[Record]:
        """An object's records in the order of creation."""
        return (row for row in self._rows[object_name].values() if deleted or not row["IsDeleted"])

    def find(self, obj: ObjectDef, field: FieldDef, value: Any) -> list[Record]:
        """Records that are not deleted whose indexed field has the value."""
        ids = self._index[obj.name, field.name].get(index_key(field, value), ())
        rows = self._rows[obj.name]
        return [rows[i] for i in ids if not rows[i]["IsDeleted"]]

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

    def _replay(self, entry: Entry) -> None:
        if "note" in entry:
            self.extra.setdefault(entry.pop("note"), []).append(entry)
        elif "interview" in entry:
            self._counters["interview"] = entry["interview"]
        elif (obj := self.schema.get(entry["object"])) is not None:
            record = entry["record"]
            self.put(obj, record)
            self._counters[obj.name] = max(self._counters[obj.name], id_number(record["Id"]))

    def put(self, obj: ObjectDef, record: Record) -> None:
        """Store a record as it is: no check, no journal, no effect."""
        old = self._rows[obj.name].get(record["Id"], {})
        self._rows[obj.name][record["Id"]] = record
        for field in obj.fields.values():
            if field.indexed and old.get(field.name) != record.get(field.name):
                self._reindex(obj, field, record["Id"], old.get(field.name), record.get(field.name))

    def remove(self, obj: ObjectDef, record_id: str) -> None:
        """Take back a `put` of a new record."""
        old = self._rows[obj.name].pop(record_id)
        for field in obj.fields.values():
            if field.indexed:
                self._reindex(obj, field, record_id, old.get(field.name), None)

    def _reindex(self, obj: ObjectDef, field: FieldDef, record_id: str, old: Any, new: Any) -> None:
        index = self._index[obj.name, field.name]
        if old is not None:
            del index[index_key(field, old)][record_id]
        if new is not None:
            index.setdefault(index_key(field, new), {})[record_id] = None

    def next_number(self, name: str) -> int:
        """The next number of a sequence; one that was drawn in vain is gone, as with autonumbers."""
        self._counters[name] = self._counters.get(name, 0) + 1
        return self._counters[name]


def index_key(field: FieldDef, value: Any) -> str:
    """How an index writes a value: text without case, unless the field is case-sensitive; ids in full length."""
    if field.type == "reference":
        return as_id(str(value)) or str(value)
    return str(value) if field.case_sensitive else str(value).lower()


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
        self._effects: list[tuple[Kind, str, str, Mapping[str, Any], tuple[str, ...]]] = []
        self._entries: list[Entry] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.commit()
        else:
            self.rollback()

    def insert(self, obj: ObjectDef, written: Mapping[str, Any], derived: Mapping[str, Any]) -> Record:
        """Add a record. `written` is the request's own content and what the effect log shows."""
        self.records.locks.check(rows_of(obj, written))
        number = self.records.next_number(obj.name)
        when = stamp(self.records.now())
        record: Record = {
            "Id": make_id(obj.prefix, number),
            "IsDeleted": False,
            "CreatedDate": when,
            "LastModifiedDate": when,
            "SystemModstamp": when,
            **derived,
            **written,
        }
        if obj.name == "Case":
            record["CaseNumber"] = f"{number:08d}"
        self._put(obj, record, None)
        changed = tuple(name for name, value in written.items() if value is not None)
        self._effects.append(("insert", obj.name, record["Id"], written, changed))
        return record

    def update(self, obj: ObjectDef, record: Record, written: Mapping[str, Any], derived: Mapping[str, Any]) -> Record:
        """Overwrite fields of a record. A change of nothing is an update too and moves the timestamps."""
        self.records.locks.check(rows_of(obj, written, record["Id"]))
        changed = tuple(name for name, value in written.items() if record.get(name) != value)
        when = stamp(self.records.now())
        new = {**record, **written, **derived, "LastModifiedDate": when, "SystemModstamp": when}
        self._put(obj, new, record)
        self._effects.append(("update", obj.name, record["Id"], written, changed))
        return new

    def delete(self, obj: ObjectDef, record: Record) -> None:
        """Move a record to the recycle bin."""
        self.records.locks.check((record["Id"],))
        when = stamp(self.records.now())
        self._put(obj, {**record, "IsDeleted": True, "LastModifiedDate": when, "SystemModstamp": when}, record)
        self._effects.append(("delete", obj.name, record["Id"], {}, ()))

    def invoke(self, name: str, inputs: Mapping[str, Any]) -> str:
        """Run an action; the answer is the id of the run."""
        number = self.records.next_number("interview")
        run = f"{number:08x}-5ea0-4a11-8000-{number:012x}"
        entry: Entry = {"interview": number}
        self._entries.append(entry)
        self._undo.append(lambda: self._entries.remove(entry))
        self._effects.append(("invoke", name, run, inputs, tuple(inputs)))
        return run

    def mark(self) -> tuple[int, int]:
        """A point to roll back to."""
        return len(self._undo), len(self._effects)

    def rollback(self, mark: tuple[int, int] = (0, 0)) -> None:
        """Undo everything since the mark; without one, everything."""
        undo_to, effects_to = mark
        while len(self._undo) > undo_to:
            self._undo.pop()()
        del self._effects[effects_to:]

    def commit(self) -> None:
        """Make the changes last and log their effects."""
        if self._entries and self.records.journal is not None:
            self.records.journal.append(self._entries)
        at = self.records.now()
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
        self._undo, self._effects, self._entries = [], [], []

    def _put(self, obj: ObjectDef, new: Record, old: Record | None) -> None:
        self.records.put(obj, new)
        self._entries.append({"object": obj.name, "record": new})

        def undo() -> None:
            self._entries.pop()
            if old is None:
                self.records.remove(obj, new["Id"])
            else:
                self.records.put(obj, old)

        self._undo.append(undo)

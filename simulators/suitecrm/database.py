"""The tables of an instance. Each statement commits by itself, and its effect is logged as it does.

SuiteCRM opens no transactions: what a call wrote before it failed stays written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ..effects import Cause, EffectLog, Kind
from ..journal import Entry, Journal
from .errors import DatabaseFailure
from .locks import Locks
from .schema import Link, Module, Modules
from .values import guid_number, id_key, make_guid

Row = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a statement comes from, for the effect log.

    Args:
        request_id: Number of the HTTP request.
        cause: Why it is carried out.
        logged: Whether the effect log shows it.
    """

    request_id: int = 0
    cause: Cause = "request"
    logged: bool = True


class Database:
    """All rows, deleted ones included.

    Args:
        modules: The modules.
        effects: Where committed changes are logged.
        now: The instance's clock, in seconds since 1970.
        journal: Keeps the rows over a restart; None keeps them in memory only.
    """

    def __init__(
        self, modules: Modules, effects: EffectLog, now: Callable[[], float], journal: Journal | None = None
    ) -> None:
        self.modules = modules
        self.now = now
        self.locks = Locks()
        self.tokens: list[Entry] = []
        self._effects = effects
        self._journal = journal
        self._rows: dict[str, dict[str, Row]] = {name: {} for name in modules}
        self._pairs: dict[str, dict[tuple[str, str], None]] = {}
        self._guids = 0
        self._numbers: dict[str, int] = {}
        for entry in journal.replay() if journal is not None else ():
            self._replay(entry)

    def row(self, module: Module, record_id: str) -> Row | None:
        """The row of an id, deleted or not."""
        return self._rows[module.name].get(id_key(record_id))

    def live(self, module: Module, record_id: str) -> Row | None:
        """The row of an id, unless it is deleted."""
        row = self.row(module, record_id)
        return None if row is None or row["deleted"] == "1" else row

    def rows(self, module: Module) -> Iterator[Row]:
        """A module's rows in the order of creation, deleted ones included."""
        return iter(list(self._rows[module.name].values()))

    def all(self, module_name: str, *, deleted: bool = False) -> list[Row]:
        """Copies of a module's rows, for judges and tests."""
        return [dict(row) for row in self._rows[module_name].values() if deleted or row["deleted"] != "1"]

    def new_id(self) -> str:
        """An id that no record has."""
        self._guids += 1
        return make_guid(self._guids)

    def insert(self, origin: Origin, module: Module, row: Row, written: Mapping[str, str | None]) -> Row:
        """Insert a row. `written` is the client's own content, and what the effect log shows.

        Raises:
            DatabaseFailure: There is a row with its id, deleted or not. The number that it would have had is gone.
        """
        row = {**row, "id": (row["id"] or "")[: module.fields["id"].len]}
        key = id_key(row["id"] or "")
        for field in module.fields.values():
            if field.auto_increment:
                self._numbers[module.name] = self._numbers.get(module.name, 0) + 1
                row[field.name] = str(self._numbers[module.name])
        self.locks.check(module.table, key)
        if key in self._rows[module.name]:
            raise DatabaseFailure
        self._put(module.name, row)
        changed = tuple(name for name, value in written.items() if value is not None)
        self._log(origin, "insert", module.name, row["id"] or "", written, changed)
        return row

    def update(
        self, origin: Origin, module: Module, row: Row, written: Mapping[str, str | None], derived: Row | None = None
    ) -> Row:
        """Update a row. A change of nothing is an update too.

        Raises:
            DatabaseFailure: It is locked.
        """
        record_id = row["id"] or ""
        self.locks.check(module.table, id_key(record_id))
        new = {**row, **written, **(derived or {})}
        self._put(module.name, new)
        changed = tuple(name for name, value in written.items() if row.get(name) != value)
        self._log(origin, "update", module.name, record_id, written, changed)
        return new

    def delete(self, origin: Origin, module: Module, row: Row, derived: Row) -> None:
        """Mark a row as deleted.

        Raises:
            DatabaseFailure: It is locked.
        """
        record_id = row["id"] or ""
        self.locks.check(module.table, id_key(record_id))
        self._put(module.name, {**row, **derived, "deleted": "1"})
        self._log(origin, "delete", module.name, record_id, {}, ())

    def relate(self, origin: Origin, link: Link, own_id: str, other_id: str) -> None:
        """Add a pair to a many-to-many relationship; one that is there already is no effect."""
        pair = _pair(link, own_id, other_id)
        if pair not in self._pairs.setdefault(link.relationship, {}):
            self._pairs[link.relationship][pair] = None
            self.keep({"pair": [link.relationship, *pair, True]})
            self._log(origin, "insert", link.relationship, "/".join(pair), {}, ())

    def unrelate(self, origin: Origin, link: Link, own_id: str, other_id: str) -> None:
        """Take a pair out of a many-to-many relationship."""
        pair = _pair(link, own_id, other_id)
        if pair in self._pairs.get(link.relationship, {}):
            del self._pairs[link.relationship][pair]
            self.keep({"pair": [link.relationship, *pair, False]})
            self._log(origin, "delete", link.relationship, "/".join(pair), {}, ())

    def related_ids(self, link: Link, own_id: str) -> list[str]:
        """Ids at the other side of a many-to-many relationship."""
        own, other = (0, 1) if link.left else (1, 0)
        return [pair[other] for pair in self._pairs.get(link.relationship, {}) if id_key(pair[own]) == id_key(own_id)]

    def keep(self, entry: Entry) -> None:
        """Keep an entry over a restart: a change of the tokens; after one, `tokens` has them."""
        if self._journal is not None:
            self._journal.append([entry])

    def close(self) -> None:
        """Close the journal."""
        if self._journal is not None:
            self._journal.close()

    def _put(self, module_name: str, row: Row) -> None:
        self._rows[module_name][id_key(row["id"] or "")] = row
        self.keep({"module": module_name, "row": row})

    def _log(
        self,
        origin: Origin,
        kind: Kind,
        name: str,
        record_id: str,
        fields: Mapping[str, str | None],
        changed: tuple[str, ...],
    ) -> None:
        if origin.logged:
            self._effects.append(
                at=self.now(),
                kind=kind,
                object=name,
                record_id=record_id,
                fields=fields,
                changed=changed,
                request_id=origin.request_id,
                cause=origin.cause,
            )

    def _replay(self, entry: Entry) -> None:
        if "change" in entry:
            self.tokens.append(entry)
        elif "pair" in entry:
            relationship, left, right, there = entry["pair"]
            pairs = self._pairs.setdefault(relationship, {})
            if there:
                pairs[left, right] = None
            else:
                pairs.pop((left, right), None)
        elif (module := self.modules.get(entry["module"])) is not None:
            row: Row = entry["row"]
            self._rows[module.name][id_key(row["id"] or "")] = row
            self._guids = max(self._guids, guid_number(row["id"] or ""))
            numbers = [int(row.get(f.name) or 0) for f in module.fields.values() if f.auto_increment]
            self._numbers[module.name] = max([self._numbers.get(module.name, 0), *numbers])


def _pair(link: Link, own_id: str, other_id: str) -> tuple[str, str]:
    return (own_id, other_id) if link.left else (other_id, own_id)

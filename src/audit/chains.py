"""Following the chains row by row: what was altered, taken out, exchanged, cut off or written anew."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..core.ledger.audit import BEGINNING, row_hash
from ..core.ledger.snapshot import AuditRow
from .report import Kind, Report
from .scratch import Scratch

_NAMED = 50  # rows of one chain that are told one by one


@dataclass(slots=True)
class _Wrong:
    row: AuditRow
    before: str | None  # the stored hash of the row before
    kind: Kind
    said: str


@dataclass(slots=True)
class _Chain:
    name: str
    points: list[tuple[int, str, int, float]]
    expected: int = 1
    stored: str | None = BEGINNING  # hash of the row before; None where that row is missing
    computed: str | None = BEGINNING
    intact: int = 0
    covered: int = 0
    covered_at: float | None = None
    wrong: list[_Wrong] = field(default_factory=list)
    broken: bool = False


class Chains:
    """Reads the audit once.

    Args:
        report: What is found goes here.
        scratch: Has what checkpoints say; events are kept in it.
    """

    def __init__(self, report: Report, scratch: Scratch) -> None:
        self._report = report
        self._scratch = scratch
        self._chain: _Chain | None = None

    def follow(self, rows: Iterable[AuditRow]) -> Iterator[AuditRow]:
        """Check all rows, chain by chain; each is handed on, so that somebody can show how far this is."""
        for row in rows:
            if [type(value) for value in row] != [str, int, float, str, str]:
                where = f"audit {row.chain} {row.number}"
                self._report.fault("unreadable", where, "it is no row of an audit: values are of the wrong type")
                yield row
                continue
            if self._chain is None or self._chain.name != row.chain:
                self._end()
                self._chain = _Chain(row.chain, self._scratch.points(row.chain))
            self._take(self._chain, row)
            yield row
        self._end()
        for name in self._scratch.chains():
            if name not in self._report.chains:
                number, _, checkpoint, _ = self._scratch.points(name)[-1]
                self._report.chains[name] = 0, 0
                self._report.fault(
                    "chain_missing",
                    f"audit {name}",
                    f"the whole chain is gone; it had {number} rows at checkpoint {checkpoint}",
                )

    def _take(self, chain: _Chain, row: AuditRow) -> None:
        self._report.rows += 1
        if row.number != chain.expected:
            self._gap(chain, row)
        computed = None if chain.stored is None else row_hash(chain.stored, *row[:4])
        if computed is not None and computed != row.hash:
            self._mismatch(chain, row)
        elif not chain.broken:
            chain.intact = row.number
        self._compare(chain, row)
        self._keep(row)
        chain.expected, chain.stored, chain.computed = row.number + 1, row.hash, computed

    def _gap(self, chain: _Chain, row: AuditRow) -> None:
        first, last = chain.expected, row.number - 1
        chain.broken, chain.stored, chain.computed = True, None, None
        if last < first:  # a number that comes again, or below 1
            said = f"row {row.number} stands where row {first} belongs"
            self._report.fault("altered", f"audit {chain.name} {row.number}", said)
            return
        said = f"row {first} is gone" if first == last else f"rows {first} to {last} are gone"
        self._report.fault("missing", f"audit {chain.name} {first}", said)

    def _mismatch(self, chain: _Chain, row: AuditRow) -> None:
        chain.broken = True
        before = chain.wrong[-1] if chain.wrong else None
        follows = before is not None and before.row.number == row.number - 1 and chain.computed is not None
        if follows and row_hash(chain.computed or "", *row[:4]) == row.hash:
            assert before is not None
            before.kind, before.said = "hash_altered", f"the hash of row {before.row.number} was altered"
            return
        said = f"row {row.number} was altered: its content does not have its hash"
        chain.wrong.append(_Wrong(row, chain.stored, "altered", said))

    def _compare(self, chain: _Chain, row: AuditRow) -> None:
        while chain.points and chain.points[0][0] <= row.number:
            number, hash_, checkpoint, at = chain.points.pop(0)
            if number == row.number and hash_ == row.hash:
                chain.covered, chain.covered_at = number, at
            elif number == row.number:
                self._rewritten(chain, number, checkpoint)

    def _rewritten(self, chain: _Chain, number: int, checkpoint: int) -> None:
        if not chain.broken:
            chain.intact = chain.covered
        chain.broken = True
        said = (
            f"row {number} is not the one that checkpoint {checkpoint} saw: the chain was written anew somewhere in "
            f"rows {chain.covered + 1} to {number}"
        )
        self._report.fault("rewritten", f"audit {chain.name} {number}", said, chain.covered_at)
        # What was written anew at one row is new in all that follow: once is enough.
        chain.points = [point for point in chain.points if point[0] > number][-1:]

    def _keep(self, row: AuditRow) -> None:
        where = f"audit {row.chain} {row.number}"
        for place, event in enumerate(_events(row.body)):
            if event is None:
                self._report.fault("unreadable", where, f"row {row.number} has no events that can be read")
                continue
            self._report.events += 1
            self._scratch.event(row.chain, row.number, place, row.at, event)

    def _end(self) -> None:
        chain = self._chain
        if chain is None:
            return
        last = chain.expected - 1
        self._tell_wrong(chain)
        if chain.points:
            number, _, checkpoint, _ = chain.points[-1]
            said = f"rows {last + 1} to {number} are gone: checkpoint {checkpoint} saw them"
            self._report.fault("truncated", f"audit {chain.name} {last + 1}", said, chain.covered_at)
        self._report.chains[chain.name] = chain.intact, last
        self._report.uncovered += max(0, last - chain.covered)
        self._chain = None

    def _tell_wrong(self, chain: _Chain) -> None:
        wrong = chain.wrong
        if len(wrong) > _NAMED:
            rest = len(wrong) - _NAMED
            self._report.fault("altered", f"audit {chain.name}", f"{rest} more rows do not have their hashes")
            wrong = wrong[:_NAMED]
        exchanged = {}
        for one in wrong:
            for other in wrong:
                if other is not one and other.before is not None and _belongs(one.row, other):
                    exchanged[one.row.number] = other.row.number
        moved = {*exchanged, *exchanged.values()}
        hashes = {one.row.hash for one in wrong}
        for one in wrong:
            number = one.row.number
            where = f"audit {chain.name} {number}"
            if number in exchanged:
                said = f"row {number} belongs at {exchanged[number]}: rows were exchanged"
                self._report.fault("exchanged", where, said)
            elif moved and (number in moved or any(row_hash(hash_, *one.row[:4]) == one.row.hash for hash_ in hashes)):
                continue  # it only follows one that was moved
            else:
                self._report.fault(one.kind, where, one.said)


def _belongs(row: AuditRow, place: _Wrong) -> bool:
    assert place.before is not None
    return row_hash(place.before, row.chain, place.row.number, row.at, row.body) == row.hash


def _events(body: str) -> Iterator[dict[str, Any] | None]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list):
        yield None
        return
    for event in found:
        yield event if isinstance(event, dict) and isinstance(event.get("kind"), str) else None

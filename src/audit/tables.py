"""Comparing the tables with the audit: rows that were altered, taken out, or put in by nobody."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Generic, TypeAlias, TypeVar

from ..core.ledger.approval_records import Vote
from ..core.ledger.records import AttemptRow, DecisionRow, Operation, ProbeRow
from ..core.ledger.snapshot import Snapshot
from ..core.redaction import clean
from .expected import Expected, differences, differing, expected_of
from .people import People
from .report import Report
from .scratch import Scratch, Told
from .stops import compare_overrides

T = TypeVar("T")

Evidence: TypeAlias = tuple[list[AttemptRow], list[tuple[int, ProbeRow]], list[tuple[int, DecisionRow]]]

_NOTHING = Expected()


class _ByOperation(Generic[T]):
    """Rows in the order of their operations, taken operation by operation."""

    def __init__(self, rows: Iterator[T], name: Callable[[T], str]) -> None:
        self._groups = groupby(rows, key=name)
        self._next()

    def _next(self) -> None:
        found = next(self._groups, None)
        self.name: str | None
        self._rows: list[T]
        self.name, self._rows = (None, []) if found is None else (found[0], list(found[1]))

    def take(self, name: str) -> list[T]:
        if self.name != name:
            return []
        rows = self._rows
        self._next()
        return rows


@dataclass(slots=True)
class _Case:
    """One operation with all that is known of it."""

    name: str
    row: Operation | None
    old: bool
    expected: Expected

    def salt(self, epoch: int) -> str | None:
        """The salt of evidence under an epoch; None where it was erased or never was."""
        if self.row is None or epoch <= self.expected.erased_under:
            return None
        return self.row.salt

    def erased(self, epoch: int) -> bool:
        """Whether evidence under an epoch was erased."""
        return epoch <= self.expected.erased_under


class Tables:
    """Compares the tables of a ledger with its audit.

    Args:
        report: What is found goes here.
        scratch: Has the events.
        ledger: The ledger.
    """

    def __init__(self, report: Report, scratch: Scratch, ledger: Snapshot) -> None:
        self._report = report
        self._events = scratch.by_operation()
        self._ledger = ledger
        self._older: Counter[str] = Counter()
        self._begins: dict[str, Any] = {}
        self._people = People(report)

    def compare(self) -> Iterator[None]:
        """Compare all; hands on once for each row, so that somebody can show how far this is."""
        self._report.operations = 0
        free = next(self._events, None)
        events = _ByOperation(self._events, lambda one: one[0])
        general = free[1] if free is not None and free[0] == "" else []
        if free is not None and free[0] != "":
            events = _ByOperation(iter([free, *self._events]), lambda one: one[0])
        self._begins = next((told.event for told in general if told.event["kind"] == "begins"), {})
        rows = _ByOperation(self._ledger.operations(), lambda one: one[1].id)
        attempts = _ByOperation(self._ledger.attempts(), lambda one: one.operation_id)
        probes = _ByOperation(self._ledger.probes(), lambda one: one[1].operation_id)
        decisions = _ByOperation(self._ledger.decisions(), lambda one: one[1].operation_id or "")
        approvals = _ByOperation(self._ledger.approvals(), lambda one: one.operation_id)
        votes = _ByOperation(self._ledger.votes(), lambda one: one[0])
        self._general(general, decisions.take(""), votes.take(""))
        sources = (events, rows, attempts, probes, decisions, approvals, votes)
        while names := [one.name for one in sources if one.name is not None]:
            name = min(names)
            told = [one for _, found in events.take(name) for one in found]
            evidence = (attempts.take(name), probes.take(name), decisions.take(name))
            asked = (approvals.take(name), [one for _, one in votes.take(name)])
            try:
                case = self._all_of(name, rows.take(name), evidence, told)
                self._people.compare(case.row, asked, told, erased=case.expected.erased_under >= 0)
            except (AttributeError, TypeError, ValueError):
                said = "what the tables or the audit have of it cannot be read: values are of the wrong type"
                self._report.fault("row_altered", f"operations {name}", said)
            yield
        self._count_older()

    def _all_of(self, name: str, rows: list[tuple[int, Operation]], evidence: Evidence, told: list[Told]) -> _Case:
        case = self._operation(name, rows, told)
        attempts, probes, decisions = evidence
        self._attempts(case, attempts, told)
        self._probes(case, probes, told)
        self._decisions(case, decisions, told)
        return case

    # Operations -------------------------------------------------------------------------------------------------

    def _operation(self, name: str, rows: list[tuple[int, Operation]], told: list[Told]) -> _Case:
        where = f"operations {name}"
        expected = expected_of(told)
        if not rows:
            if expected.last is not None:
                self._gone(where, "the operation", expected.last)
            elif not told:
                self._report.fault("row_added", where, "attempts, probes or decisions of an operation that never was")
            return _Case(name, None, old=False, expected=expected)
        seq, row = rows[0]
        old = seq <= self._begins.get("last_operations", 0)
        case = _Case(name, row, old, expected)
        assert self._report.operations is not None
        self._report.operations += 1
        if old:
            self._older["operations"] += 1
        if expected.erased is not None:
            self._report.erased += 1
        if expected.last is None:
            if not old:
                self._report.fault("row_added", where, "the audit does not know this operation")
            return case
        wrong = sorted(set(differences(expected, row)))
        if wrong:
            last = expected.last
            said = f"not what the audit says since {last.where} ({last.event['kind']}): {', '.join(wrong)}"
            self._report.fault("row_altered", where, said, last.at)
        return case

    def _gone(self, where: str, what: str, told: Told) -> None:
        said = f"{what} is gone from the table; {told.where} tells of it ({told.event['kind']})"
        self._report.fault("row_missing", where, said, told.at)

    # Evidence ---------------------------------------------------------------------------------------------------

    def _attempts(self, case: _Case, rows: list[AttemptRow], told: list[Told]) -> None:
        known: dict[tuple[Any, ...], Told] = {}
        for one in _of_kind(told, "attempt"):
            known.setdefault((one.event.get("epoch"), one.event.get("number")), one)  # told again after a lost answer
        names = ("purpose", "started_at", "ended_at", "effect")
        for row in rows:
            where = f"attempts {case.name} {row.epoch} {row.number}"
            found = known.pop((row.epoch, row.number), None)
            if found is None:
                self._unknown("attempts", where, case, old=case.old)
                continue
            wrong = [name for name in names if found.event.get(name) != getattr(row, name)]
            wrong += ["stale"] if found.event.get("stale", False) != row.stale else []
            wrong += self._values(case, row.epoch, found, {"error": row.error})
            self._altered(where, found, wrong)
        for one in known.values():
            where = f"attempts {case.name} {one.event.get('epoch')} {one.event.get('number')}"
            self._gone(where, "the attempt", one)

    def _probes(self, case: _Case, rows: list[tuple[int, ProbeRow]], told: list[Told]) -> None:
        known = _places(_of_kind(told, "probe"), "epoch", "at", "finding")
        for seq, row in rows:
            where = f"probes {seq} of {case.name}"
            place = known[row.epoch, row.at, row.finding]
            if not place:
                self._unknown("probes", where, case, old=seq <= self._begins.get("last_probes", 0))
                continue
            values = {"detail": row.detail}
            found = self._best(case, row.epoch, place, values)
            self._altered(where, found, self._values(case, row.epoch, found, values))
        for one in (one for place in known.values() for one in place):
            self._gone(f"probes of {case.name}", "a probe", one)

    def _decisions(self, case: _Case, rows: list[tuple[int, DecisionRow]], told: list[Told]) -> None:
        known = _places(_of_kind(told, "decision"), "by", "decision", "at")
        for seq, row in rows:
            where = f"decisions {seq}" + (f" of {case.name}" if case.name else "")
            place = known[clean(row.by), clean(row.decision), row.at]
            if not place:
                self._unknown("decisions", where, case, old=seq <= self._begins.get("last_decisions", 0))
                continue
            values = {"reason": row.reason, "detail": row.detail}
            # A decision has no epoch: what an operation says of itself was forgotten where its words are blank.
            salt = row.salt or (case.row.salt if case.row is not None else None)
            found = next((one for one in place if not [*_wrong(one, values, salt)]), place[0])
            place.remove(found)
            forgotten = row.salt is None and case.expected.erased_under >= 0 and row.reason == "[erased]"
            self._altered(where, found, [] if forgotten else [*_wrong(found, values, salt)])
        for one in (one for place in known.values() for one in place):
            self._gone(f"decisions of {case.name}" if case.name else "decisions", "a decision", one)

    def _best(self, case: _Case, epoch: int, place: list[Told], values: Mapping[str, str | None]) -> Told:
        found = next((one for one in place if not self._values(case, epoch, one, values)), place[0])
        place.remove(found)
        return found

    def _values(self, case: _Case, epoch: int, told: Told, values: Mapping[str, str | None]) -> list[str]:
        if case.erased(epoch) or case.row is None:
            return []
        salt = case.salt(epoch)
        if salt is None and case.old:
            return []  # a late result for an operation from before the audit
        return [*_wrong(told, values, salt)]

    def _altered(self, where: str, told: Told, wrong: list[str]) -> None:
        if wrong:
            said = f"not what {told.where} says: {', '.join(sorted(set(wrong)))}"
            self._report.fault("row_altered", where, said, told.at)

    def _unknown(self, table: str, where: str, case: _Case, *, old: bool) -> None:
        if old:
            self._older[table] += 1
        elif case.row is not None or not case.name:
            said = "it is in the table, and the audit does not tell of it: it was put in, or altered"
            self._report.fault("row_added", where, said)

    # What belongs to no operation -------------------------------------------------------------------------------

    def _general(
        self, told: list[Told], decisions: list[tuple[int, DecisionRow]], votes: list[tuple[str, Vote]]
    ) -> None:
        for _, vote in votes:
            said = "the approval that it is about is not in the table"
            self._report.fault("row_added", f"votes of {vote.approval_id} by {vote.by}", said)
        self._decisions(_Case("", None, old=False, expected=_NOTHING), decisions, told)
        compare_overrides(self._report, self._ledger.overrides(), told)
        known = _places(_of_kind(told, "restored"), "backup_at", "restored_at", "until")
        for seq, row in self._ledger.restores():
            if place := known[row.backup_at, row.restored_at, row.until]:
                place.pop()
            elif seq <= self._begins.get("last_restores", 0):
                self._older["restores"] += 1
            else:
                self._report.fault("row_added", f"restores {seq}", "the audit does not tell of this restore")
        for one in (one for place in known.values() for one in place):
            self._gone("restores", "a restore", one)
        facts = Counter(json.dumps(one.event.get("facts"), sort_keys=True) for one in _of_kind(told, "configuration"))
        kept = Counter(_sorted(text) for text in self._ledger.configurations())
        for text in facts - kept:
            self._report.fault("row_missing", "configurations", f"a configuration is gone: {text}")
        for text in kept - facts:
            self._report.fault("row_added", "configurations", f"the audit does not tell of this configuration: {text}")

    def _count_older(self) -> None:
        for table in ("operations", "attempts", "probes", "decisions", "restores"):
            before, now = self._begins.get(table, 0), self._older[table]
            if before != now:
                said = f"{before} rows are older than the audit, and {now} such rows are there now"
                self._report.fault("row_missing" if now < before else "row_added", table, said)
        self._report.older = dict(self._older)


def _sorted(text: str) -> str:
    try:
        return json.dumps(json.loads(text), sort_keys=True)
    except (TypeError, ValueError):
        return text


def _of_kind(told: list[Told], kind: str) -> list[Told]:
    return [one for one in told if one.event["kind"] == kind]


def _places(told: list[Told], *names: str) -> defaultdict[tuple[Any, ...], list[Told]]:
    found: defaultdict[tuple[Any, ...], list[Told]] = defaultdict(list)
    for one in told:
        values = [one.event.get(name) for name in names]
        found[tuple(clean(value) if isinstance(value, str) else value for value in values)].append(one)
    return found


def _wrong(told: Told, values: Mapping[str, str | None], salt: str | None) -> Iterator[str]:
    known: dict[str, str | None] = dict.fromkeys(values) | told.event.get("private", {})
    return differing(known, values, salt)

"""Comparing what people stopped with the audit: a pause that was taken out of the table is found."""

from __future__ import annotations

from collections.abc import Iterable

from ..core.ledger.override_records import Override
from .report import Report
from .scratch import Told

_IMPOSED = {"scope": "scope", "override_kind": "kind", "by": "by", "at": "at", "until": "until"}


def compare_overrides(report: Report, rows: Iterable[Override], told: list[Told]) -> None:
    """Compare the table of overrides with its events.

    Args:
        report: What is found goes here.
        rows: All rows.
        told: Events that are about no operation.
    """
    imposed = {one.event.get("override"): one for one in told if one.event["kind"] == "override"}
    ended = {one.event.get("override"): one for one in told if one.event["kind"] == "override_ended"}
    for row in rows:
        where, found = f"overrides {row.id}", imposed.pop(row.id, None)
        if found is None:
            report.fault("row_added", where, "the audit does not tell that anybody stopped this")
            continue
        wrong = [column for name, column in _IMPOSED.items() if found.event.get(name) != getattr(row, column)]
        end = ended.get(row.id, found)
        wrong += ["ended_at"] if end.event.get("ended_at") != row.ended_at else []
        if wrong:
            report.fault("row_altered", where, f"not what {end.where} says: {', '.join(sorted(wrong))}", end.at)
    for name, one in imposed.items():
        said = f"it is gone from the table; {one.where} tells of it ({one.event['kind']})"
        report.fault("row_missing", f"overrides {name}", said, one.at)

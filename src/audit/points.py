"""Reading checkpoints: whether they are genuine, whether one is missing, and what they say of the chains."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from .checkpoint import Checkpoint, line_digest, read_checkpoint
from .report import Report
from .scratch import Scratch


@dataclass(slots=True)
class _Seen:
    """What is remembered of each checkpoint of one source: digest of its line, and of the line before it."""

    source: str
    by_number: dict[int, tuple[str, str | None]] = field(default_factory=dict)
    sent: set[int] = field(default_factory=set)


class Points:
    """Checkpoints from the ledger, and from where they were exported to.

    Args:
        report: What is wrong goes here.
        scratch: What they say of the chains goes here.
        keys: Public keys whose word counts; none for any, which proves little.
    """

    def __init__(self, report: Report, scratch: Scratch, keys: Collection[str]) -> None:
        self._report = report
        self._scratch = scratch
        self._keys = keys
        self._sources: list[_Seen] = []
        self._believed: set[str] = set()
        report.key_confirmed = bool(keys)

    def read(self, source: str, lines: Iterable[tuple[str, float | None]]) -> None:
        """Read the checkpoints of one source.

        Args:
            source: Where they are from, in words.
            lines: Each line, and when it was exported, if that is known.
        """
        seen = _Seen(source)
        self._sources.append(seen)
        for place, (line, sent_at) in enumerate(lines, 1):
            if not line.strip():
                continue
            one = read_checkpoint(line)
            where = f"{source}, line {place}" if one is None else f"{source}, checkpoint {one.checkpoint}"
            if one is None:
                self._report.fault("checkpoint_forged", where, "it is no checkpoint")
            elif self._keys and one.key not in self._keys:
                self._report.fault("checkpoint_forged", where, f"it is signed by {one.key}, which is not a given key")
            elif not one.genuine():
                self._report.fault("checkpoint_forged", where, "it is not what was signed")
            else:
                self._take(seen, one, line_digest(line), where)
                if sent_at is not None:
                    seen.sent.add(one.checkpoint)
        self._look_for_gaps(seen)

    def _take(self, seen: _Seen, one: Checkpoint, digest: str, where: str) -> None:
        known = seen.by_number.get(one.checkpoint)
        if known is not None:
            if known[0] != digest:
                said = f"there are two checkpoints {one.checkpoint}, and both are signed"
                self._report.fault("checkpoints_differ", where, said)
            return  # exported at least once, and sometimes twice
        seen.by_number[one.checkpoint] = digest, one.previous
        if digest in self._believed:
            return
        self._believed.add(digest)
        self._report.checkpoints += 1
        self._report.covered_until = max(self._report.covered_until or 0.0, one.at)
        if one.key not in self._report.keys:
            self._report.keys = (*self._report.keys, one.key)
        for head in one.heads:
            self._scratch.point(head, one.checkpoint, one.at)

    def _look_for_gaps(self, seen: _Seen) -> None:
        for number, (_, previous) in sorted(seen.by_number.items()):
            before = seen.by_number.get(number - 1)
            where = f"{seen.source}, checkpoint {number}"
            if before is None:
                if number != min(seen.by_number):
                    self._report.fault("checkpoint_missing", where, f"checkpoint {number - 1} before it is missing")
            elif before[0] != previous:
                said = f"it does not follow checkpoint {number - 1} as that is now"
                self._report.fault("checkpoints_differ", where, said)

    def compare(self) -> None:
        """Compare what the ledger keeps, read first, with what was exported."""
        if len(self._sources) < 2:
            return
        kept, *exported = self._sources
        for other in exported:
            last = max(other.by_number, default=0)
            unknown = sorted(number for number in kept.sent - other.by_number.keys() if number > last)
            if unknown:
                said = (
                    f"it ends with checkpoint {last}, but {len(unknown)} more were exported, up to {unknown[-1]}: "
                    "it is an old copy, or was cut off"
                )
                self._report.fault("checkpoints_old", other.source, said)
            for number, (digest, _) in sorted(other.by_number.items()):
                where = f"{kept.source}, checkpoint {number}"
                known = kept.by_number.get(number)
                if known is None:
                    said = f"it was exported to {other.source}, and is gone from the ledger"
                    self._report.fault("checkpoint_missing", where, said)
                elif known[0] != digest:
                    said = f"it is not the one that was exported to {other.source}"
                    self._report.fault("checkpoints_differ", where, said)

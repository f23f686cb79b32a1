"""Verifying an audit: its chains, its checkpoints, and the tables that it tells of."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

from ..config import ConfigError
from ..core.ledger.snapshot import AuditRow, snapshot
from ..core.settings import LedgerSettings
from .chains import Chains
from .points import Points
from .report import Report
from .scratch import Scratch
from .tables import Tables

Step = Callable[[int], None]
"""Told how many rows there are to look at, as a negative number, and then each time that one was."""


def verify_ledger(
    settings: LedgerSettings,
    *,
    exported: Path | None = None,
    keys: Collection[str] = (),
    step: Step = lambda _: None,
) -> Report:
    """Verify the audit of a ledger, and that the tables are what it tells. Changes nothing; others may go on writing.

    Args:
        settings: Which ledger.
        exported: The file that has the exported checkpoints; best one that whoever writes the ledger cannot write.
        keys: Public keys whose checkpoints count.
        step: Told how far it is.

    Raises:
        LedgerUnavailable: The ledger cannot be read.
        ConfigError: The exported checkpoints cannot be read.
    """
    report, scratch = Report(), Scratch()
    try:
        with snapshot(settings) as ledger:
            step(-ledger.size())
            points = Points(report, scratch, keys)
            points.read("the ledger", ledger.checkpoints())
            if exported is not None:
                points.read(str(exported), ((line, None) for line in _lines(exported)))
            points.compare()
            scratch.index()
            for _ in Chains(report, scratch).follow(ledger.audit()):
                step(1)
            for _ in Tables(report, scratch, ledger).compare():
                step(1)
    finally:
        scratch.close()
    return report


def verify_rows(
    rows: Iterable[AuditRow], checkpoints: Iterable[str], source: str, *, keys: Collection[str] = ()
) -> Report:
    """Verify an audit without its ledger.

    Args:
        rows: All rows, chain by chain.
        checkpoints: The lines of the checkpoints.
        source: Where they are from, in words.
        keys: Public keys whose checkpoints count.
    """
    report, scratch = Report(), Scratch()
    try:
        points = Points(report, scratch, keys)
        points.read(source, ((line, None) for line in checkpoints))
        scratch.index()
        for _ in Chains(report, scratch).follow(rows):
            pass
    finally:
        scratch.close()
    return report


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8") as file:
            yield from file
    except FileNotFoundError:
        return  # the ledger knows whether any were exported there
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the checkpoints {path} cannot be read: {error}") from None

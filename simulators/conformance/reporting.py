"""Report files: what a run proved, signed by those who vouch for it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ... import keys
from ...conformance import Report, ReportError, ReportFile, Signature, signed_bytes, source_digest, tier_of
from ...core.tiers import facts_digest
from ...keys import public_key
from .ladder import CaseResult, judge
from .running import expected_of
from .trial import Trial

__all__ = ["load_key", "make_key", "make_report", "public_key", "write_report"]


def make_report(trial: Trial, results: Sequence[CaseResult], at: float) -> Report:
    """What a run proved.

    Args:
        trial: The adapter on trial.
        results: The cases that were run.
        at: Now, in seconds since the epoch.
    """
    rules = judge(expected_of(trial), results)
    return Report(
        kit=version("seawall"),
        adapter=trial.kind,
        version=trial.version,
        subject=trial.subject.name,
        source=source_digest(trial.adapter_type),
        definitions=trial.definitions,
        actions={name: facts_digest(trial.actions[name]) for name in trial.tried if name in trial.actions},
        untried=tuple(name for name in trial.actions if name not in trial.tried),
        rules=rules,
        tier=tier_of(rules),
        at=at,
    )


def write_report(path: Path, report: Report, key: Ed25519PrivateKey | None = None) -> None:
    """Write a report, signed if there is a key.

    Args:
        path: The file; its folder is made.
        report: The report.
        key: Who vouches for it; without one it proves nothing to a runtime, and says so.
    """
    signature = None
    if key is not None:
        signature = Signature(key=public_key(key), value=keys.sign(key, signed_bytes(report)))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(ReportFile(report=report, signature=signature).model_dump_json(indent=1) + "\n", encoding="utf-8")


def make_key(path: Path) -> Ed25519PrivateKey:
    """See `seawall.keys.make_key`.

    Raises:
        ReportError: The file is there already.
    """
    try:
        return keys.make_key(path)
    except keys.KeyFileError as error:
        raise ReportError(str(error)) from None


def load_key(path: str | Path) -> Ed25519PrivateKey:
    """See `seawall.keys.load_key`.

    Raises:
        ReportError: It cannot be read, or is no such key.
    """
    try:
        return keys.load_key(path)
    except keys.KeyFileError as error:
        raise ReportError(str(error)) from None

"""Report files: what a run proved, signed by those who vouch for it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from ...conformance import Report, ReportError, ReportFile, Signature, signed_bytes, source_digest
from ...core.tiers import facts_digest
from .ladder import CaseResult, judge, tier_of
from .running import expected_of
from .trial import Trial


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
        value = base64.b64encode(key.sign(signed_bytes(report))).decode()
        signature = Signature(key=public_key(key), value=value)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(ReportFile(report=report, signature=signature).model_dump_json(indent=1) + "\n", encoding="utf-8")


def public_key(key: Ed25519PrivateKey) -> str:
    """The public half, as `[conformance] keys` in the configuration takes it."""
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def make_key(path: Path) -> Ed25519PrivateKey:
    """Make a key and write it where only its owner can read it.

    Raises:
        ReportError: The file is there already.
    """
    key = Ed25519PrivateKey.generate()
    try:
        path.touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        raise ReportError(f"{path} is there already; name another file") from None
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return key


def load_key(path: str | Path) -> Ed25519PrivateKey:
    """Read a key, as `make_key` or `openssl genpkey -algorithm ed25519` writes it.

    Raises:
        ReportError: It cannot be read, or is no such key.
    """
    try:
        key = load_pem_private_key(Path(path).read_bytes(), password=None)
    except OSError as error:
        raise ReportError(f"the key {path} cannot be read ({error.strerror})") from None
    except (ValueError, TypeError):
        raise ReportError(f"{path} is no private key in PEM without a password") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ReportError(f"{path} is no Ed25519 key; make one with: seawall conformance key FILE")
    return key

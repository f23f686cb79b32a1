"""The audit as one file that can be verified without the ledger: rows and checkpoints, one JSON object a line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from ..config import ConfigError
from ..core.ledger.snapshot import AuditRow, Snapshot
from .report import Report
from .verifying import verify_rows

_FORMAT = "seawall audit 1"


def write_bundle(path: Path, ledger: Snapshot, keys: Iterable[str], at: float) -> dict[str, Any]:
    """Write the whole audit of a ledger. There is no content of requests in it, and no salt.

    Args:
        path: The file; must not be there.
        ledger: The ledger.
        keys: Public keys to name in it; whoever verifies it should know them from elsewhere.
        at: Now, in seconds since the epoch.

    Returns:
        The manifest, which is the last line.

    Raises:
        ConfigError: The file is there, or cannot be written.
    """
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            return _write(file, ledger, keys, at)
    except FileExistsError:
        raise ConfigError(f"{path} is there already; name another file") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be written ({error.strerror})") from None


def _write(file: IO[str], ledger: Snapshot, keys: Iterable[str], at: float) -> dict[str, Any]:
    digest = hashlib.sha256()

    def put(told: dict[str, Any]) -> None:
        line = json.dumps(told, separators=(",", ":")) + "\n"
        digest.update(line.encode())
        file.write(line)

    rows = checkpoints = 0
    for line, _ in ledger.checkpoints():
        put({"checkpoint": line})
        checkpoints += 1
    for row in ledger.audit():
        put({"row": row._asdict()})
        rows += 1
    manifest = {
        "format": _FORMAT,
        "at": at,
        "rows": rows,
        "checkpoints": checkpoints,
        "keys": sorted(keys),
        "sha256": digest.hexdigest(),
    }
    file.write(json.dumps({"manifest": manifest}, separators=(",", ":")) + "\n")
    return manifest


def verify_bundle(path: Path, *, exported: Path | None = None, keys: Collection[str] = ()) -> Report:
    """Verify a bundle by itself.

    Args:
        path: The file.
        exported: A file with checkpoints beside those in it.
        keys: Public keys whose checkpoints count.

    Raises:
        ConfigError: It cannot be read, or is no bundle.
    """
    try:
        manifest, digest = _manifest(path)
        lines = [*_told(path, "checkpoint")]
        if exported is not None:
            lines += exported.read_text(encoding="utf-8").splitlines()
        report = verify_rows((AuditRow(**row) for row in _told(path, "row")), lines, str(path), keys=keys)
    except ConfigError:
        raise
    except OSError as error:
        raise ConfigError(f"{error.filename} cannot be read ({error.strerror})") from None
    except (TypeError, ValueError):
        raise ConfigError(f"{path} is no audit that `seawall audit export` wrote, or was damaged") from None
    if manifest.get("sha256") != digest or manifest.get("rows") != report.rows:
        report.fault("bundle_altered", str(path), "it is not what was exported: its manifest says otherwise")
    return report


def _manifest(path: Path) -> tuple[dict[str, Any], str]:
    digest, last = hashlib.sha256(), ""
    with path.open(encoding="utf-8") as file:
        for line in file:
            if last:
                digest.update(last.encode())
            last = line
    found = json.loads(last or "null")
    if not isinstance(found, dict) or found.get("manifest", {}).get("format") != _FORMAT:
        raise ConfigError(f"{path} has no manifest in its last line: it is no audit, or was cut off")
    return found["manifest"], digest.hexdigest()


def _told(path: Path, kind: str) -> Iterator[Any]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            found = json.loads(line)
            if kind in found:
                yield found[kind]

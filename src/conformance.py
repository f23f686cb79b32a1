"""Signed reports of the conformance kit: what a run proved of an adapter, and whether to believe it.

The kit writes them (`seawall.simulators.conformance`); here they are only read, so that the policy can demand a tier.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from .config import Config
from .connectors._modules import sources_of
from .core.adapter import Adapter
from .core.identity import canonical_json
from .core.tiers import Standing, Tier

State = Literal["done", "exempt", "failed", "todo"]

_AGAIN = "run the kit again"


LADDER: Final[Mapping[Tier, tuple[str, ...]]] = {
    Tier.BRONZE: (
        "facts",
        "samples",
        "subject",
        "calm",
        "schemas",
        "secrets",
        "deadlines",
        "unmapped",
        "error_map",
        "retry_after",
    ),
    Tier.SILVER: ("ambiguity_retry", "ambiguity_crash", "apply_twice", "rewording"),
    Tier.GOLD: (
        "ambiguity_two_workers",
        "side_by_side",
        "fence",
        "probe_honesty",
        "overtaken",
        "breaker",
        "cancellation",
    ),
    Tier.PLATINUM: ("compensation", "undoable", "exactly_once", "chaos"),
}
"""Each tier asks for its own rules and for those of the tiers before it."""


class ReportError(ValueError):
    """A report that proves nothing; the message says why in one sentence."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RuleResult(_Frozen):
    """What became of one rule of the ladder.

    Args:
        rule: Its name.
        tier: The tier that asks for it.
        state: `done`, `exempt` (it cannot apply to what is declared), `failed`, or `todo` (not, or not all, run).
        passed: Cases that held.
        failed: Ids of the cases that did not.
        reasons: Why it is exempt in whole or in part, or what is to be done.
    """

    rule: str
    tier: Tier
    state: State
    passed: int = 0
    failed: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


class Report(_Frozen):
    """What a run of the kit proved.

    Args:
        kit: Version of Seawall and of its kit.
        adapter: The adapter's kind.
        version: The adapter's version.
        subject: The name of what was tried: one adapter may be tried under several settings.
        source: Digest of the adapter's source files, see `source_digest`.
        definitions: Digest of what its actions were made from beside its code, see `definitions_digest`.
        actions: Action → digest of the facts under which it was tried.
        untried: Actions that no test called.
        rules: The rules, in the ladder's order.
        tier: The tier that follows from them.
        at: When, in seconds since the epoch.
    """

    kit: str
    adapter: str
    version: str
    subject: str
    source: str
    definitions: str
    actions: Mapping[str, str]
    untried: tuple[str, ...] = ()
    rules: tuple[RuleResult, ...]
    tier: Tier | None
    at: float


class Signature(_Frozen):
    """Who vouches for a report.

    Args:
        algorithm: `ed25519`.
        key: The public key, in base64.
        value: The signature of `signed_bytes`, in base64.
    """

    algorithm: Literal["ed25519"] = "ed25519"
    key: str
    value: str


class ReportFile(_Frozen):
    """A report as it lies in a file.

    Args:
        report: The report.
        signature: None where nobody signed it: then it is of use to people, and proves nothing to a runtime.
    """

    report: Report
    signature: Signature | None = None


def signed_bytes(report: Report) -> bytes:
    """What is signed: the whole report, as canonical JSON."""
    return canonical_json(report.model_dump(mode="json")).encode()


def read_report(path: str | Path) -> ReportFile:
    """Read a report without believing it.

    Raises:
        ReportError: It cannot be read, or is no report.
    """
    try:
        return ReportFile.model_validate_json(Path(path).read_bytes())
    except OSError as error:
        raise ReportError(f"{path} cannot be read ({error.strerror})") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ReportError(f"{path} is no conformance report: {where}: {first['msg']}") from None


def verify_report(path: str | Path, public_keys: Iterable[str]) -> Report:
    """Read a report and believe it only if one of the keys signed it.

    Args:
        path: The file.
        public_keys: Ed25519 public keys, 32 bytes in base64.

    Raises:
        ReportError: It cannot be read, is not signed, is signed by somebody else, or was changed since.
    """
    from cryptography.exceptions import InvalidSignature  # only for those who have reports to believe
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    known = {_bytes(key, "a key in conformance.keys"): key for key in public_keys}
    file = read_report(path)
    if file.signature is None:
        raise ReportError(f"{path} is not signed; run the kit with --conformance-key")
    key = _bytes(file.signature.key, f"the key in {path}")
    if key not in known:
        raise ReportError(f"{path} is signed by {file.signature.key}, which is not among conformance.keys")
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(
            _bytes(file.signature.value, f"the signature in {path}"), signed_bytes(file.report)
        )
    except (InvalidSignature, ValueError):
        raise ReportError(f"{path} was changed after it was signed; {_AGAIN}") from None
    return file.report


def tier_of(rules: Iterable[RuleResult]) -> Tier | None:
    """The highest tier all of whose rules, and all of whose predecessors' rules, are done or exempt; none is left out.

    Args:
        rules: What became of each rule.
    """
    kept = {one.rule for one in rules if one.state in ("done", "exempt")}
    reached: Tier | None = None
    for tier, names in LADDER.items():
        if not kept.issuperset(names):
            break
        reached = tier
    return reached


def source_digest(adapter: type) -> str:
    """Digest of an adapter's source: its package, and what it and its base classes rest on.

    That is what is imported of their own packages and of Seawall, see `connectors._modules.sources_of`. Other packages
    that it needs are not in it.
    """
    modules = [one.__module__ for one in adapter.__mro__]
    own = [name for name in modules if name.partition(".")[0] not in sys.stdlib_module_names]
    return _digest(sources_of(own))


def definitions_digest(adapter: Adapter) -> str:
    """Digest of what an adapter's actions were made from beside its code, see `Adapter.definitions`."""
    return _digest(adapter.definitions())


def _digest(contents: Mapping[str, bytes]) -> str:
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    return hashlib.sha256(canonical_json(digests).encode()).hexdigest()


def standing_of(report: Report, adapter: Adapter) -> Standing:
    """What a report proves of an adapter as it runs here.

    Raises:
        ReportError: It speaks of another adapter, version or kit, of other code, or of other definitions.
    """
    if report.kit != (running := version("seawall")):
        raise ReportError(f"the report was made by the kit of Seawall {report.kit}, and this is {running}; {_AGAIN}")
    if (report.adapter, report.version) != (adapter.kind, adapter.version):
        raise ReportError(
            f"the report is on {report.adapter} {report.version}, and {adapter.kind} {adapter.version} is configured; "
            f"{_AGAIN}"
        )
    if report.source != source_digest(type(adapter)):
        raise ReportError(f"the code of {adapter.kind} is not what the report was made on; {_AGAIN}")
    if report.definitions != definitions_digest(adapter):
        raise ReportError(f"the actions of {adapter.kind} are declared otherwise than those that were tried; {_AGAIN}")
    if report.tier != (proven := tier_of(report.rules)):
        raise ReportError(f"the report says {report.tier}, and its rules prove {proven or 'no tier'}; {_AGAIN}")
    return Standing(proven, dict(report.actions))


def standings_of(config: Config, adapters: Mapping[str, Adapter]) -> tuple[dict[str, Standing], dict[str, str]]:
    """What is proven of each system whose configuration names a report.

    Args:
        config: The configuration.
        adapters: System → its adapter.

    Returns:
        What is proven, and for each system with a report that proves nothing, why.
    """
    proven: dict[str, Standing] = {}
    problems: dict[str, str] = {}
    for name, system in config.systems.items():
        if system.conformance is None:
            continue
        try:
            report = verify_report(system.conformance, config.conformance.keys)
            proven[name] = standing_of(report, adapters[name])
        except ReportError as error:
            problems[name] = f"conformance: {error}"
        else:
            if report.tier is None:
                problems[name] = f"conformance: {system.conformance} proves no tier; see its rules"
    return proven, problems


def _bytes(text: str, what: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ReportError(f"{what} is not base64") from None

"""Reports: made from a run, signed with a key, and believed by a runtime that knows it."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from seawall.conformance import ReportError, read_report, verify_report
from seawall.simulators.chaos.subjects.soap import BillingSubject
from seawall.simulators.conformance.reporting import load_key, make_key, make_report, public_key, write_report
from seawall.simulators.conformance.running import run_all
from seawall.simulators.conformance.trial import Trial


@pytest.fixture(scope="module", name="trial")
def _trial() -> Trial:
    return Trial(BillingSubject())


def test_report_says_what_was_tried_and_that_the_rest_is_to_be_done(trial: Trial) -> None:
    report = make_report(trial, run_all(trial, only=("facts", "calm")), 1_800_000_000.0)
    assert (report.adapter, report.subject, report.tier, report.at) == ("soap", "soap", None, 1_800_000_000.0)
    assert set(report.actions) == {"book_credit", "reverse_credit", "notify_customer", "get_account"}
    states = {rule.rule: rule.state for rule in report.rules}
    assert (states["facts"], states["calm"], states["schemas"]) == ("done", "done", "todo")


def test_signed_report_is_verified_with_the_public_half_alone(trial: Trial, tmp_path: Path) -> None:
    key = make_key(tmp_path / "key.pem")
    report = make_report(trial, [], 0.0)
    write_report(tmp_path / "reports" / "soap.json", report, load_key(tmp_path / "key.pem"))
    assert verify_report(tmp_path / "reports" / "soap.json", [public_key(key)]) == report


def test_report_without_key_says_that_nobody_signed_it(trial: Trial, tmp_path: Path) -> None:
    write_report(tmp_path / "soap.json", make_report(trial, [], 0.0))
    assert read_report(tmp_path / "soap.json").signature is None


def test_key_is_readable_by_its_owner_only_and_never_overwritten(tmp_path: Path) -> None:
    make_key(tmp_path / "key.pem")
    assert stat.S_IMODE((tmp_path / "key.pem").stat().st_mode) == 0o600
    with pytest.raises(ReportError, match="is there already"):
        make_key(tmp_path / "key.pem")


@pytest.mark.parametrize(("content", "says"), [("no key", "is no private key in PEM"), (None, "cannot be read")])
def test_file_that_holds_no_key_is_named(tmp_path: Path, content: str | None, says: str) -> None:
    if content is not None:
        (tmp_path / "key.pem").write_text(content, encoding="utf-8")
    with pytest.raises(ReportError, match=says):
        load_key(tmp_path / "key.pem")


def test_public_key_is_what_the_configuration_takes() -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    assert len(base64.b64decode(public_key(key), validate=True)) == 32

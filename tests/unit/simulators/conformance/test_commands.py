"""`seawall conformance`: the same without pytest."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from typer.testing import CliRunner, Result

from seawall.conformance import read_report
from seawall.simulators.chaos.subjects.soap import BillingSubject
from seawall.simulators.conformance.commands import conformance


class NoBookings(BillingSubject):
    lanes: ClassVar = {name: lane for name, lane in BillingSubject.lanes.items() if name != "BookCredit"}


@pytest.fixture(autouse=True)
def _level() -> Iterator[None]:
    before = logging.getLogger("seawall").level
    yield
    logging.getLogger("seawall").setLevel(before)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(conformance, [str(one) for one in arguments])


def test_run_writes_a_report_that_its_key_verifies(tmp_path: Path) -> None:
    public = run("key", tmp_path / "key.pem").stdout.strip()
    report = tmp_path / "sql.json"
    done = run("run", "sql", "--check", "facts", "--report", report, "--key", tmp_path / "key.pem")
    assert (done.exit_code, "sql (sql 1): no tier" in done.stdout) == (0, True)
    assert run("verify", report, "--key", public).stdout.strip() == "sql 1 (sql): no tier"
    assert public in run("show", report).stdout


def test_verify_says_why_it_does_not_believe_a_report(tmp_path: Path) -> None:
    run("run", "sql", "--check", "facts", "--report", tmp_path / "sql.json")
    assert read_report(tmp_path / "sql.json").signature is None
    refused = run("verify", tmp_path / "sql.json", "--key", "AAAA")
    assert (refused.exit_code, "is not signed" in refused.stderr) == (1, True)
    (tmp_path / "key.pem").write_text("")
    refused = run("verify", tmp_path / "sql.json", "--key", tmp_path / "key.pem")
    assert (refused.exit_code, "takes the public key itself" in refused.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("run", "no-such"), "there is no subject 'no-such'"),
        (("run", "sql", "--check", "x"), "there is no check 'x'"),
        (("run", f"{__name__}:NoBookings", "--check", "error_map"), "makes the request BookCredit, which"),
    ],
)
def test_mistake_is_told_in_one_sentence(arguments: tuple[str, ...], says: str) -> None:
    done = run(*arguments)
    assert (done.exit_code, says in done.stderr) == (1, True)

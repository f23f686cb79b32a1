"""The pytest plugin: collects the results of conformance tests, computes tiers and writes reports.

Nothing of the kit is imported before a suite asks for it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from ...conformance import Report
    from .ladder import CaseResult
    from .suite import Conformance

_KEY = "SEAWALL_CONFORMANCE_KEY"
_STATE = "_seawall_conformance"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The flags."""
    group = parser.getgroup("conformance", "conformance kit (seawall)")
    group.addoption("--conformance-report", metavar="FOLDER", help="write a report for each adapter into this folder")
    group.addoption(
        "--conformance-key",
        metavar="FILE",
        help=f"sign the reports with this private key (Ed25519, PEM); else with the file that {_KEY} names",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Begin to collect."""
    config.pluginmanager.register(_Results(config), _STATE)


class _Results:
    """What was run of each adapter."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._classes: dict[str, type[Conformance]] = {}
        self._seen: dict[str, list[CaseResult]] = {}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Remember which classes are of the kit."""
        for item in session.items:
            cls = getattr(item, "cls", None)
            if cls is not None and hasattr(cls, "subject") and hasattr(cls, "trial") and _is_ours(cls):
                self._classes.setdefault(_place(item.nodeid), cls)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take a result in."""
        from_kit = [value for name, value in report.user_properties if name == "seawall-conformance"]
        if report.when == "call" and from_kit:
            from .ladder import CaseResult

            result: Any = from_kit[0]
            self._seen.setdefault(_place(report.nodeid), []).append(CaseResult(*result))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Write the reports."""
        folder = self._config.getoption("--conformance-report")
        if not folder or not self._classes:
            return
        from .reporting import write_report

        key = self._key()
        for report, _ in self._reports():
            write_report(Path(folder) / f"{report.subject}.json", report, key)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say which tier each adapter reached, and what the next one asks for."""
        lines = [line for report, left in self._reports() for line in _told(report, left)]
        if not lines:
            return
        terminalreporter.section("conformance")
        for line in lines:
            terminalreporter.write_line(line)
        if folder := self._config.getoption("--conformance-report"):
            signed = "signed" if self._key() else f"not signed: name a key with --conformance-key or {_KEY}"
            terminalreporter.write_line(f"reports are in {folder} ({signed})")

    def _key(self) -> Ed25519PrivateKey | None:
        path = self._config.getoption("--conformance-key") or os.environ.get(_KEY)
        if not path:
            return None
        from ...conformance import ReportError
        from .reporting import load_key

        try:
            return load_key(path)
        except ReportError as error:
            raise pytest.UsageError(str(error)) from None

    def _reports(self) -> Iterator[tuple[Report, int]]:
        """Each adapter's report, and how many of its cases were not run."""
        for place, cls in self._classes.items():
            if place in self._seen:
                from .reporting import make_report
                from .running import expected_of

                trial, seen = cls.trial(), self._seen[place]
                left = sum(map(len, expected_of(trial).values())) - len(seen)
                yield make_report(trial, seen, time.time()), left


def _is_ours(cls: type) -> bool:
    from .suite import Conformance

    return issubclass(cls, Conformance)


def _place(nodeid: str) -> str:
    return nodeid.rpartition("::")[0] if "[" not in nodeid else nodeid.partition("[")[0].rpartition("::")[0]


def _told(report: Report, left: int) -> Iterator[str]:
    cases = sum(rule.passed for rule in report.rules)
    not_run = f", {left} were not run" if left else ""
    tier = report.tier or "no tier"
    yield f"{report.subject} ({report.adapter} {report.version}): {tier}; {cases} cases held{not_run}"
    for rule in report.rules:
        if rule.state == "failed":
            yield f"  {rule.tier} asks for {rule.rule}, and it failed: {', '.join(rule.failed)}"
        elif rule.state == "todo" and not left:
            yield f"  {rule.tier} asks for {rule.rule}: {'; '.join(rule.reasons)}"

"""The SQL connector under everything that its declared actions claim."""

from __future__ import annotations

from seawall.simulators.chaos.subjects.sql import LegacySubject
from seawall.simulators.conformance import Conformance


class TestLegacy(Conformance):
    subject = LegacySubject

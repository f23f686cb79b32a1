"""The NetSuite profile under everything that it claims."""

from __future__ import annotations

from seawall.simulators.chaos.subjects.netsuite import NetSuiteSubject
from seawall.simulators.conformance import Conformance


class TestNetSuite(Conformance):
    subject = NetSuiteSubject

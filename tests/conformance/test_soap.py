"""The generic SOAP connector under everything that its example claims."""

from __future__ import annotations

from seawall.simulators.chaos.subjects.soap import BillingSubject
from seawall.simulators.conformance import Conformance


class TestBilling(Conformance):
    subject = BillingSubject

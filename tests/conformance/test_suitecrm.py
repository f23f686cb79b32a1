"""The SuiteCRM connector under everything that it claims."""

from __future__ import annotations

from seawall.simulators.chaos.subjects.suitecrm import SuiteCrmOldSubject, SuiteCrmSubject
from seawall.simulators.conformance import Conformance


class TestSuiteCrm(Conformance):
    """The JSON:API of version 8."""

    subject = SuiteCrmSubject


class TestSuiteCrmOld(Conformance):
    """The REST API of version 4_1."""

    subject = SuiteCrmOldSubject

"""The Salesforce connector under everything that it claims."""

from __future__ import annotations

from seawall.simulators.chaos.subjects.salesforce import SalesforceMarkerSubject, SalesforceSubject
from seawall.simulators.conformance import Conformance


class TestSalesforce(Conformance):
    """Our keys in a unique external id field."""

    subject = SalesforceSubject


class TestSalesforceMarker(Conformance):
    """Our keys in a text field that is not unique."""

    subject = SalesforceMarkerSubject

"""The HubSpot connector under everything that it claims."""

from __future__ import annotations

from seawall.simulators.chaos.subjects.hubspot import HubSpotSubject, HubSpotTextSubject
from seawall.simulators.conformance import Conformance


class TestHubSpot(Conformance):
    """Our keys in unique properties."""

    subject = HubSpotSubject


class TestHubSpotText(Conformance):
    """Our keys in the text of the records."""

    subject = HubSpotTextSubject

"""A simulated HubSpot portal: CRM objects, associations, search, OAuth, and faults on both sides of the commit.

Written from the vendor's documentation; each module names its pages. Not modelled: deals, custom objects and the other
activities; merges, GDPR deletions and restores; association labels of the portal's own; property history, property
validation rules and calculated properties; imports, lists, workflows and webhooks; the ban on partial upserts by e-mail
address; the dated paths of newer versions. Texts of refusals that the documentation does not give are those of recorded
exchanges or plausible: rely on status and category.
"""

from __future__ import annotations

from .app import OPERATIONS, HubSpotSimulator
from .settings import CustomProperty, HubSpotSettings, OAuthApp, PrivateApp

__all__ = ["OPERATIONS", "CustomProperty", "HubSpotSettings", "HubSpotSimulator", "OAuthApp", "PrivateApp"]

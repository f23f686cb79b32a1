"""A simulated Salesforce org: REST API, OAuth, SOQL, collections, and faults on both sides of the commit.

Written from the vendor's documentation; each module names its pages. Not modelled: the Bulk, Tooling, Metadata, UI and
Streaming APIs; sObject trees and graphs; SOSL; aggregates, GROUP BY and subqueries in SOQL; sharing, profiles and field
permissions; triggers, and flows that change records; cascading deletes; merges and undelete; the limit of concurrent
calls; the recycle bin's hold on unique values. Texts of refusals that the documentation does not give are plausible:
rely on status and code.
"""

from __future__ import annotations

from .app import OPERATIONS, SalesforceSimulator
from .schema import CustomField
from .settings import Client, DuplicateRule, Flow, SalesforceSettings, User, ValidationRule

__all__ = [
    "OPERATIONS",
    "Client",
    "CustomField",
    "DuplicateRule",
    "Flow",
    "SalesforceSettings",
    "SalesforceSimulator",
    "User",
    "ValidationRule",
]

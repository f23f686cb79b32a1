"""A simulated Salesforce org: REST API, OAuth, SOQL, collections, and faults on both sides of the commit."""

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

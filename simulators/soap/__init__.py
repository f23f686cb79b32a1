"""Simulated SOAP services, driven by their WSDL: an ERP in NetSuite's manner, and a legacy billing service.

What they read and write goes through zeep's own types, so that the WSDL is the only description of it.
"""

from __future__ import annotations

from .billing import BillingSettings, BillingSimulator
from .erp import ErpSimulator
from .erp_settings import ErpSettings, Passport, Token
from .settings import Change, Drift, UsernameToken, Wsdl

__all__ = [
    "BillingSettings",
    "BillingSimulator",
    "Change",
    "Drift",
    "ErpSettings",
    "ErpSimulator",
    "Passport",
    "Token",
    "UsernameToken",
    "Wsdl",
]

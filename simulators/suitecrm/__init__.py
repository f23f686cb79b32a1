"""A simulated SuiteCRM instance: the v4_1 API and the v8 API on one database, with faults on both sides of the commit.

Written from the vendor's source and documentation; each module names its files. Not modelled: other modules than the
seven; attachments, documents and e-mails; dropdowns, field-level rights and security groups; LDAP and authorization
codes; locales, time zones and PHP serialization; purification of HTML in texts; audit tables; the serialization of
calls with one PHP session. A contact belongs to one account here, by a column of its own. Texts that the source does
not give are plausible: rely on status, number and shape.
"""

from __future__ import annotations

from .app import SuiteCrmSimulator
from .routes import OPERATIONS
from .settings import AfterSaveHook, Client, CustomField, SuiteCrmSettings, User

__all__ = ["OPERATIONS", "AfterSaveHook", "Client", "CustomField", "SuiteCrmSettings", "SuiteCrmSimulator", "User"]

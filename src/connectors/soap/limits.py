"""What is known not to hold of SOAP systems, and settings that show the example's facts; for pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

EXAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "example": {"wsdl": "billing.wsdl", "actions": f"{__package__}.example"},
}

LIMITS: Final[Mapping[str, str]] = {
    "*": "The actions shown are an example's: yours are those that you declare, and what you declare is believed. "
    "Attachments (MTOM), signatures and encryption, and WS-Addressing are not spoken.",
    "book_credit": "A proxy that delivers a request twice makes two credits; a probe sees it.",
    "reverse_credit": "After a lost reply nobody can tell whether it was done.",
    "notify_customer": "Its acceptance proves nothing, so each call is parked for a person unless "
    "`accepted_is_applied` is declared.",
}

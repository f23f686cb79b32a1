"""What is known not to hold of the NetSuite actions, and settings that show how their facts differ; for pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_ACCOUNT: Final = {
    "wsdl": "netsuite.wsdl",
    "url": "https://1234567.suitetalk.api.netsuite.com/services/NetSuitePort_2025_1",
    "auth": {
        "how": "token",
        "account": "1234567",
        "consumer_key": "example",
        "consumer_secret": "example",
        "token": "example",
        "token_secret": "example",
    },
}

EXAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "lists": _ACCOUNT,
    "`lists = false`": {**_ACCOUNT, "lists": False},
}

_NO_PRECONDITION: Final = (
    "NetSuite's update has no precondition: a change between our read and our write is overwritten."
)

LIMITS: Final[Mapping[str, str]] = {
    "*": "The horizon allows a call for a single record 15 minutes beyond the 15 after which NetSuite stops answering; "
    "no bound is documented. What scripts and workflows of the account do on a write is theirs, and is not undone or "
    "looked up.",
    "create_credit_memos": "A list that is delivered twice, or commits after somebody changed one of its records, "
    "overwrites that record with the same content as before.",
    "update_customer": _NO_PRECONDITION,
    "update_invoice_memo": _NO_PRECONDITION,
    "delete_credit_memo": "Whether it was this call or somebody else who deleted it cannot be told.",
}

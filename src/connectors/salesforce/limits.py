"""What is known not to hold of Salesforce's actions, and settings that show how their facts differ; for pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_ORG: Final = {
    "url": "https://acme.my.salesforce.com",
    "auth": {"flow": "client_credentials", "client_id": "seawall", "client_secret": "example"},
}

EXAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "no custom fields": _ORG,
    "`external_id_fields`": {**_ORG, "external_id_fields": {"Case": "Seawall_Key__c", "Task": "Seawall_Key__c"}},
    "`marker_fields`": {**_ORG, "marker_fields": {"Case": "Seawall_Marks__c", "Task": "Seawall_Marks__c"}},
}

_DELIVERED_TWICE: Final = (
    "A proxy that delivers one POST twice makes two records where only a marker is there; a probe sees it."
)

_ONE_SECOND: Final = "Versions have a resolution of one second: two changes in one second differ by content only."

LIMITS: Final[Mapping[str, str]] = {
    "*": "The horizon rests on Salesforce ending REST calls after 10 minutes. What triggers and flows of the org do on "
    "a write is theirs, and is not undone or looked up.",
    "query": "A cursor that expires restarts the query once.",
    "create_case": _DELIVERED_TWICE,
    "create_follow_up": _DELIVERED_TWICE,
    "add_case_comment": _DELIVERED_TWICE,
    "update_case": _ONE_SECOND,
    "close_case": _ONE_SECOND,
    "trigger_workflow": "After a lost reply nobody can tell whether it ran.",
}

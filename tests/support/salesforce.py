"""What the tests of the Salesforce connector share: settings, records as the vendor answers them, attempts."""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

from pydantic import BaseModel

from seawall.connectors.salesforce import models
from seawall.connectors.salesforce.adapter import SalesforceAdapter
from seawall.connectors.salesforce.records import version_of
from seawall.connectors.salesforce.settings import SalesforceSettings
from seawall.core.adapter import Attempt, Secrets, Surroundings
from seawall.core.clock import Clock, Sources

from .clock import FakeClock

URL = "https://acme.my.salesforce.example"
ROOT = "/services/data/v61.0"
TOKEN_PATH = "/services/oauth2/token"
KEY = "sw-" + "a" * 26
OTHER_KEY = "sw-" + "b" * 26
FIELD = "Seawall_Key__c"
MARKS = "Seawall_Marks__c"
CASE_ID = "500000000000001AAA"
OTHER_ID = "500000000000002AAA"
BORN = "2026-03-01T10:00:00.000+0000"
CHANGED = "2026-03-01T10:05:00.000+0000"
CHANGED_AT = 1_772_359_500  # CHANGED in seconds since the epoch

NO_KEY_FIELD: dict[str, Any] = {}
BY_ID: dict[str, Any] = {"external_id_fields": {"Case": FIELD, "Task": FIELD}}
BY_MARK: dict[str, Any] = {"marker_fields": {"Case": MARKS, "Task": MARKS}}
CREDENTIALS = {"flow": "client_credentials", "client_id": "app", "client_secret": "canary-client-secret"}


def settings(**changes: Any) -> SalesforceSettings:
    """Settings of an org, with the changes that a test is about."""
    return SalesforceSettings.model_validate({"url": URL, "auth": CREDENTIALS, **changes})


def adapter(clock: Clock | None = None, secrets: Secrets | None = None, **changes: Any) -> SalesforceAdapter:
    """An adapter that reaches the network as respx lets it."""
    around = Surroundings("crm", Sources(clock=clock or FakeClock()), secrets or Secrets())
    return SalesforceAdapter.open(settings(**changes), around)


def attempt(request: BaseModel, key: str = KEY, **changes: Any) -> Attempt:
    """An attempt at a request."""
    return Attempt(**{"operation_id": "op_1", "key": key, "request": request, **changes})


def again(request: BaseModel, key: str = KEY) -> Attempt:
    """An attempt after one that may have landed."""
    return attempt(request, key, number=2, maybe_applied=True, sent_before=1.0)


def case_record(**changes: Any) -> dict[str, Any]:
    """A case as the REST API answers it."""
    return {
        "attributes": {"type": "Case", "url": f"{ROOT}/sobjects/Case/{CASE_ID}"},
        "Id": CASE_ID,
        "CaseNumber": "00001001",
        "Subject": "Printer on fire",
        "Description": None,
        "Status": "New",
        "Priority": "High",
        "Origin": None,
        "Type": None,
        "Reason": None,
        "ContactId": None,
        "AccountId": None,
        "OwnerId": "005000000000001AAA",
        "IsClosed": False,
        "CreatedDate": BORN,
        "LastModifiedDate": CHANGED,
        **changes,
    }


SEEN = version_of(case_record())
"""The version of `case_record()`."""


def page(*records: dict[str, Any], total: int | None = None, more: str | None = None) -> dict[str, Any]:
    """One page of a query."""
    answer: dict[str, Any] = {
        "totalSize": len(records) if total is None else total,
        "done": more is None,
        "records": list(records),
    }
    return answer | ({} if more is None else {"nextRecordsUrl": more})


def saved(record_id: str = CASE_ID) -> dict[str, Any]:
    """What a create answers."""
    return {"id": record_id, "success": True, "errors": []}


def vendor_error(code: str, message: str = "no", **more: Any) -> list[dict[str, Any]]:
    """An error body."""
    return [{"errorCode": code, "message": message, **more}]


def server_date(after_change: float = 60) -> dict[str, str]:
    """A Date header, in seconds after the last change of `case_record()`."""
    return {"Date": formatdate(CHANGED_AT + after_change, usegmt=True)}


CREATE = models.CreateCase(reference="order-17", subject="Printer on fire", priority="High")
COMMENT = models.AddCaseComment(case_id=CASE_ID, reference="mail-9", body="We are on our way")
FOLLOW_UP = models.CreateFollowUp(case_id=CASE_ID, reference="alert-3", subject="Call back")
UPDATE = models.UpdateCase(case_id=CASE_ID, version=SEEN, status="Working")
CLOSE = models.CloseCase(case_id=CASE_ID, version=SEEN)
TRIGGER = models.TriggerWorkflow(flow="Escalate_Case", reference="mail-9", inputs={"caseId": CASE_ID})

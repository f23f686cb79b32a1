"""What the tests of the SuiteCRM connector share: settings, records as each wire answers them, attempts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import httpx
from pydantic import BaseModel

from seawall.connectors.suitecrm import models
from seawall.connectors.suitecrm.adapter import SuiteCrmAdapter
from seawall.connectors.suitecrm.ids import record_id
from seawall.connectors.suitecrm.records import version_of
from seawall.connectors.suitecrm.settings import SuiteCrmSettings
from seawall.core.adapter import Attempt, Secrets, Surroundings
from seawall.core.clock import Clock, Sources

from .clock import FakeClock

URL = "https://crm.acme.example"
REST = "/service/v4_1/rest.php"
ROOT = "/Api/V8"
KEY = "sw-" + "a" * 26
OTHER_KEY = "sw-" + "b" * 26
OURS = record_id(KEY)
MARKS = "seawall_marks_c"
CASE_ID = "11111111-1111-4111-8111-111111111111"
CONTACT_ID = "22222222-2222-4222-8222-222222222222"
BORN, CHANGED = "2026-03-01 10:00:00", "2026-03-01 10:05:00"

V4_1: dict[str, Any] = {
    "api": "v4_1",
    "auth": {"flow": "login", "username": "seawall", "password": "canary-password"},
}
V8: dict[str, Any] = {
    "api": "v8",
    "auth": {"flow": "client_credentials", "client_id": "app", "client_secret": "canary-client-secret"},
}
MARKED: dict[str, Any] = {"case_marker_field": MARKS}


def settings(**changes: Any) -> SuiteCrmSettings:
    """Settings of a SuiteCRM, with the changes that a test is about."""
    return SuiteCrmSettings.model_validate({"url": URL, **V4_1, **changes})


def adapter(clock: Clock | None = None, secrets: Secrets | None = None, **changes: Any) -> SuiteCrmAdapter:
    """An adapter that reaches the network as respx lets it."""
    around = Surroundings("crm", Sources(clock=clock or FakeClock()), secrets or Secrets())
    return SuiteCrmAdapter.open(settings(**changes), around)


def attempt(request: BaseModel, key: str = KEY, **changes: Any) -> Attempt:
    """An attempt at a request."""
    return Attempt(**{"operation_id": "op_1", "key": key, "request": request, **changes})


def again(request: BaseModel, key: str = KEY) -> Attempt:
    """An attempt after one that may have landed."""
    return attempt(request, key, number=2, maybe_applied=True, sent_before=1.0)


def case_record(**changes: Any) -> dict[str, Any]:
    """A case by SuiteCRM's field names."""
    return {
        "id": CASE_ID,
        "case_number": "17",
        "name": "Printer on fire",
        "description": "",
        "status": "Open_New",
        "state": "Open",
        "priority": "P1",
        "type": "",
        "resolution": "",
        "account_id": "",
        "assigned_user_id": "1",
        "date_entered": BORN,
        "date_modified": CHANGED,
        **changes,
    }


def created_case(**changes: Any) -> dict[str, Any]:
    """The case that `CREATE` makes."""
    return case_record(**{"id": OURS, "date_modified": BORN, **changes})


SEEN = version_of(case_record())
"""The version of `case_record()`."""

CREATE = models.CreateCase(reference="order-17", subject="Printer on fire", priority="P1")
CONTACT = models.CreateContact(reference="mail-3", last_name="O'Brien", email="kate@example.com")
CALL = models.LogCall(
    reference="call-9",
    case_id=CASE_ID,
    subject="Call back",
    started_at=datetime(2026, 3, 1, 9, 30, tzinfo=UTC),
    minutes=75,
)
NOTE = models.AddNote(reference="mail-9", case_id=CASE_ID, subject="Mail", body="We are on our way")
UPDATE = models.UpdateCase(case_id=CASE_ID, version=SEEN, status="Open_Assigned")
CLOSE = models.CloseCase(case_id=CASE_ID, version=SEEN)


def entry(record: dict[str, Any], *, as_list: bool = False) -> dict[str, Any]:
    """A record as v4_1 answers it."""
    pairs = {name: {"name": name, "value": value} for name, value in record.items()}
    listed = list(pairs.values()) if as_list else pairs
    return {"id": record["id"], "module_name": "Cases", "name_value_list": listed}


def entries(*records: dict[str, Any]) -> dict[str, Any]:
    """What `get_entry`, `get_entries` and `get_entry_list` answer."""
    return {"entry_list": [entry(record) for record in records], "relationship_list": []}


def missing(record: str = OURS) -> dict[str, Any]:
    """What `get_entry` answers for a record that was deleted or never was."""
    warning = {"name": "warning", "value": "Access to this object is denied since it has been deleted"}
    pairs = [warning, {"name": "deleted", "value": "1"}]
    return {"entry_list": [{"id": record, "module_name": "Cases", "name_value_list": pairs}]}


def numbered(number: int, name: str = "Error", description: str = "") -> dict[str, Any]:
    """An error of v4_1."""
    return {"name": name, "number": number, "description": description}


def document(record: dict[str, Any]) -> dict[str, Any]:
    """A record as v8 answers it."""
    return {"data": resource(record)}


def resource(record: dict[str, Any]) -> dict[str, Any]:
    """A record inside an answer of v8."""
    attributes = {name: value for name, value in record.items() if name != "id"}
    return {"type": "Case", "id": record["id"], "attributes": attributes}


def refusal(detail: str, status: int = 400) -> httpx.Response:
    """An error of v8: one object, not an array."""
    return httpx.Response(status, json={"errors": {"status": status, "title": None, "detail": detail}})


class RestDouble:
    """v4_1 as a test tells it: the answers by method, one after the other, the last one again and again.

    Args:
        answers: Content, responses or exceptions, by method.
    """

    def __init__(self, **answers: Any) -> None:
        self.answers = {name: list(given) if isinstance(given, list) else [given] for name, given in answers.items()}
        self.calls: list[tuple[str, list[Any]]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        form = parse_qs(request.content.decode())
        (method,) = form["method"]
        self.calls.append((method, json.loads(form["rest_data"][0])))
        if method == "login" and method not in self.answers:
            count = sum(1 for name, _ in self.calls if name == "login")
            return httpx.Response(200, json={"id": f"session-{count}", "module_name": "Users"})
        waiting = self.answers[method]
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)

    def arguments(self, method: str) -> list[list[Any]]:
        """What a method was called with."""
        return [arguments for name, arguments in self.calls if name == method]

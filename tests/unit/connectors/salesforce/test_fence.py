"""The fence on the wire: no write leaves once another process holds the operation, however long the way was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
import respx
from support.salesforce import (
    BY_ID,
    CASE_ID,
    CLOSE,
    COMMENT,
    CREATE,
    FOLLOW_UP,
    KEY,
    OTHER_KEY,
    ROOT,
    TRIGGER,
    UPDATE,
    URL,
    adapter,
    attempt,
    case_record,
    saved,
    server_date,
    vendor_error,
)

from seawall.connectors.salesforce import models
from seawall.connectors.salesforce.adapter import SalesforceAdapter
from seawall.core.errors import NotSent

CASES, CASE = f"{ROOT}/sobjects/Case", f"{ROOT}/sobjects/Case/{CASE_ID}"
CREATED = httpx.Response(201, json=saved())
EXPIRED = httpx.Response(401, json=vendor_error("INVALID_SESSION_ID", "Session expired or invalid"))


class Lease:
    """Ours until it is lost."""

    def __init__(self) -> None:
        self.ours = True

    def __call__(self) -> bool:
        return self.ours

    def lost_during(self, answer: httpx.Response) -> Callable[[httpx.Request], httpx.Response]:
        """What the org does: while it answers, the lease is lost."""

        def lose(request: httpx.Request) -> httpx.Response:
            self.ours = False
            return answer

        return lose


def writes(org: respx.MockRouter) -> list[str]:
    """The requests that could have changed a record."""
    return [
        f"{call.request.method} {call.request.url.path}"
        for call in org.calls
        if call.request.method != "GET" and "/oauth2/" not in call.request.url.path
    ]


async def refused(crm: SalesforceAdapter, request: Any, lease: Lease) -> NotSent:
    action = next(action for action in crm.actions.values() if action.request is type(request))
    with pytest.raises(NotSent) as raised:
        await crm.send(action, attempt(request, may_send=lease))
    await crm.close()
    assert (raised.value.code, raised.value.effect, raised.value.outage) == ("lost_lease", "none", False)
    return raised.value


@pytest.mark.parametrize("request_", [CREATE, COMMENT, FOLLOW_UP, TRIGGER], ids=lambda given: type(given).__name__)
async def test_a_write_is_not_sent_when_the_operation_was_lost_during_the_login(
    org: respx.MockRouter, request_: Any
) -> None:
    lease = Lease()
    session = httpx.Response(200, json={"access_token": "session-1", "instance_url": URL})
    org["login"].mock(side_effect=lease.lost_during(session))
    org.route(method="POST", path__startswith=ROOT).mock(return_value=CREATED)
    await refused(adapter(**BY_ID), request_, lease)
    assert org["login"].call_count == 1
    assert writes(org) == []


@pytest.mark.parametrize("request_", [UPDATE, CLOSE], ids=lambda given: type(given).__name__)
async def test_a_change_is_not_sent_when_the_operation_was_lost_while_the_case_was_read(
    org: respx.MockRouter, request_: Any
) -> None:
    lease = Lease()
    row = httpx.Response(200, json=case_record(), headers=server_date())
    org.get(CASE).mock(side_effect=lease.lost_during(row))
    org.patch(CASE).respond(204)
    await refused(adapter(), request_, lease)
    assert writes(org) == []


async def test_a_write_whose_session_expired_is_not_repeated_when_the_operation_was_lost_meanwhile(
    org: respx.MockRouter,
) -> None:
    lease = Lease()
    org.post(CASES).mock(side_effect=lease.lost_during(EXPIRED))
    await refused(adapter(**BY_ID), CREATE, lease)
    assert writes(org) == [f"POST {CASES}"]


async def test_a_batch_is_not_sent_when_one_of_its_operations_was_lost(org: respx.MockRouter) -> None:
    batch = models.CreateCases(cases=(CREATE, CREATE.model_copy(update={"reference": "order-18"})))
    lost = Lease()
    lost.ours = False
    crm = adapter(**BY_ID)
    items = [attempt(batch.cases[0], KEY), attempt(batch.cases[1], OTHER_KEY, may_send=lost)]
    with pytest.raises(NotSent) as raised:
        await crm.send_batch(crm.actions["create_cases"], batch, items)
    await crm.close()
    assert raised.value.code == "lost_lease"
    assert writes(org) == []


async def test_reads_and_probes_need_no_lease(org: respx.MockRouter) -> None:
    lost = Lease()
    lost.ours = False
    org.get(CASE).respond(json=case_record())
    org.get(url__regex=r".*/sobjects/Case/Seawall_Key__c/.*").respond(404, json=vendor_error("NOT_FOUND"))
    crm = adapter(**BY_ID)
    sent = await crm.send(crm.actions["get_case"], attempt(models.GetCase(case_id=CASE_ID), may_send=lost))
    assert sent.record == CASE_ID
    assert type(await crm.probe(crm.actions["create_case"], attempt(CREATE, may_send=lost))).__name__ == "Absent"
    await crm.close()


async def test_a_write_whose_operation_is_still_ours_is_sent_once(org: respx.MockRouter) -> None:
    org.post(CASES).mock(return_value=CREATED)
    crm = adapter(**BY_ID)
    sent = await crm.send(crm.actions["create_case"], attempt(CREATE, may_send=Lease()))
    await crm.close()
    assert sent.record == CASE_ID
    assert writes(org) == [f"POST {CASES}"]

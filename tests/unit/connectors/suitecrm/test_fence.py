"""The fence on the wire: no write leaves once another process holds the operation, however long the way was."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import respx
from support.suitecrm import (
    CASE_ID,
    CLOSE,
    CONTACT,
    CREATE,
    NOTE,
    OURS,
    REST,
    ROOT,
    UPDATE,
    V8,
    RestDouble,
    adapter,
    attempt,
    case_record,
    created_case,
    document,
    entries,
    missing,
    numbered,
)

from seawall.connectors.suitecrm.adapter import SuiteCrmAdapter
from seawall.core.adapter import Absent
from seawall.core.errors import NotSent


class Lease:
    """Ours until it is lost."""

    def __init__(self, *, ours: bool = True) -> None:
        self.ours = ours

    def __call__(self) -> bool:
        return self.ours


class LosingRest(RestDouble):
    """The lease is lost while a method is answered."""

    def __init__(self, lease: Lease, during: str, **answers: Any) -> None:
        super().__init__(**answers)
        self._lease, self._during = lease, during

    def __call__(self, request: httpx.Request) -> httpx.Response:
        answer = super().__call__(request)
        if self.calls[-1][0] == self._during:
            self._lease.ours = False
        return answer


async def refused(crm: SuiteCrmAdapter, request: Any, lease: Lease) -> None:
    action = next(action for action in crm.actions.values() if action.request is type(request))
    with pytest.raises(NotSent) as raised:
        await crm.send(action, attempt(request, may_send=lease))
    await crm.close()
    assert (raised.value.code, raised.value.effect, raised.value.outage) == ("lost_lease", "none", False)


@pytest.mark.parametrize("request_", [CREATE, CONTACT], ids=lambda given: type(given).__name__)
async def test_a_write_is_not_sent_when_the_operation_was_lost_during_the_login(
    suite: respx.MockRouter, request_: Any
) -> None:
    lease = Lease()
    rest = LosingRest(lease, "login", set_entry={"id": OURS})
    suite.post(REST).mock(side_effect=rest)
    await refused(adapter(), request_, lease)
    assert [method for method, _ in rest.calls] == ["login"]


@pytest.mark.parametrize("request_", [UPDATE, CLOSE, NOTE], ids=lambda given: type(given).__name__)
async def test_a_write_is_not_sent_when_the_operation_was_lost_during_the_read_before_it(
    suite: respx.MockRouter, request_: Any
) -> None:
    lease = Lease()
    rest = LosingRest(lease, "get_entry", get_entry=entries(case_record()))
    suite.post(REST).mock(side_effect=rest)
    await refused(adapter(), request_, lease)
    assert rest.arguments("set_entry") == []


async def test_a_write_whose_session_ended_is_not_repeated_when_the_operation_was_lost_meanwhile(
    suite: respx.MockRouter,
) -> None:
    lease = Lease()
    rest = LosingRest(lease, "set_entry", set_entry=numbered(11))
    suite.post(REST).mock(side_effect=rest)
    await refused(adapter(), CREATE, lease)
    assert len(rest.arguments("set_entry")) == 1


async def test_v8_asks_before_each_write_too(suite: respx.MockRouter) -> None:
    suite.post(f"{ROOT}/module", name="write").respond(201, json=document(created_case()))
    await refused(adapter(**V8), CREATE, Lease(ours=False))
    assert suite["write"].call_count == 0


async def test_a_lease_that_is_lost_after_the_write_does_not_keep_it_from_being_read_back(
    suite: respx.MockRouter,
) -> None:
    lease = Lease()
    rest = LosingRest(lease, "set_entry", set_entry={"id": OURS}, get_entry=entries(created_case()))
    suite.post(REST).mock(side_effect=rest)
    crm = adapter()
    sent = await crm.send(crm.actions["create_case"], attempt(CREATE, may_send=lease))
    await crm.close()
    assert sent.record == OURS


async def test_reads_and_probes_need_no_lease(suite: respx.MockRouter) -> None:
    rest = RestDouble(get_entry=missing(), get_entry_list={"entry_list": []})
    suite.post(REST).mock(side_effect=rest)
    crm = adapter()
    found = await crm.probe(crm.actions["create_case"], attempt(CREATE, may_send=Lease(ours=False)))
    await crm.close()
    assert isinstance(found, Absent)
    assert CASE_ID not in str(rest.calls)

"""Calls that finish a quarter of an hour after nobody waits for them, in virtual time."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from seawall.simulators.faults import Plan
from seawall.simulators.inprocess import InProcessTransport
from seawall.simulators.soap import ErpSimulator
from seawall.simulators.virtual_time import LoopClock, run

from .conftest import enveloped

PASSPORT = (
    '<passport xmlns="urn:messages.erp.example" xmlns:c="urn:core.erp.example"><c:email>integration@example.com'
    "</c:email><c:password>correct-horse</c:password><c:account>TSTDRV1</c:account></passport>"
)


def memo(customer: str, external_id: str) -> str:
    return (
        '<record xmlns:r="urn:records.erp.example" xmlns:c="urn:core.erp.example"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="r:CreditMemo"'
        f' externalId="{external_id}"><r:entity internalId="{customer}"/><r:total>7.25</r:total></record>'
    )


@pytest.mark.parametrize(
    ("operation", "records", "kind", "params", "then"),
    [
        ("upsert", ("a",), "late_commit", {"delay": 900, "reply": "hang", "seconds": 120}, [("a", "late", 900.0)]),
        (
            "upsertList",
            ("a", "b", "c"),
            "cut_batch",
            {"k": 2, "seconds": 900},
            [("a", "request", 0.0), ("b", "request", 0.0)],
        ),
    ],
    ids=["single", "list"],
)
def test_a_single_call_is_finished_late_and_a_list_is_cut(
    operation: str, records: tuple[str, ...], kind: str, params: dict[str, Any], then: list[tuple[str, str, float]]
) -> None:
    async def test() -> None:
        clock = LoopClock()
        point = "later" if kind == "late_commit" else "apply"
        fault = {"id": "f", "match": {"operation": operation}, "point": point, "kind": kind, "params": params}
        simulator = ErpSimulator(plan=Plan.model_validate({"faults": [fault]}), now=clock.now)
        customer = simulator.add_record("Customer", {"companyName": "Acme"})
        content = "".join(memo(customer, name) for name in records)
        body = enveloped(f'<{operation} xmlns="urn:messages.erp.example">{content}</{operation}>', header=PASSPORT)
        start = clock.now()
        async with httpx.AsyncClient(base_url="http://erp.test", transport=InProcessTransport(simulator)) as http:
            with pytest.raises(httpx.HTTPError):
                await http.post(
                    "/services/ErpPort", content=body, headers={"Content-Type": "text/xml", "SOAPAction": operation}
                )
        await simulator.settle()
        seen = [(one.fields["externalId"], one.cause, one.at - start) for one in simulator.effects]
        assert seen == then

    run(test())

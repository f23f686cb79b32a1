"""Answers in JSON that have come away from what was published."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from seawall.simulators.faults import Plan, PlanError
from seawall.simulators.inprocess import InProcessTransport
from seawall.simulators.json_drift import drifted
from seawall.simulators.kinds import KINDS
from seawall.simulators.salesforce import SalesforceSimulator
from seawall.simulators.soap import BillingSimulator
from seawall.simulators.virtual_time import LoopClock, run
from seawall.simulators.wire import Reply

CONTENT = {"id": "1", "open": True, "lines": [{"n": 1, "text": "a"}, {"n": 2, "text": None}]}
EXPECTED: dict[str, Any] = {
    "added": {
        **CONTENT,
        "lines": [
            {**line, "addedInTheNextRelease": {"new": True}} for line in ({"n": 1, "text": "a"}, {"n": 2, "text": None})
        ],
        "addedInTheNextRelease": {"new": True},
    },
    "null": {"id": None, "open": None, "lines": [{"n": None, "text": None}, {"n": None, "text": None}]},
    "removed": {"id": "1", "open": True},
    "renamed": {"id_v2": "1", "open_v2": True, "lines_v2": [{"n_v2": 1, "text_v2": "a"}, {"n_v2": 2, "text_v2": None}]},
    "text": {"id": "1", "open": "true", "lines": [{"n": "1", "text": "a"}, {"n": "2", "text": None}]},
}


@pytest.mark.parametrize("how", KINDS["json_drift"].choices["how"])
def test_an_answer_comes_away_from_what_was_published(how: str) -> None:
    reply = drifted(Reply(201, json.dumps(CONTENT).encode(), headers=((b"x", b"1"),)), how)
    assert (json.loads(reply.body), reply.status, reply.headers) == (EXPECTED[how], 201, ((b"x", b"1"),))


@pytest.mark.parametrize("how", KINDS["json_drift"].choices["how"])
@pytest.mark.parametrize(
    "reply",
    [
        Reply(400, b'{"code": 1}'),
        Reply(204),
        Reply(200, b"<html/>", b"text/html"),
        Reply(200, b'{"cut": '),
    ],
    ids=["an error", "nothing", "a page", "no JSON"],
)
def test_what_is_no_good_answer_in_json_stays_as_it_is(reply: Reply, how: str) -> None:
    assert drifted(reply, how) == reply


def test_the_change_is_committed_although_its_answer_has_drifted() -> None:
    fault = {"id": "f", "kind": "json_drift", "point": "after_commit", "params": {"how": "renamed"}}

    async def main() -> None:
        plan = Plan.model_validate({"faults": [{**fault, "match": {"operation": "create"}}]})
        org = SalesforceSimulator(plan=plan, now=LoopClock().now)
        async with httpx.AsyncClient(transport=InProcessTransport(org), base_url="http://org") as client:
            form = {
                "grant_type": "client_credentials",
                "client_id": "seawall-client",
                "client_secret": "seawall-secret",
            }
            token = (await client.post("/services/oauth2/token", data=form)).json()["access_token"]
            answer = await client.post(
                "/services/data/v60.0/sobjects/Case",
                json={"Subject": "x"},
                headers={"Authorization": f"Bearer {token}"},
            )
        assert answer.status_code == 201
        assert set(answer.json()) == {"id_v2", "success_v2", "errors_v2"}
        assert [effect.record_id for effect in org.effects] == [answer.json()["id_v2"]]
        assert org.faults.fired == {"f": 1}

    run(main())


def test_a_soap_service_has_no_json_to_drift() -> None:
    fault = {"id": "f", "kind": "json_drift", "point": "after_commit"}
    with pytest.raises(PlanError, match="json_drift befalls systems that answer in JSON"):
        BillingSimulator(plan=Plan.model_validate({"faults": [fault]}))

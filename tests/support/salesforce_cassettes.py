"""Conversations with a Salesforce org, recorded once and replayed in the tests without any network.

Record them anew, against the simulator on loopback, after a change to what the connector sends:

    PYTHONPATH=tests .venv/bin/python -m support.salesforce_cassettes

Tokens, client secrets and the simulator's address are left out of the cassettes.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import vcr
from vcr.record_mode import RecordMode

from seawall.connectors.salesforce import models
from seawall.connectors.salesforce.adapter import SalesforceAdapter
from seawall.core.adapter import Present, Sent, Surroundings
from seawall.core.clock import Sources
from seawall.core.errors import IntegrationError

from .clock import FakeClock
from .salesforce import BY_ID, KEY, OTHER_KEY, URL, attempt, settings

FOLDER = Path(__file__).parents[1] / "unit" / "connectors" / "salesforce" / "cassettes"
LOGIN = {"flow": "client_credentials", "client_id": "seawall-client", "client_secret": "seawall-secret"}
_HIDDEN = "left-out"
_EPOCH = 1_772_359_500.0


class Conversation:
    """One adapter talking to one org.

    Args:
        url: Where the org is.
        clock: The clock of both.
    """

    def __init__(self, url: str, clock: FakeClock) -> None:
        self.clock = clock
        surroundings = Surroundings("crm", Sources(clock=clock))
        self.crm = SalesforceAdapter.open(settings(url=url, auth=LOGIN, **BY_ID), surroundings)

    async def send(self, name: str, request: Any, key: str = KEY, **how: Any) -> Sent[Any]:
        """Do it, some seconds after what was done before."""
        self.clock.advance(5)
        return await self.crm.send(self.crm.actions[name], attempt(request, key, **how))

    async def fail(self, name: str, request: Any, key: str = KEY) -> tuple[str, str | None, str]:
        """Do what must fail; the answer is the error's class, its code and the effect."""
        try:
            sent = await self.send(name, request, key)
        except IntegrationError as error:
            return type(error).__name__, error.code, error.effect
        raise AssertionError(f"it did not fail: {sent}")

    async def find(self, name: str, request: Any, key: str = KEY) -> Present[Any]:
        """Probe for what must be there."""
        found = await self.crm.probe(self.crm.actions[name], attempt(request, key, maybe_applied=True))
        assert isinstance(found, Present), found
        return found


async def life_of_a_case(talk: Conversation) -> None:
    """A case is opened, read, commented on, followed up, changed and closed; each is found again."""
    opening = models.CreateCase(reference="order-17", subject="Printer on fire", priority="High", description="Hot")
    opened = await talk.send("create_case", opening)
    case_id = opened.value.case_id
    assert (await talk.find("create_case", opening)).record == case_id
    comment = models.AddCaseComment(case_id=case_id, reference="mail-9", body="We are on our way")
    commented = await talk.send("add_case_comment", comment)
    assert (await talk.find("add_case_comment", comment)).record == commented.record
    follow_up = models.CreateFollowUp(
        case_id=case_id, reference="alert-3", subject="Call back", due_date=date(2026, 3, 9)
    )
    followed = await talk.send("create_follow_up", follow_up)
    assert (await talk.find("create_follow_up", follow_up)).record == followed.record
    seen: models.Case = (await talk.send("get_case", models.GetCase(case_id=case_id))).value
    assert (seen.subject, seen.priority, seen.is_closed) == ("Printer on fire", "High", False)
    change = models.UpdateCase(case_id=case_id, version=seen.version, priority="Low", clear=("description",))
    await talk.send("update_case", change)
    assert (await talk.find("update_case", change)).differs == ()
    listed = (await talk.send("find_cases", models.FindCases(subject_contains="fire", priority="Low"))).value
    assert [case.description for case in listed.cases] == [None]
    closing = models.CloseCase(case_id=case_id, version=listed.cases[0].version)
    await talk.send("close_case", closing)
    assert (await talk.send("get_case", models.GetCase(case_id=case_id))).value.is_closed
    flow = models.TriggerWorkflow(flow="Escalate_Case", reference="mail-9", inputs={"caseId": case_id})
    assert (await talk.send("trigger_workflow", flow)).value.outputs is not None


async def refusals(talk: Conversation) -> None:
    """What the org itself refuses has no effect; what it says of our own key is success."""
    opening = models.CreateCase(reference="order-17", subject="Printer on fire")
    opened = await talk.send("create_case", opening)
    again = await talk.send("create_case", opening)
    assert (again.record, again.facts["already_there"]) == (opened.record, True)
    missing = models.GetCase(case_id="500SW0000000999YAA")
    assert await talk.fail("get_case", missing) == ("NotFound", "NOT_FOUND", "none")
    stranger = models.AddCaseComment(case_id="500SW0000000999YAA", reference="r", body="hello")
    assert (await talk.fail("add_case_comment", stranger))[2] == "none"
    assert await talk.fail("query", models.Query(soql="SELECT Nothing FROM Case")) == (
        "BusinessRule",
        "INVALID_FIELD",
        "none",
    )
    stale = models.CloseCase(case_id=opened.value.case_id, version="2020-01-01T00:00:00Z")
    assert await talk.fail("close_case", stale) == ("PreconditionFailed", "version", "none")
    flow = models.TriggerWorkflow(flow="Escalate_Case", reference="r")
    assert (await talk.fail("trigger_workflow", flow))[2] == "none"


async def a_batch_in_parts(talk: Conversation) -> None:
    """Two of five items meet a locked row; sent again, all are there."""
    batch = models.CreateCases(cases=tuple(models.CreateCase(reference=f"r{n}", subject=f"Case {n}") for n in range(5)))
    items = [attempt(case, f"sw-{n:026d}") for n, case in enumerate(batch.cases)]
    action = talk.crm.actions["create_cases"]
    first = await talk.crm.send_batch(action, batch, items)
    locked = [result for result in first if isinstance(result, IntegrationError)]
    assert [(error.code, error.effect, error.transient) for error in locked] == [
        ("UNABLE_TO_LOCK_ROW", "none", True)
    ] * 2
    second = await talk.crm.send_batch(action, batch, items)
    assert [isinstance(result, Sent) for result in second] == [True] * 5
    rows = (await talk.send("query", models.Query(soql="SELECT Id, Subject FROM Case ORDER BY Subject"))).value
    assert [row["Subject"] for row in rows.records] == [f"Case {n}" for n in range(5)]
    assert [result.record for result in second if isinstance(result, Sent)] == [row["Id"] for row in rows.records]


async def bad_weather(talk: Conversation) -> None:
    """Gateways, maintenance pages, limits, an expired session: told apart, and survived."""
    opening = models.CreateCase(reference="order-17", subject="Printer on fire")
    assert await talk.fail("create_case", opening) == ("GatewayError", "http_502", "maybe")
    assert await talk.fail("create_case", opening, OTHER_KEY) == ("GatewayError", "http_500", "maybe")
    assert await talk.fail("create_case", opening, OTHER_KEY) == ("Throttled", "REQUEST_LIMIT_EXCEEDED", "none")
    assert await talk.fail("create_case", opening, OTHER_KEY) == ("UnreadableReply", "unreadable", "maybe")
    again = await talk.send("create_case", opening)
    assert again.facts.get("already_there") is True
    renewed = await talk.send("create_case", opening.model_copy(update={"subject": "Other"}), "sw-" + "c" * 26)
    assert renewed.record != again.record


def _nth(number: int, operation: str, point: str, kind: str, **params: Any) -> dict[str, Any]:
    """A fault at the n-th call of an operation."""
    return {
        "match": {"operation": operation},
        "trigger": {"nth": number},
        "point": point,
        "kind": kind,
        "params": params,
    }


Scenario = Callable[[Conversation], Awaitable[None]]
SCENARIOS: Mapping[str, tuple[Scenario, list[dict[str, Any]]]] = {
    "life_of_a_case": (life_of_a_case, []),
    "refusals": (refusals, []),
    "a_batch_in_parts": (a_batch_in_parts, [_nth(1, "collections_create", "apply", "partial_batch", k=2)]),
    "bad_weather": (
        bad_weather,
        [
            _nth(1, "create", "after_commit", "status", status=502, body="html"),
            _nth(2, "create", "apply", "status", status=500, body="json"),
            _nth(3, "create", "apply", "throttle", status=403),
            _nth(4, "create", "after_commit", "html_200"),
            _nth(6, "create", "apply", "session_expired"),
        ],
    ),
}


def cassette(name: str, *, record: bool) -> AbstractContextManager[Any]:
    """The cassette of a scenario, to record into or to replay from."""
    tape: AbstractContextManager[Any] = vcr.VCR(
        record_mode=RecordMode.ALL if record else RecordMode.NONE,
        match_on=["method", "path", "query", "body"],
        filter_headers=[("authorization", _HIDDEN)],
        before_record_request=_without_place,
        before_record_response=_without_secrets,
        decode_compressed_response=True,
    ).use_cassette(str(FOLDER / f"{name}.yaml"))
    return tape


def _without_place(request: Any) -> Any:
    request.uri = urlunsplit(("https", urlsplit(URL).netloc, *urlsplit(request.uri)[2:]))
    request.headers.pop("host", None)
    if request.path.endswith("/token") and isinstance(request.body, bytes):
        form = [(name, _HIDDEN if "secret" in name else value) for name, value in parse_qsl(request.body.decode())]
        request.body = urlencode(form).encode()
    return request


def _without_secrets(response: dict[str, Any]) -> dict[str, Any]:
    body = response["body"]["string"]
    if b"access_token" in body:
        answer = json.loads(body)
        hidden = {"access_token": _HIDDEN, "signature": _HIDDEN, "instance_url": URL, "id": f"{URL}/id/org/user"}
        response["body"]["string"] = json.dumps(answer | hidden).encode()
        response["headers"].pop("content-length", None)
    body = response["body"]["string"]
    response["body"]["string"] = re.sub(rb"http://127\.0\.0\.1:\d+", URL.encode(), body)
    return response


async def replay(name: str) -> None:
    """Run a scenario from its cassette."""
    talk = Conversation(URL, FakeClock(_EPOCH))
    with cassette(name, record=False):
        try:
            await SCENARIOS[name][0](talk)
        finally:
            await talk.crm.close()


async def record(name: str) -> None:
    """Run a scenario against the simulator and write its cassette."""
    from seawall.simulators.faults import Plan
    from seawall.simulators.salesforce import SalesforceSimulator
    from seawall.simulators.server import serve

    scenario, faults = SCENARIOS[name]
    planned = [{"id": f"f{number}", **fault} for number, fault in enumerate(faults)]
    clock = FakeClock(_EPOCH)
    simulator = SalesforceSimulator(plan=Plan.model_validate({"faults": planned}), now=clock.now)
    async with serve(simulator) as url:
        talk = Conversation(url, clock)
        with cassette(name, record=True):
            try:
                await scenario(talk)
            finally:
                await talk.crm.close()
    if unfired := simulator.faults.never_fired():
        raise AssertionError(f"{name}: planned but never fired: {unfired}")


def main() -> None:
    """Record all cassettes anew."""
    FOLDER.mkdir(exist_ok=True)
    for name in SCENARIOS:
        (FOLDER / f"{name}.yaml").unlink(missing_ok=True)
        asyncio.run(record(name))
        sys.stdout.write(f"recorded {name}\n")


if __name__ == "__main__":
    main()

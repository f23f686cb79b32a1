"""Single situations against the simulated services, whose effect logs say what really happened."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from support.soap import OTHER_KEY, attempt
from support.soap_erp import CREATE
from support.soap_world import BILLING_URL, PASSPORT, WSDLS, World, in_an_erp, in_billing

from seawall.connectors.soap import example
from seawall.connectors.soap.netsuite import models
from seawall.core.adapter import Absent, Present, Sent
from seawall.core.errors import (
    Ambiguous,
    BusinessRule,
    CommitUnknown,
    ContractBroken,
    GatewayError,
    IntegrationError,
    InvalidRequest,
    NotSent,
    PreconditionFailed,
    Refused,
    Throttled,
    Unauthenticated,
)

BOOK = example.BookCredit(reference="r1", account_no="A-1", amount=Decimal("1.50"), currency="EUR")
FIRST = {"trigger": {"first": 1}}


def customer(world: World) -> str:
    found: str = world.target.add_record("Customer", {"companyName": "Acme", "email": "ada@example.com"})
    return found


async def error_of(world: World, name: str, request: Any, **how: Any) -> IntegrationError:
    with pytest.raises(IntegrationError) as raised:
        await world.send(name, request, **how)
    return raised.value


@pytest.mark.case(3)
def test_an_add_that_commits_late_meets_its_own_repetition_and_overwrites_nothing() -> None:
    async def test(world: World) -> None:
        request = CREATE.model_copy(update={"customer_id": customer(world)})
        await error_of(world, "create_credit_memo", request)
        again = await world.send("create_credit_memo", request, maybe_applied=True)
        world.target.change_record("CreditMemo", again.record, {"memo": "changed since"})
        await world.target.settle()
        assert world.truth() == 1
        found = await world.probe("create_credit_memo", request)
        assert isinstance(found, Present)
        assert found.differs == ("memo",)

    late = {"kind": "late_commit", "point": "later", "params": {"delay": 900}, "match": {"operation": "add"}}
    in_an_erp(test, {**late, **FIRST}, adapter={"lists": False})


@pytest.mark.case(3)
def test_a_repetition_that_meets_its_original_still_running_stays_open_until_that_has_committed() -> None:
    async def test(world: World) -> None:
        request = CREATE.model_copy(update={"customer_id": customer(world)})
        await error_of(world, "create_credit_memo", request)
        met = await error_of(world, "create_credit_memo", request, maybe_applied=True)
        assert (type(met), met.effect) == (Ambiguous, "maybe")
        await world.target.settle()
        sent = await world.send("create_credit_memo", request, maybe_applied=True)
        assert sent.facts["already_there"]
        assert world.truth() == 1

    params = {"delay": 900, "locks": True}
    late = {"kind": "late_commit", "point": "later", "params": params, "match": {"operation": "add"}}
    in_an_erp(test, {**late, **FIRST})


def listed(world: World, count: int) -> tuple[models.CreateCreditMemos, list[Any]]:
    one = CREATE.model_copy(update={"customer_id": customer(world)})
    memos = tuple(one.model_copy(update={"reference": f"r{number}"}) for number in range(count))
    items = [attempt(memo, f"sw-{number:026d}") for number, memo in enumerate(memos)]
    return models.CreateCreditMemos(credit_memos=memos), items


@pytest.mark.case(45)
def test_a_list_answers_for_each_record_and_only_what_was_refused_is_sent_again() -> None:
    async def test(world: World) -> None:
        batch, items = listed(world, 20)
        action = world.adapter.actions["create_credit_memos"]
        first = await world.adapter.send_batch(action, batch, items)
        refused = [index for index, result in enumerate(first) if isinstance(result, IntegrationError)]
        assert len(refused) == 7
        assert world.truth() == 13
        assert all(first[index].effect == "none" for index in refused)  # type: ignore[union-attr]
        second = await world.adapter.send_batch(action, batch, [items[index] for index in refused])
        assert all(isinstance(result, Sent) for result in second)
        assert world.truth() == 20

    part = {"kind": "partial_batch", "point": "apply", "params": {"k": 7, "code": "WS_REQUEST_BLOCKED"}}
    in_an_erp(test, {**part, "match": {"operation": "upsertList"}, **FIRST})


@pytest.mark.case(45)
@pytest.mark.parametrize("point", ["apply", "after_commit"])
def test_after_a_list_without_an_answer_each_record_is_probed_by_itself(point: str) -> None:
    async def test(world: World) -> None:
        batch, items = listed(world, 3)
        with pytest.raises(IntegrationError) as raised:
            await world.adapter.send_batch(world.adapter.actions["create_credit_memos"], batch, items)
        assert raised.value.effect == "maybe"
        for item in items:
            found = await world.probe("create_credit_memo", item.request, item.key)
            assert isinstance(found, Absent if point == "apply" else Present)

    in_an_erp(test, {"kind": "reset", "point": point, "match": {"operation": "upsertList"}, **FIRST})


def test_a_session_that_ended_is_renewed_once_and_a_write_in_doubt_is_not_sent_inside_its_attempt() -> None:
    async def test(world: World) -> None:
        request = CREATE.model_copy(update={"customer_id": customer(world)})
        assert isinstance(await world.send("create_credit_memo", request), Sent)
        ended = await error_of(world, "create_credit_memo", request, key=OTHER_KEY, maybe_applied=True)
        assert (type(ended), ended.transient) == (Unauthenticated, True)
        assert isinstance(await world.send("create_credit_memo", request, key=OTHER_KEY, maybe_applied=True), Sent)
        assert world.truth() == 2

    ends = {"kind": "session_expired", "point": "apply", "match": {"operation": "add"}, "trigger": {"nth": 1}}
    again = {"kind": "session_expired", "point": "apply", "match": {"operation": "add"}, "trigger": {"nth": 3}}
    in_an_erp(test, ends, again, adapter={"auth": {**PASSPORT, "session": True}})


@pytest.mark.parametrize("idle", [1199, 1201])
def test_an_idle_session_is_renewed_when_the_account_ended_it(idle: float) -> None:
    async def test(world: World) -> None:
        from seawall.simulators.virtual_time import LoopClock

        found = customer(world)
        await world.customer(found)
        before = world.target.requests
        await LoopClock().sleep(idle)
        await world.customer(found)
        assert world.target.requests - before == (1 if idle < 1200 else 3)

    in_an_erp(test, adapter={"auth": {**PASSPORT, "session": True}})


def test_a_passport_in_each_request_lets_in_and_a_wrong_one_does_not() -> None:
    async def test(world: World) -> None:
        assert (await world.customer(customer(world))).company_name == "Acme"

    in_an_erp(test, adapter={"auth": PASSPORT})

    async def wrong(world: World) -> None:
        error = await error_of(world, "get_customer", models.GetCustomer(customer_id="1"), key="")
        assert isinstance(error, Unauthenticated)
        assert error.effect == "none"

    for session in (False, True):
        in_an_erp(wrong, adapter={"auth": {**PASSPORT, "password": "wrong-password", "session": session}})


@pytest.mark.case(43)
@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize("port", ["ErpPort", "ErpPort12"])
def test_a_fault_is_read_by_its_code_whatever_its_status_and_its_text(status: int, port: str) -> None:
    async def test(world: World) -> None:
        request = CREATE.model_copy(update={"customer_id": customer(world)})
        error = await error_of(world, "create_credit_memo", request)
        assert (type(error), error.effect) == (Throttled, "none")
        assert world.truth() == 0

    url = f"http://erp.example.com/services/{port}"
    busy = {"kind": "throttle", "point": "apply", "match": {"operation": "add"}}
    in_an_erp(test, busy, adapter={"port": port, "url": url}, fault_status=status, wrong_fault_strings=True)


def test_a_record_that_is_refused_says_its_reasons() -> None:
    async def test(world: World) -> None:
        error = await error_of(world, "create_credit_memo", CREATE.model_copy(update={"customer_id": "99999"}))
        assert isinstance(error, BusinessRule)
        assert error.evidence["codes"]
        assert world.truth() == 0

    in_an_erp(test)


@pytest.mark.case(30)
def test_a_change_by_somebody_else_is_seen_and_nothing_is_written() -> None:
    async def test(world: World) -> None:
        seen = await world.customer(customer(world))
        world.target.change_record("Customer", seen.customer_id, {"comments": "same second"})
        request = models.UpdateCustomer(customer_id=seen.customer_id, version=seen.version, phone="1")
        assert isinstance(await error_of(world, "update_customer", request), PreconditionFailed)
        assert world.truth() == 0

    in_an_erp(test)


@pytest.mark.case(44)
def test_elements_that_were_added_do_not_turn_a_landed_write_into_an_error() -> None:
    async def test(world: World) -> None:
        request = CREATE.model_copy(update={"customer_id": customer(world)})
        sent = await world.send("create_credit_memo", request)
        assert sent.facts["not_in_wsdl"]
        assert isinstance(await world.probe("create_credit_memo", request), Present)
        assert world.truth() == 1

    in_an_erp(test, drift=({"added": True},))


@pytest.mark.case(44)
@pytest.mark.parametrize(
    "drift",
    [
        {"removed": ("writeResponse",)},
        {"removed": ("status",)},
        {"nil": ("status",)},
        {"removed": ("baseRef",)},
    ],
)
def test_an_answer_that_lost_what_it_promises_leaves_a_landed_write_in_doubt_and_sends_nothing_again(
    drift: dict[str, Any],
) -> None:
    async def test(world: World) -> None:
        request = CREATE.model_copy(update={"customer_id": customer(world)})
        before = world.target.requests
        error = await error_of(world, "create_credit_memo", request)
        assert (type(error), error.effect) == (ContractBroken, "maybe")
        assert world.target.requests == before + 1
        assert isinstance(await world.probe("create_credit_memo", request), Present)
        assert world.truth() == 1

    in_an_erp(test, drift=({"operations": ("add",), **drift},))


@pytest.mark.case(44)
@pytest.mark.parametrize(
    "drift", [{"removed": ("creditNo",)}, {"nil": ("creditNo",)}, {"replaced": {"newBalance": "a lot"}}]
)
def test_a_required_element_that_is_missing_nil_or_of_another_type_is_never_read_as_none(drift: dict[str, Any]) -> None:
    async def test(world: World) -> None:
        error = await error_of(world, "book_credit", BOOK)
        assert (type(error), error.effect) == (ContractBroken, "maybe")
        assert isinstance(await world.probe("book_credit", BOOK), Present)

    in_billing(test, drift=({"operations": ("BookCredit",), **drift},))


@pytest.mark.parametrize("port", ["Billing11", "Billing12"])
@pytest.mark.parametrize("kind", ["text", "digest"])
def test_a_username_token_lets_in_again_and_again(port: str, kind: str) -> None:
    async def test(world: World) -> None:
        for _ in range(3):
            assert await world.send("get_account", example.GetAccount(accountNo="A-1"), key="")

    auth = {"how": "username_token", "username": "integration", "password": "correct-horse", "password_type": kind}
    url = BILLING_URL + ("12" if port == "Billing12" else "")
    in_billing(test, adapter={"port": port, "url": url, "auth": auth}, security="username_token")


def test_a_wrong_password_is_refused_before_anything_is_done() -> None:
    async def test(world: World) -> None:
        error = await error_of(world, "book_credit", BOOK)
        assert isinstance(error, Refused)
        assert error.effect == "none"
        assert world.truth() == 0

    auth = {"how": "username_token", "username": "integration", "password": "wrong-password"}
    in_billing(test, adapter={"auth": auth}, security="username_token")


def test_a_session_of_the_billing_service_is_kept_and_renewed() -> None:
    async def test(world: World) -> None:
        from seawall.simulators.virtual_time import LoopClock

        assert isinstance(await world.send("book_credit", BOOK), Sent)
        await LoopClock().sleep(2000)
        assert isinstance(await world.send("book_credit", BOOK, key=OTHER_KEY), Sent)
        assert world.truth("Credit") == 2

    auth = {
        "how": "session",
        "operation": "Login",
        "arguments": {"user": "integration", "password": "correct-horse"},
        "token": "sessionId",
        "header": "sessionHeader",
        "expired": ["SESSION_EXPIRED"],
    }
    in_billing(test, adapter={"auth": auth}, security="session")


def test_a_text_without_an_answer_is_in_doubt_though_it_was_accepted() -> None:
    async def test(world: World) -> None:
        request = example.NotifyCustomer(accountNo="A-1", text="hello")
        error = await error_of(world, "notify_customer", request)
        assert (type(error), error.effect) == (CommitUnknown, "maybe")
        assert world.truth() == 1

    in_billing(test)


def remote(**wsdl: Any) -> dict[str, Any]:
    return {"adapter": {"wsdl": f"{BILLING_URL}?wsdl"}, "wsdl": wsdl}


def test_a_wsdl_is_read_from_the_service_itself() -> None:
    async def test(world: World) -> None:
        assert isinstance(await world.send("book_credit", BOOK), Sent)

    in_billing(test, **remote())


@pytest.mark.parametrize("kind", ["unavailable", "imports_elsewhere", "doctype", "bomb"])
def test_a_wsdl_that_cannot_be_trusted_or_had_sends_nothing(kind: str) -> None:
    async def test(world: World) -> None:
        error = await error_of(world, "book_credit", BOOK)
        assert isinstance(error, GatewayError if kind == "unavailable" else NotSent)
        assert error.effect == "none"
        assert world.truth() == 0

    in_billing(test, **remote(kind=kind))


def test_a_wsdl_that_changed_is_said_and_sends_nothing_where_its_fingerprint_is_known() -> None:
    import asyncio

    from seawall.connectors.soap.documents import gather, read_file

    async def fetch(location: str) -> bytes:
        return read_file(location)

    fingerprint = asyncio.run(gather(str(WSDLS / "billing.wsdl"), fetch)).fingerprint

    async def test(world: World) -> None:
        error = await error_of(world, "book_credit", BOOK)
        assert (type(error), error.code) == (InvalidRequest, "wsdl_changed")
        assert world.truth() == 0

    settings = remote(kind="changed")
    settings["adapter"]["wsdl_fingerprint"] = fingerprint
    in_billing(test, **settings)


def test_an_account_that_does_not_exist_is_a_refusal() -> None:
    async def test(world: World) -> None:
        error = await error_of(world, "book_credit", BOOK.model_copy(update={"account_no": "A-99"}))
        assert error.effect == "none"
        assert error.evidence["fault"] == "client"
        assert world.truth() == 0

    in_billing(test)

"""The NetSuite profile on the wire: each credit memo once, versions, lists item by item, codes before texts."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from decimal import Decimal
from typing import Any

import httpx
import pytest
from support.soap import KEY, OTHER_KEY, attempt
from support.soap_erp import (
    CREATE,
    LATER,
    TOKEN,
    Account,
    customer_record,
    envelope,
    erp,
    erp_fault,
    memo_record,
    read_answer,
    status,
    write_response,
    wrote,
    wrote_list,
)

from seawall.connectors.soap.netsuite import models
from seawall.core.adapter import Absent, CannotTell, ClientId, Done, Marker, Present, Secrets, Sent
from seawall.core.errors import (
    Ambiguous,
    BusinessRule,
    ContractBroken,
    Forbidden,
    GatewayError,
    IntegrationError,
    NotFound,
    PreconditionFailed,
    Throttled,
    Unauthenticated,
)

NOT_THERE = read_answer("", "RCRD_DSNT_EXIST")
KEYS = [f"sw-{number:026d}" for number in range(4)]


async def send(account: Account, name: str = "create_credit_memo", request: Any = CREATE, **how: Any) -> Any:
    adapter = erp(account)
    return await adapter.send(adapter.actions[name], attempt(request, **how))


async def error_of(account: Account, name: str = "create_credit_memo", request: Any = CREATE, **how: Any) -> Any:
    with pytest.raises(IntegrationError) as raised:
        await send(account, name, request, **how)
    return raised.value


async def probe(account: Account, name: str = "create_credit_memo", request: Any = CREATE) -> Any:
    adapter = erp(account)
    return await adapter.probe(adapter.actions[name], attempt(request, maybe_applied=True))


async def version(record: str = "") -> str:
    adapter = erp(Account(get=[read_answer(record or customer_record())]))
    sent = await adapter.send(adapter.actions["get_customer"], attempt(models.GetCustomer(customer_id="7"), key=""))
    found: str = sent.value.version
    return found


async def test_a_credit_memo_is_added_with_its_key_as_external_id() -> None:
    account = Account(add=[wrote("add")])
    sent = await send(account)
    assert (sent.value, sent.record) == (models.CreditMemoCreated(credit_memo_id="501"), "501")
    assert account.asked == ["add"]
    assert f'externalId="{KEY}"' in account.texts[0]
    assert 'type="ns1:CreditMemo"' in account.texts[0] or ":CreditMemo" in account.texts[0]


async def test_each_request_is_signed_anew() -> None:
    secrets = Secrets()
    account = Account(add=[wrote("add")])
    adapter = erp(account, secrets=secrets)
    for _ in range(2):
        await adapter.send(adapter.actions["create_credit_memo"], attempt(CREATE))
    nonces = set()
    for text in account.texts:
        said = dict(re.findall(r"<ns\d+:(account|consumerKey|token|nonce|timestamp)[^>]*>([^<]+)<", text))
        nonces.add(said["nonce"])
        base = "&".join(said[name] for name in ("account", "consumerKey", "token", "nonce", "timestamp"))
        key = f"{TOKEN['consumer_secret']}&{TOKEN['token_secret']}"
        expected = base64.b64encode(hmac.new(key.encode(), base.encode(), hashlib.sha256).digest()).decode()
        assert f">{expected}<" in text
        assert 'algorithm="HMAC_SHA256"' in text
        assert "canary" not in text
    assert len(nonces) == 2
    assert "canary" not in secrets.scrub(key)


async def test_a_passport_may_go_with_each_request_or_into_a_login() -> None:
    passport = {"how": "passport", "account": "1234567", "email": "ada@example.com", "password": "canary-password"}
    each = Account(add=[wrote("add")])
    adapter = erp(each, auth={**passport, "role": "3"})
    await adapter.send(adapter.actions["create_credit_memo"], attempt(CREATE))
    assert "canary-password" in each.texts[0]
    login = envelope(f"<m:loginResponse><m:sessionResponse>{status()}</m:sessionResponse></m:loginResponse>")
    ended = erp_fault("invalidSessionFault", "SESSION_TIMED_OUT")
    once = Account(login=[login], add=[ended, wrote("add")])
    adapter = erp(once, auth={**passport, "session": True})
    await adapter.send(adapter.actions["create_credit_memo"], attempt(CREATE))
    assert once.asked == ["login", "add", "login", "add"]
    assert ["canary-password" in text for text in once.texts] == [True, False, True, False]


@pytest.mark.parametrize("code", ["DUP_RCRD", "RCRD_HAS_BEEN_CHANGED"])
async def test_a_repetition_that_meets_its_own_first_is_success(code: str) -> None:
    account = Account(add=[wrote("add", code)], get=[read_answer(memo_record())])
    sent = await send(account, number=2, maybe_applied=True)
    assert (sent.record, sent.facts["already_there"]) == ("501", True)
    assert account.asked == ["add", "get"]


async def test_a_repetition_that_meets_its_own_first_still_running_stays_open() -> None:
    error = await error_of(Account(add=[wrote("add", "RCRD_HAS_BEEN_CHANGED")], get=[NOT_THERE]))
    assert (type(error), error.effect) == (Ambiguous, "maybe")


async def test_a_record_with_our_key_and_other_content_is_told() -> None:
    error = await error_of(Account(add=[wrote("add", "DUP_RCRD")], get=[read_answer(memo_record(amount="99.00"))]))
    assert isinstance(error, ContractBroken)
    assert "lines" in error.message


@pytest.mark.parametrize(
    ("answer", "expected", "effect"),
    [
        (wrote("add", "INVALID_KEY_OR_REF"), BusinessRule, "none"),
        (wrote("add", "ODD", "INSUFFICIENT_PERMISSION"), Forbidden, "none"),
        (wrote("add", "UNEXPECTED_ERROR"), GatewayError, "maybe"),
        (wrote("add", "INVALID_KEY_OR_REF", "UNEXPECTED_ERROR"), GatewayError, "maybe"),
        (erp_fault("exceededConcurrentRequestLimitFault", "WS_CONCUR_SESSION_DISALLWD"), Throttled, "none"),
        (erp_fault("exceededRequestLimitFault", "SOMETHING_NEW"), Throttled, "none"),
        (erp_fault("invalidCredentialsFault", "INVALID_LOGIN_CREDENTIALS", text="try later"), Unauthenticated, "none"),
        (erp_fault("insufficientPermissionFault", "INSUFFICIENT_PERMISSION"), Forbidden, "none"),
        (erp_fault("unexpectedErrorFault", "UNEXPECTED_ERROR"), GatewayError, "maybe"),
        (erp_fault("newFault", "NEW_CODE"), GatewayError, "maybe"),
        (erp_fault("newFault", "NEW_CODE", side="e:Client"), BusinessRule, "none"),
        (wrote("add", external_id=OTHER_KEY), ContractBroken, "maybe"),
        (wrote("update"), ContractBroken, "maybe"),
        (httpx.Response(200, html="<html/>"), IntegrationError, "maybe"),
    ],
)
async def test_what_an_answer_means(answer: Any, expected: Any, effect: str) -> None:
    error = await error_of(Account(add=[answer]))
    assert isinstance(error, expected)
    assert error.effect == effect


async def test_a_probe_reads_by_external_id_and_compares() -> None:
    account = Account(get=[read_answer(memo_record())])
    found = await probe(account)
    assert (found.record, found.differs, found.superseded) == ("501", (), False)
    assert f'externalId="{KEY}"' in account.texts[0]
    changed = await probe(Account(get=[read_answer(memo_record(changed=LATER, text="Very sorry"))]))
    assert (changed.differs, changed.superseded) == (("memo",), True)


async def test_only_netsuites_own_word_is_an_absence() -> None:
    assert isinstance(await probe(Account(get=[NOT_THERE])), Absent)
    for answer in (
        read_answer("", "RCRD_DSNT_EXIST", "UNEXPECTED_ERROR"),
        read_answer("", "INSUFFICIENT_PERMISSION"),
        read_answer(""),
        httpx.Response(404),
        erp_fault("unexpectedErrorFault", "UNEXPECTED_ERROR"),
        read_answer(memo_record(key=OTHER_KEY)),
        read_answer(customer_record()),
    ):
        with pytest.raises(IntegrationError):
            await probe(Account(get=[answer]))


async def batch(account: Account, count: int = 3) -> list[Any]:
    adapter = erp(account)
    items = [attempt(CREATE.model_copy(update={"reference": f"r{n}"}), KEYS[n]) for n in range(count)]
    request = models.CreateCreditMemos(credit_memos=tuple(item.request for item in items))
    return list(await adapter.send_batch(adapter.actions["create_credit_memos"], request, items))


@pytest.mark.case(45)
async def test_a_list_is_answered_record_by_record() -> None:
    answer = wrote_list(
        write_response(internal_id="1", external_id=KEYS[0]),
        write_response("WS_REQUEST_BLOCKED"),
        write_response("INVALID_KEY_OR_REF"),
        whole=status(),
    )
    results = await batch(Account(upsertList=[answer]))
    assert [type(result) for result in results] == [Sent, Throttled, BusinessRule]
    assert results[0].record == "1"


@pytest.mark.case(45)
async def test_what_a_cut_list_does_not_name_is_in_doubt() -> None:
    answer = wrote_list(
        write_response(internal_id="1", external_id=KEYS[0]), write_response(internal_id="3", external_id=KEYS[2])
    )
    results = await batch(Account(upsertList=[answer]))
    assert [getattr(result, "record", None) for result in results] == ["1", None, "3"]
    assert (results[1].effect, results[1].code) == ("maybe", "list_cut")
    nameless = wrote_list(write_response(internal_id="1", external_id=""), write_response("INVALID_KEY_OR_REF"))
    assert [result.effect for result in await batch(Account(upsertList=[nameless]))] == ["maybe"] * 3


async def test_answers_that_come_in_another_order_are_matched_by_name() -> None:
    answer = wrote_list(
        *(write_response(internal_id=str(n), external_id=KEYS[n]) for n in (2, 0, 1)),
    )
    assert [result.record for result in await batch(Account(upsertList=[answer]))] == ["0", "1", "2"]


async def test_a_list_that_is_refused_as_a_whole_refuses_each_record() -> None:
    with pytest.raises(BusinessRule):
        await batch(Account(upsertList=[wrote_list(whole=status("MAX_RCRDS_EXCEEDED"))]))


async def test_a_record_of_a_list_that_meets_itself_is_looked_up() -> None:
    answer = wrote_list(write_response("RCRD_HAS_BEEN_CHANGED"), whole=status())
    there = Account(upsertList=[answer], get=[read_answer(memo_record(key=KEYS[0]))])
    assert (await batch(there, 1))[0].facts["already_there"] is True
    assert (await batch(Account(upsertList=[answer], get=[NOT_THERE]), 1))[0].effect == "maybe"


def test_lists_decide_when_a_credit_memo_may_be_sent_again() -> None:
    with_lists, without = erp(Account()).actions, erp(Account(), lists=False).actions
    assert with_lists["create_credit_memo"].dedupe == Marker("externalId")
    assert without["create_credit_memo"].dedupe == ClientId("externalId")
    assert "create_credit_memos" not in without


async def test_an_update_writes_only_what_is_asked_for_and_only_at_its_version() -> None:
    seen = await version()
    request = models.UpdateCustomer(customer_id="7", version=seen, email="new@example.com", phone="")
    account = Account(get=[read_answer(customer_record(balance="99.00"))], update=[wrote("update", external_id="")])
    assert (await send(account, "update_customer", request)).record == "7"
    assert account.asked == ["get", "update"]
    assert "new@example.com" in account.texts[1]
    assert "companyName" not in account.texts[1]
    assert "phone>" in account.texts[1] or "phone/>" in account.texts[1]


@pytest.mark.case(30)
@pytest.mark.parametrize("now", [customer_record(changed=LATER), customer_record(email="other@example.com")])
async def test_an_update_at_another_version_writes_nothing(now: str) -> None:
    request = models.UpdateCustomer(customer_id="7", version=await version(), email="new@example.com")
    account = Account(get=[read_answer(now)])
    error = await error_of(account, "update_customer", request)
    assert isinstance(error, PreconditionFailed)
    assert account.asked == ["get"]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (customer_record(email="new@example.com", changed=LATER), Sent),
        (customer_record(), Ambiguous),
        (customer_record(email="other@example.com", changed=LATER), PreconditionFailed),
    ],
)
async def test_an_update_that_meets_another_is_read_back(now: str, expected: Any) -> None:
    request = models.UpdateCustomer(customer_id="7", version=await version(), email="new@example.com")
    account = Account(
        get=[read_answer(customer_record()), read_answer(now)], update=[wrote("update", "RCRD_HAS_BEEN_CHANGED")]
    )
    if expected is Sent:
        assert (await send(account, "update_customer", request)).facts["already_there"]
    else:
        assert type(await error_of(account, "update_customer", request)) is expected


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (read_answer(customer_record()), Absent),
        (read_answer(customer_record(email="new@example.com", changed=LATER)), Present),
        (read_answer(customer_record(email="other@example.com", changed=LATER)), CannotTell),
        (NOT_THERE, CannotTell),
    ],
)
async def test_a_probe_of_an_update(now: bytes, expected: Any) -> None:
    request = models.UpdateCustomer(customer_id="7", version=await version(), email="new@example.com")
    assert type(await probe(Account(get=[now]), "update_customer", request)) is expected


DELETE = models.DeleteCreditMemo(credit_memo_id="501")


async def test_a_credit_memo_is_undone_by_deleting_it() -> None:
    undo = erp(Account()).actions["create_credit_memo"].compensation
    assert undo is not None
    assert undo.request(Done(CREATE, models.CreditMemoCreated(credit_memo_id="501"), "501")) == DELETE
    account = Account(get=[read_answer(memo_record())], delete=[wrote("delete")])
    assert (await send(account, undo.by, DELETE)).record == "501"
    assert account.asked == ["get", "delete"]


async def test_what_was_never_there_cannot_be_deleted_what_is_gone_meanwhile_is_gone() -> None:
    never = Account(get=[NOT_THERE])
    error = await error_of(never, "delete_credit_memo", DELETE)
    assert (type(error), error.effect, never.asked) == (NotFound, "none", ["get"])
    again = await send(Account(get=[NOT_THERE]), "delete_credit_memo", DELETE, number=2, maybe_applied=True)
    assert again.facts["already_gone"]
    raced = Account(get=[read_answer(memo_record())], delete=[wrote("delete", "RCRD_DSNT_EXIST")])
    assert (await send(raced, "delete_credit_memo", DELETE)).facts["already_gone"]


async def test_a_probe_of_a_deletion_finds_it_done_when_the_record_is_gone() -> None:
    assert isinstance(await probe(Account(get=[NOT_THERE]), "delete_credit_memo", DELETE), Present)
    assert isinstance(await probe(Account(get=[read_answer(memo_record())]), "delete_credit_memo", DELETE), Absent)
    with pytest.raises(BusinessRule):
        await probe(Account(get=[read_answer("", "RCRD_DSNT_EXIST", "ODD")]), "delete_credit_memo", DELETE)


async def test_a_closed_period_refuses_a_deletion() -> None:
    account = Account(get=[read_answer(memo_record())], delete=[wrote("delete", "THIS_RECORD_CANNOT_BE_DELETED")])
    assert isinstance(await error_of(account, "delete_credit_memo", DELETE), BusinessRule)


async def test_customers_are_found_by_e_mail() -> None:
    def found(total: int, *records: str) -> bytes:
        listed = "".join(records).replace("m:record", "c:record")
        result = f"{status()}<c:totalRecords>{total}</c:totalRecords><c:recordList>{listed}</c:recordList>"
        return envelope(f"<m:searchResponse><m:searchResult>{result}</m:searchResult></m:searchResponse>")

    request = models.FindCustomers(email="ada@example.com")
    sent = await send(Account(search=[found(1, customer_record())]), "find_customers", request)
    assert [one.company_name for one in sent.value.customers] == ["Acme"]
    assert sent.value.complete
    assert not (await send(Account(search=[found(3, customer_record())]), "find_customers", request)).value.complete


def test_amounts_are_exact_and_requests_say_one_thing() -> None:
    with pytest.raises(ValueError, match="decimal"):
        models.CreditLine(item_id="3", amount=Decimal("1.005"))
    with pytest.raises(ValueError, match="either"):
        models.GetCustomer()
    with pytest.raises(ValueError, match="at least one field"):
        models.UpdateCustomer(customer_id="7", version="v")


async def test_check_reads_the_wsdl() -> None:
    assert await erp(Account()).check() == []

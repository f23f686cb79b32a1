"""Credit memos, each once: the key is the external id, which the account keeps unique for each type of record.

`add` refuses a second record with the same external id (`DUP_RCRD`); `upsert` would overwrite what was changed since,
and so would one that commits late. So a single credit memo is added. Many at once can only be upserted: that is safe
as long as the key is new, and the reason why `lists` forbids sending again before the late-commit horizon.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ....core.adapter import Action, Attempt, Finding, ItemResult, Present, Sent
from ....core.errors import ContractBroken, GatewayError, IntegrationError, Refused
from ..exchange import Exchange
from ..models import Look, SoapAction, Values, fit
from ..single import already_there, seen
from ..status import RecordStatus
from ..values import dig
from . import models
from .classify import DUPLICATE, ERRORS, NOT_THERE, STILL_RUNNING
from .records import changed_after_creation, credit_memo, differing, record_of, reference
from .wire import READ, WRITTEN

_ITEM = RecordStatus()
_LIST = RecordStatus(at="writeResponseList.status")
_ALREADY = frozenset({DUPLICATE, STILL_RUNNING})


def creation(action: Action) -> SoapAction:
    """How `create_credit_memo` becomes messages.

    Args:
        action: Its facts.
    """
    return SoapAction(
        action=action,
        operation="add",
        arguments=lambda attempt: {"record": _record(attempt)},
        status=WRITTEN,
        answered=lambda answer, attempt: _created(dig(answer, "writeResponse"), attempt),
        look=LOOK,
        repeated=_ALREADY,
    )


def _record(attempt: Attempt) -> dict[str, Any]:
    request = attempt.request
    assert isinstance(request, models.CreateCreditMemo)
    return credit_memo(request, attempt.key)


def _judge(answer: Values, attempt: Attempt) -> Finding:
    record, request = record_of(answer, "creditMemo"), attempt.request
    assert isinstance(request, models.CreateCreditMemo)
    if record.get("externalId") != attempt.key:
        raise ContractBroken("a credit memo with another external id came", code="schema")
    made = _made(record.get("internalId"))
    return Present(
        made,
        made.credit_memo_id,
        differs=differing(request, record),
        superseded=changed_after_creation(record, "createdDate"),
        facts={"created_at": str(record.get("createdDate"))},
    )


LOOK = Look(
    operation="get",
    arguments=lambda attempt: {"baseRef": reference("creditMemo", external_id=attempt.key)},
    judge=_judge,
    status=READ,
    absent=frozenset({NOT_THERE}),
)
"""Looking by external id: `get` reads the books themselves, and no search index."""


def _made(internal_id: Any) -> models.CreditMemoCreated:
    found: models.CreditMemoCreated = fit(models.CreditMemoCreated, {"credit_memo_id": internal_id})
    return found


def _created(written: Any, attempt: Attempt) -> Sent[Any]:
    made = _made(dig(written, "baseRef.internalId"))
    named = dig(written, "baseRef.externalId")
    if named not in (None, attempt.key):
        raise ContractBroken("the answer names another record than the one that was sent", code="other_answer")
    return Sent(made, made.credit_memo_id)


async def send_list(exchange: Exchange, items: Sequence[Attempt]) -> Sequence[ItemResult]:
    """Create many credit memos in one call, and answer for each in order.

    Args:
        exchange: The requests of the attempt.
        items: The attempts.

    Raises:
        IntegrationError: For the call as a whole.
    """
    answer = await exchange.call("upsertList", {"record": [_record(item) for item in items]}, writes=True)
    whole = dig(answer.value, "writeResponseList")
    written = dig(whole, "writeResponse")
    answers = written if isinstance(written, list) else []
    status = dig(whole, "status")
    if isinstance(status, Mapping) and status.get("isSuccess") is False and not answers:
        refused = _LIST.error(answer.value, ERRORS)
        assert refused is not None
        raise refused
    facts = seen(answer, (await exchange.contract()).short)
    results = [_item(found, attempt, facts) for found, attempt in zip(_matched(answers, items), items, strict=True)]
    for index, result in enumerate(results):
        if isinstance(result, Refused) and result.code in _ALREADY:
            results[index] = await _looked_up(exchange, items[index], result)
    return results


def _matched(answers: Sequence[Values], items: Sequence[Attempt]) -> list[Values | None]:
    """The answer for each item; None where none can be told to be its own.

    A list is cut after the record at which its time was over. Answers are in the order of the records, but one that
    names a record is believed about its name before its place.
    """
    by_key = {str(dig(one, "baseRef.externalId")): one for one in answers if dig(one, "baseRef.externalId")}
    in_order = len(answers) == len(items) and all(
        dig(one, "baseRef.externalId") in (None, item.key) for one, item in zip(answers, items, strict=True)
    )
    if in_order:
        return list(answers)
    return [by_key.get(item.key) for item in items]


def _item(found: Values | None, attempt: Attempt, facts: Mapping[str, Any]) -> ItemResult:
    if found is None:
        return GatewayError(
            "the list was cut: there is no answer for this record, which may have been written",
            code="list_cut",
            outage=False,
        )
    error = _ITEM.error(found, ERRORS)
    if error is not None:
        return error
    try:
        sent = _created(found, attempt)
    except IntegrationError as broken:
        return broken
    return Sent(sent.value, sent.record, facts)


async def _looked_up(exchange: Exchange, attempt: Attempt, refusal: Refused) -> ItemResult:
    try:
        return await already_there(exchange, LOOK, attempt, refusal, ERRORS)
    except IntegrationError as error:
        return error

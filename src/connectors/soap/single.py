"""One action on the wire: sending it, looking for it, and what a refused repetition proves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...core.adapter import Absent, Attempt, Finding, Mapped, Present, Sent
from ...core.errors import Ambiguous, CommitUnknown, ContractBroken, IntegrationError, Refused
from .exchange import Exchange
from .models import Look, SoapAction
from .values import Misfit
from .wsdl import Answer


async def send(exchange: Exchange, declared: SoapAction, attempt: Attempt) -> Sent[Any]:
    """Do it once, or find that an earlier attempt or delivery did.

    Args:
        exchange: The requests of the attempt.
        declared: The action.
        attempt: The attempt.
    """
    action = declared.action
    try:
        answer = await exchange.call(
            declared.operation,
            declared.arguments(attempt),
            headers=declared.headers(attempt),
            errors=action.errors,
            status=declared.status,
            writes=action.writes,
        )
    except Refused as error:
        if declared.look is None or error.code not in declared.repeated:
            raise
        return await already_there(exchange, declared.look, attempt, error, action.errors)
    contract = await exchange.contract()
    if action.writes and contract.one_way(declared.operation) and not declared.accepted_is_applied:
        raise CommitUnknown(
            f"{declared.operation} has no answer: it was accepted, and nobody says whether it was done",
            code="one_way",
            outage=False,
        )
    sent = declared.sent(answer.value, attempt)
    return replace(sent, facts={**sent.facts, **seen(answer, contract.short)})


def seen(answer: Answer, wsdl: str) -> dict[str, Any]:
    """What a receipt remembers of how an answer was read."""
    facts: dict[str, Any] = {"wsdl": wsdl}
    return facts | ({"not_in_wsdl": list(answer.unknown)[:20]} if answer.unknown else {})


async def look(exchange: Exchange, how: Look, attempt: Attempt, errors: Mapping[str, Mapped]) -> Finding:
    """Look for what an earlier attempt may have done.

    Args:
        exchange: The requests of the probe.
        how: How to look.
        attempt: The attempt; its key is what is looked for.
        errors: The action's codes.
    """
    try:
        answer = await exchange.call(how.operation, how.arguments(attempt), errors=errors, status=how.status)
    except Refused as error:
        if _says_absent(error, how):
            return Absent({"code": error.code})
        raise
    return how.judge(answer.value, attempt)


def _says_absent(error: Refused, how: Look) -> bool:
    """Whether absence is all that the target says; among other reasons it proves nothing."""
    codes = error.evidence.get("codes")
    others = set(codes) - how.absent if isinstance(codes, list) and "fault" not in error.evidence else set()
    return error.code in how.absent and not others


async def already_there(
    exchange: Exchange, how: Look, attempt: Attempt, refusal: Refused, errors: Mapping[str, Mapped]
) -> Sent[Any]:
    """What it means that the target has a record with our key already.

    Args:
        exchange: The requests of the attempt.
        how: How to look for it.
        attempt: The attempt.
        refusal: What the target said.
        errors: The action's codes.

    Raises:
        IntegrationError: The record is not ours, not alone, has other content, or cannot be read.
    """
    try:
        finding = await look(exchange, how, attempt, errors)
    except (IntegrationError, Misfit) as error:
        said = error.message if isinstance(error, IntegrationError) else str(error)
        raise Ambiguous(
            f"the target says that it is already there, but reading it back failed: {said}",
            code="read_back",
            outage=getattr(error, "outage", False),
            evidence={"read_back": error.to_record()} if isinstance(error, IntegrationError) else {},
        ) from None
    if not isinstance(finding, Present):
        what = "it is not found" if isinstance(finding, Absent) else f"what is found is no proof ({finding})"
        raise Ambiguous(
            f"the target says that it is already there, but {what}",
            code="not_found_again",
            outage=False,
            evidence={"refusal": refusal.to_record()},
        ) from None
    if finding.differs and not finding.superseded:
        names = ", ".join(finding.differs)
        raise ContractBroken(f"a record with this key is there, but with other content: {names}", code="content")
    return Sent(finding.value, finding.record, {"already_there": True, **finding.facts})

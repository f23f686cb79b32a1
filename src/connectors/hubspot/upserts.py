"""Writes that may be done twice: contacts by their e-mail address, and associations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...core.adapter import Attempt, ItemResult, Sent
from ...core.errors import ContractBroken
from . import models
from .creates import by_trace
from .records import CONTACT_FIELDS, asked
from .wire import Exchange, Record


async def upsert(exchange: Exchange, items: Sequence[Attempt]) -> Sequence[ItemResult]:
    """Create or overwrite contacts by their e-mail addresses, in one call; answer for each in order."""
    inputs = [_input(item) for item in items]
    reply = await exchange.call("POST", "/crm/v3/objects/contacts/batch/upsert", body={"inputs": inputs})
    raw = reply.json()
    answers = by_trace(raw, None, items)
    by_email = {_email(one): one for one in raw["results"] if isinstance(one, dict)}
    results: list[ItemResult] = []
    for item, asked_for in zip(items, inputs, strict=True):
        answer = answers.get(item.key)
        one = by_email.get(asked_for["id"])
        if answer is None and one is not None:
            answer = Record(str(one["id"]), one.get("properties") or {})
        if isinstance(answer, Record):
            facts = {"created": one.get("new")} if one is not None else {}
            results.append(Sent(models.ContactSaved(contact_id=answer.id), answer.id, facts))
        else:
            results.append(answer or ContractBroken("the answer names no result for this contact", code="unmatched"))
    return results


async def associate(exchange: Exchange, request: models.Associate) -> Sent[Any]:
    """Associate two records with the default label."""
    path = (
        f"/crm/v4/objects/{request.from_type}/{request.from_id}/associations/default/{request.to_type}/{request.to_id}"
    )
    await exchange.call("PUT", path)
    return Sent(models.Associated())


def _input(item: Attempt) -> dict[str, Any]:
    properties = asked(item.request, CONTACT_FIELDS)
    return {
        "id": properties["email"],
        "idProperty": "email",
        "properties": properties,
        "objectWriteTraceId": item.key,
    }


def _email(raw: dict[str, Any]) -> str:
    properties = raw.get("properties")
    return str(properties.get("email") or "").lower() if isinstance(properties, dict) else ""

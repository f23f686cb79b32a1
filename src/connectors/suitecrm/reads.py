"""Reading and finding cases and contacts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

from ...core.adapter import Sent
from ...core.errors import NotFound
from . import models
from .exchange import Condition, Exchange
from .kinds import Module
from .records import CASE_FIELDS, CONTACT_FIELDS, CREATED, Record, case_from, contact_from, written_moment

_FILTERS: Final = ("subject", "status", "priority", "account_id", "owner_id", "last_name", "first_name", "phone_work")


async def read(exchange: Exchange, request: BaseModel) -> Sent[Any]:
    """Answer a `get_case`, `get_contact`, `find_cases` or `find_contacts`."""
    match request:
        case models.GetCase(case_id=case_id):
            return Sent(case_from(await _one(exchange, "Cases", case_id, CASE_FIELDS)), case_id)
        case models.GetContact(contact_id=contact_id):
            return Sent(contact_from(await _one(exchange, "Contacts", contact_id, CONTACT_FIELDS)), contact_id)
        case models.FindCases(limit=limit):
            records = await exchange.find(
                "Cases", conditions(request, CASE_FIELDS), list(CASE_FIELDS.values()), limit + 1
            )
            cases = tuple(map(case_from, records))
            return Sent(models.FoundCases(cases=cases[:limit], complete=len(cases) <= limit))
        case _:
            assert isinstance(request, models.FindContacts)
            limit = request.limit
            records = await exchange.find(
                "Contacts", conditions(request, CONTACT_FIELDS), list(CONTACT_FIELDS.values()), limit + 1
            )
            contacts = tuple(map(contact_from, records))
            return Sent(models.FoundContacts(contacts=contacts[:limit], complete=len(contacts) <= limit))


async def _one(exchange: Exchange, module: Module, record: str, names: Mapping[str, str]) -> Record:
    found = await exchange.read(module, record, list(names.values()))
    if found is None:
        raise NotFound(f"there is no record {record} in {module}", code="not_found")
    return found


def conditions(request: models.FindCases | models.FindContacts, names: Mapping[str, str]) -> list[Condition]:
    """What the records that a request asks for must be."""
    given = {ours: getattr(request, ours, None) for ours in (*_FILTERS, "email")}
    found = [Condition(names[ours], "eq", value) for ours, value in given.items() if value is not None]
    if request.created_after is not None:
        found.append(Condition(CREATED, "gt", written_moment(request.created_after)))
    return found

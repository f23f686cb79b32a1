"""Reading records, and finding them by search."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from ...core.adapter import Sent
from ...core.errors import NotFound
from . import models
from .records import COMPANY_FIELDS, CONTACT_FIELDS, TICKET_FIELDS, asked, company, contact, created, modified, ticket
from .wire import MOST_FOUND, Exchange, Found

_CONTACT = [*CONTACT_FIELDS.values(), created("contacts"), modified("contacts")]
_TICKET = [*TICKET_FIELDS.values(), created("tickets"), modified("tickets")]
_COMPANY = [*COMPANY_FIELDS.values(), created("companies"), modified("companies")]


async def read(exchange: Exchange, request: BaseModel) -> Sent[Any]:
    """Answer a read."""
    match request:
        case models.GetContact(contact_id=contact_id, email=email):
            by = None if contact_id else "email"
            found = await exchange.read("contacts", contact_id or email or "", _CONTACT, by=by)
            if found is not None:
                return Sent(contact(found), found.id)
        case models.GetTicket(ticket_id=ticket_id):
            found = await exchange.read("tickets", ticket_id, _TICKET)
            if found is not None:
                return Sent(ticket(found), found.id)
        case models.GetCompany(company_id=company_id):
            found = await exchange.read("companies", company_id, _COMPANY)
            if found is not None:
                return Sent(company(found), found.id)
        case models.FindContacts():
            contacts = await _search(exchange, "contacts", asked(request, CONTACT_FIELDS), _CONTACT, request.limit)
            records = tuple(contact(record) for record in contacts.records)
            return _found(models.FoundContacts(contacts=records, total=contacts.total, complete=contacts.complete))
        case models.FindTickets():
            tickets = await _search(exchange, "tickets", asked(request, TICKET_FIELDS), _TICKET, request.limit)
            rows = tuple(ticket(record) for record in tickets.records)
            return _found(models.FoundTickets(tickets=rows, total=tickets.total, complete=tickets.complete))
    raise NotFound("there is no such record", code="not_found")


async def _search(exchange: Exchange, object_type: str, wanted: dict[str, str], read: list[str], limit: int) -> Found:
    filters = [{"propertyName": name, "operator": "EQ", "value": value} for name, value in wanted.items()]
    return await exchange.search(object_type, filters, read, limit)


def _found(value: models.FoundContacts | models.FoundTickets) -> Sent[Any]:
    facts = {"read_by": "search, which is some seconds behind", "most": MOST_FOUND}
    return Sent(value, facts=facts)

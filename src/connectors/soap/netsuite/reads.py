"""Reading customers and invoices."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from ....core.adapter import Sent
from ....core.errors import ContractBroken
from ..exchange import Exchange
from ..models import TYPE
from ..values import dig
from . import models
from .records import TYPES, customer_from, invoice_from
from .wire import FOUND, read_record


async def read(exchange: Exchange, request: BaseModel) -> Sent[Any]:
    """Answer a `get_customer`, `find_customers` or `get_invoice`."""
    if isinstance(request, models.GetInvoice):
        invoice = invoice_from(await read_record(exchange, "invoice", internal_id=request.invoice_id))
        return Sent(invoice, invoice.invoice_id)
    if isinstance(request, models.GetCustomer):
        record = await read_record(
            exchange, "customer", internal_id=request.customer_id, external_id=request.external_id
        )
        customer = customer_from(record)
        return Sent(customer, customer.customer_id)
    assert isinstance(request, models.FindCustomers)
    return await _find(exchange, request)


async def _find(exchange: Exchange, request: models.FindCustomers) -> Sent[Any]:
    wanted = {TYPE: "CustomerSearchBasic", "email": {"searchValue": request.email, "operator": "is"}}
    answer = await exchange.call("search", {"searchRecord": wanted}, status=FOUND)
    records = dig(answer.value, "searchResult.recordList.record") or []
    if any(record is None or record.get(TYPE) != TYPES["customer"] for record in records):
        raise ContractBroken("customers were searched for, but something else came", code="schema")
    total = dig(answer.value, "searchResult.totalRecords")
    customers = tuple(customer_from(record) for record in records)
    return Sent(models.FoundCustomers(customers=customers, complete=total is None or total <= len(customers)))

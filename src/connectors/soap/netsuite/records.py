"""NetSuite's records and ours: references, fields, versions, and what a record proves."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias

from ....core.errors import ContractBroken
from ..models import TYPE, Values, fit
from . import models

RecordType: TypeAlias = Literal["customer", "invoice", "creditMemo"]

TYPES: Final[Mapping[RecordType, str]] = {"customer": "Customer", "invoice": "Invoice", "creditMemo": "CreditMemo"}

CUSTOMER_FIELDS: Final = {
    "customer_id": "internalId",
    "external_id": "externalId",
    "entity_id": "entityId",
    "company_name": "companyName",
    "email": "email",
    "phone": "phone",
    "comments": "comments",
}
_FOLLOWS_OTHERS: Final = frozenset({"balance", "amountRemaining", "status"})  # follow from other records
WRITABLE_FIELDS: Final = {"company_name": "companyName", "email": "email", "phone": "phone", "comments": "comments"}


def reference(kind: RecordType, *, internal_id: str | None = None, external_id: str | None = None) -> dict[str, Any]:
    """A `RecordRef` to one record, by NetSuite's id or by its external id."""
    by = {"internalId": internal_id} if internal_id is not None else {"externalId": external_id}
    return {TYPE: "RecordRef", "type": kind, **by}


def credit_memo(request: models.CreateCreditMemo, key: str) -> dict[str, Any]:
    """The record to write, with the key as its external id."""
    record: dict[str, Any] = {
        TYPE: TYPES["creditMemo"],
        "externalId": key,
        "entity": {"internalId": request.customer_id},
        "itemList": {"item": [_line(line) for line in request.lines]},
    }
    if request.invoice_id is not None:
        record["createdFrom"] = {"internalId": request.invoice_id, "type": "invoice"}
    if request.currency_id is not None:
        record["currency"] = {"internalId": request.currency_id}
    if request.memo is not None:
        record["memo"] = request.memo
    return record


def _line(line: models.CreditLine) -> dict[str, Any]:
    written: dict[str, Any] = {"item": {"internalId": line.item_id}, "amount": line.amount}
    if line.quantity is not None:
        written["quantity"] = line.quantity
    if line.description is not None:
        written["description"] = line.description
    return written


def differing(request: models.CreateCreditMemo, record: Values) -> tuple[str, ...]:
    """Our names of the fields whose content in a credit memo is not what was asked for."""
    asked = {
        "customer_id": (request.customer_id, _ref(record.get("entity"))),
        "invoice_id": (request.invoice_id, _ref(record.get("createdFrom"))),
        "currency_id": (request.currency_id, _ref(record.get("currency"))),
        "memo": (request.memo, record.get("memo")),
    }
    wrong = [name for name, (ours, theirs) in asked.items() if ours is not None and not same(ours, theirs)]
    return (*wrong, *(() if _same_lines(request.lines, record) else ("lines",)))


def _same_lines(wanted: tuple[models.CreditLine, ...], record: Values) -> bool:
    found = lines_of(record)
    return len(found) == len(wanted) and all(
        ours.item_id == theirs["item_id"]
        and all(
            getattr(ours, name) is None or same(getattr(ours, name), theirs[name])
            for name in ("amount", "quantity", "description")
        )
        for ours, theirs in zip(wanted, found, strict=True)
    )


def same(wanted: Any, found: Any) -> bool:
    """Whether a content is what was asked for; NetSuite keeps an empty text as none."""
    if isinstance(wanted, str) and isinstance(found, str | None):
        return _plain(wanted) == _plain(found or "")
    return bool(wanted == found)


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _ref(value: Any) -> str | None:
    return value.get("internalId") if isinstance(value, Mapping) else None


def lines_of(record: Values) -> list[dict[str, Any]]:
    """The lines of a transaction, by our names."""
    items = (record.get("itemList") or {}).get("item") or []
    return [
        {
            "item_id": _ref(item.get("item")),
            "description": item.get("description"),
            "quantity": item.get("quantity"),
            "amount": item.get("amount"),
        }
        for item in items
    ]


def moment(record: Values, field: str) -> datetime:
    """A date and time of a record.

    Raises:
        ContractBroken: It is missing, or has no zone.
    """
    value = record.get(field)
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ContractBroken(f"the record's {field} is no date and time", code="schema")
    return value


def changed_after_creation(record: Values, created: str) -> bool:
    """Whether somebody changed a record since it was created."""
    return moment(record, "lastModifiedDate") > moment(record, created)


def version_of(record: Values) -> str:
    """When a record was last changed, and a digest of what was read.

    The digest tells two states of one moment apart, whatever the clock's resolution.
    """
    own = {name: value for name, value in record.items() if name not in _FOLLOWS_OTHERS}
    content = json.dumps(own, sort_keys=True, default=_as_text)
    digest = hashlib.sha256(content.encode()).hexdigest()[:12]
    return f"{moment(record, 'lastModifiedDate').isoformat()}#{digest}"


def _as_text(value: Any) -> str:
    return str(value.normalize()) if isinstance(value, Decimal) else str(value)


def record_of(answer: Values, kind: RecordType, path: str = "readResponse") -> Values:
    """The record in the answer to a `get`.

    Raises:
        ContractBroken: There is none, or one of another type.
    """
    record = (answer.get(path) or {}).get("record")
    if not isinstance(record, Mapping) or record.get(TYPE) != TYPES[kind]:
        raise ContractBroken(f"a {kind} was asked for, but something else came", code="schema")
    return record


def customer_from(record: Values) -> models.Customer:
    """A customer that was read.

    Raises:
        ContractBroken: It does not look as expected.
    """
    fields = {ours: record.get(theirs) for ours, theirs in CUSTOMER_FIELDS.items()}
    stamps = {"last_modified_at": moment(record, "lastModifiedDate"), "version": version_of(record)}
    found: models.Customer = fit(models.Customer, fields | stamps)
    return found


def invoice_from(record: Values) -> models.Invoice:
    """An invoice that was read.

    Raises:
        ContractBroken: It does not look as expected.
    """
    found: models.Invoice = fit(
        models.Invoice,
        {
            "invoice_id": record.get("internalId"),
            "external_id": record.get("externalId"),
            "number": record.get("tranId"),
            "customer_id": _ref(record.get("entity")),
            "total": record.get("total"),
            "amount_remaining": record.get("amountRemaining"),
            "status": record.get("status"),
            "memo": record.get("memo"),
            "lines": tuple(lines_of(record)),
            "last_modified_at": moment(record, "lastModifiedDate"),
            "version": version_of(record),
        },
    )
    return found

"""The ERP's records: what a write must hold, what it changes, and what a read gives back.

Source for ids: NetSuite's online help, "Using Internal IDs, External IDs, and References" (an external id is
case-insensitive, and unique within a group of record types) and "Shared Internal and External IDs" (transactions are
such a group). Which code refuses an id that another type of the group holds is not documented; it is assumed to be
the one for a taken id.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from .contract import Contract
from .erp_settings import ErpSettings
from .store import Fields, Store, Transaction

CORE, RECORDS = "{urn:core.erp.example}", "{urn:records.erp.example}"
KINDS = {"customer": "Customer", "invoice": "Invoice", "creditMemo": "CreditMemo"}

_PLAIN = {
    "Customer": ("entityId", "companyName", "email", "phone", "comments", "isInactive"),
    "Invoice": ("tranId", "memo", "status", "tranDate"),
    "CreditMemo": ("tranId", "memo", "tranDate"),
}
_REQUIRED = {"Customer": ("companyName",), "Invoice": ("entity",), "CreditMemo": ("entity",)}
_FIRST_ID = {"Customer": 1000, "Invoice": 5000, "CreditMemo": 9000}


GROUPS = {"Customer": ("Customer",), "Invoice": ("Invoice", "CreditMemo"), "CreditMemo": ("Invoice", "CreditMemo")}
"""The kinds that share one space of external ids: all transactions do."""


class RecordError(Exception):
    """A record that is refused: `isSuccess="false"` inside a 200.

    Args:
        code: The status detail's code.
        message: Its message.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Records:
    """The records of one account.

    Args:
        store: Where they are.
        settings: Currencies.
        contract: The types that answers are made of.
        now: The clock.
    """

    def __init__(self, store: Store, settings: ErpSettings, contract: Contract, now: Callable[[], float]) -> None:
        self._store = store
        self._currencies = settings.currencies
        self._contract = contract
        self._now = now

    def add(self, tx: Transaction, record: Any) -> tuple[str, str]:
        """Make a record; its kind and id.

        Raises:
            RecordError: It is refused.
        """
        kind, written = self._content(record)
        tx.check(*names(kind, "", record.externalId))
        if record.internalId:
            raise RecordError("USER_ERROR", "internalId must not be set for a new record.")
        self._unused(kind, "", record.externalId)
        missing = [name for name in _REQUIRED[kind] if not written.get(name)]
        if missing:
            raise RecordError("USER_ERROR", f"Please enter value(s) for: {', '.join(missing)}")
        record_id = self._store.next_id(kind, _FIRST_ID[kind])
        if record.externalId:
            written = {"externalId": record.externalId, **written}
        created = "dateCreated" if kind == "Customer" else "createdDate"
        filled = {created: self._time(), "lastModifiedDate": self._time(), **self._defaults(kind, record_id)}
        tx.insert(kind, record_id, {**filled, **written}, written)
        return kind, record_id

    def update(self, tx: Transaction, record: Any) -> tuple[str, str]:
        """Change a record by its internal or external id; fields that are not given stay.

        Raises:
            RecordError: It is refused, or there is none.
        """
        kind, written = self._content(record)
        found = self.find(kind, record.internalId, record.externalId)
        if found is None:
            raise RecordError("RCRD_DSNT_EXIST", "That record does not exist.")
        tx.check(*names(kind, found, record.externalId), *self.names_of(kind, found))
        if record.externalId:
            self._unused(kind, found, record.externalId)
            written = {"externalId": record.externalId, **written}
        tx.update(kind, found, written, {"lastModifiedDate": self._time()})
        return kind, found

    def upsert(self, tx: Transaction, record: Any) -> tuple[str, str]:
        """Make or change a record by its external id; internal ids are not allowed.

        Raises:
            RecordError: It is refused.
        """
        if record.internalId:
            raise RecordError("USER_ERROR", "internalId is not allowed for upsert.")
        if not record.externalId:
            raise RecordError("USER_ERROR", "Please enter value(s) for: externalId")
        kind = type_name(record)
        tx.check(*names(kind, "", record.externalId))
        known = self.find(kind, external_id=record.externalId)
        return self.add(tx, record) if known is None else self.update(tx, record)

    def delete(self, tx: Transaction, ref: Any) -> tuple[str, str]:
        """Take a record away.

        Raises:
            RecordError: There is none.
        """
        kind, found = self.by_reference(ref)
        tx.check(*self.names_of(kind, found))
        tx.delete(kind, found)
        return kind, found

    def by_reference(self, ref: Any) -> tuple[str, str]:
        """The kind and id that a reference names.

        Raises:
            RecordError: There is no such record.
        """
        kind = KINDS.get(getattr(ref, "type", None) or "")
        if kind is None:
            raise RecordError("INVALID_RCRD_TYPE", "The record type is missing or not valid.")
        found = self.find(kind, ref.internalId, ref.externalId)
        if found is None:
            raise RecordError("RCRD_DSNT_EXIST", "That record does not exist.")
        return kind, found

    def find(self, kind: str, internal_id: str | None = None, external_id: str | None = None) -> str | None:
        """The id of a record; None if there is none."""
        rows = self._store.of(kind)
        if internal_id:
            return internal_id if internal_id in rows else None
        wanted = _key(external_id)
        return next((one for one, row in rows.items() if wanted and _key(row.get("externalId")) == wanted), None)

    def names_of(self, kind: str, record_id: str) -> list[str]:
        """What a write of an existing record locks."""
        return names(kind, record_id, self._store.of(kind).get(record_id, {}).get("externalId"))

    def shown(self, kind: str, record_id: str) -> Any:
        """A record as answers hold it."""
        row = self._store.of(kind)[record_id]
        fields = {
            name: value for name, value in row.items() if name not in ("entity", "currency", "items", "createdFrom")
        }
        if kind != "Customer":
            ref = self._contract.type(f"{CORE}RecordRef")
            customer = self._store.of("Customer").get(row["entity"], {})
            fields["entity"] = ref(internalId=row["entity"], name=customer.get("companyName"))
            if row.get("currency"):
                fields["currency"] = ref(internalId=row["currency"], name=self._currencies[row["currency"]])
            if row.get("createdFrom"):
                fields["createdFrom"] = ref(internalId=row["createdFrom"], type="invoice")
            fields["itemList"] = self._lines(row.get("items", []))
        return self._contract.type(f"{RECORDS}{kind}")(internalId=record_id, **fields)

    def _lines(self, items: list[Fields]) -> Any:
        line = self._contract.type(f"{RECORDS}TransactionItem")
        ref = self._contract.type(f"{CORE}RecordRef")
        lines = [
            line(**{**item, "line": number, "item": ref(internalId=item["item"]) if item.get("item") else None})
            for number, item in enumerate(items, 1)
        ]
        return self._contract.type(f"{RECORDS}TransactionItemList")(item=lines, replaceAll=True)

    def _unused(self, kind: str, record_id: str, external_id: str | None) -> None:
        """Make sure that an external id belongs to no other record of the group."""
        for other in GROUPS[kind]:
            if self.find(other, external_id=external_id) not in (None, record_id if other == kind else None):
                raise RecordError("DUP_RCRD", "This record already exists.")

    def _content(self, record: Any) -> tuple[str, Fields]:
        """The kind of a record, and what a request sets of it."""
        kind = type_name(record)
        if kind not in KINDS.values():
            raise RecordError("INVALID_RCRD_TYPE", f"{kind} is no type of record.")
        written: Fields = {name: value for name in _PLAIN[kind] if (value := getattr(record, name)) is not None}
        if kind == "Customer":
            return kind, written
        if record.entity is not None:
            written["entity"] = self._known("Customer", record.entity, "entity")
        if record.currency is not None:
            written["currency"] = self._currency(record.currency)
        if kind == "CreditMemo" and record.createdFrom is not None:
            written["createdFrom"] = self._known("Invoice", record.createdFrom, "createdFrom")
        if record.itemList is not None and record.itemList.item:
            written["items"] = [_line(line) for line in record.itemList.item]
            written["total"] = sum((line["amount"] for line in written["items"]), Decimal(0))
        elif record.total is not None:
            written["total"] = record.total
        if written.get("total", Decimal(0)) < 0:
            raise RecordError("USER_ERROR", "The total must not be negative.")
        return kind, written

    def _known(self, kind: str, ref: Any, field: str) -> str:
        found = self.find(kind, ref.internalId, ref.externalId)
        if found is None:
            raise RecordError(
                "INVALID_KEY_OR_REF", f"Invalid {field} reference key {ref.internalId or ref.externalId}."
            )
        return found

    def _currency(self, ref: Any) -> str:
        for number, code in self._currencies.items():
            if ref.internalId == number or (not ref.internalId and ref.name == code):
                return number
        raise RecordError("INVALID_KEY_OR_REF", f"Invalid currency reference key {ref.internalId or ref.name}.")

    def _defaults(self, kind: str, record_id: str) -> Fields:
        if kind == "Customer":
            return {"entityId": f"CUST{record_id}", "isInactive": False, "balance": Decimal(0)}
        prefix, status = ("INV", "Open") if kind == "Invoice" else ("CM", "Open")
        return {"tranId": f"{prefix}{record_id}", "status": status, "total": Decimal(0), "tranDate": self._time()}

    def _time(self) -> datetime:
        return datetime.fromtimestamp(int(self._now()), UTC)


def type_name(record: Any) -> str:
    """The name of a record's type; empty if it has none of ours."""
    return str(getattr(getattr(record, "_xsd_type", None), "name", "") or "")


def names(kind: str, record_id: str, external_id: str | None) -> list[str]:
    """What a write of a record locks: the record, and its external id."""
    found = [f"{kind}/{record_id}"] if record_id else []
    return found + ([f"{GROUPS[kind][0]}.externalId={_key(external_id)}"] if external_id else [])


def _key(external_id: str | None) -> str:
    """External ids are compared without regard to case."""
    return (external_id or "").casefold()


def _line(line: Any) -> Fields:
    amount = line.amount
    if amount is None:
        raise RecordError("USER_ERROR", "Please enter value(s) for: Amount")
    found: Mapping[str, Any] = {
        "item": line.item.internalId if line.item is not None else None,
        "description": line.description,
        "quantity": line.quantity,
        "amount": amount,
    }
    return {name: value for name, value in found.items() if value is not None}

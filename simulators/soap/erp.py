"""A simulated ERP in the manner of NetSuite's SuiteTalk SOAP web services.

Record errors come inside HTTP 200 as `isSuccess="false"` with details, request errors as faults with a typed detail;
a single-record call may finish long after the client gave up, a list call may be cut after a record; external ids are
unique by type, and `upsert` goes by them. Sources: NetSuite's platform guide, as summed up in the project's notes on
vendors' APIs. Not modelled: custom records and fields, saved searches, paging of searches, roles, asynchronous calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from ..faults import Plan
from ..kinds import Lane
from ..wire import Reply
from .contract import Contract
from .envelope import Element, SoapFault
from .erp_records import CORE, KINDS, RECORDS, RecordError, Records, names, type_name
from .erp_sessions import COOKIE, Sessions
from .erp_settings import ErpSettings
from .kernel import SoapCall, SoapSimulator
from .store import Fields, RowLocked, Transaction

OPERATIONS: Mapping[str, Lane] = {
    "login": "auth",
    "logout": "auth",
    "get": "read",
    "getList": "read",
    "search": "read",
    "add": "write",
    "update": "write",
    "upsert": "write",
    "upsertList": "write",
    "delete": "write",
}
"""The names that a plan can match on, and the lane of each."""

_FAULTS = "{urn:faults.erp.example}"
_CHANGED = ("RCRD_HAS_BEEN_CHANGED", "Record has been changed")


class ErpSimulator(SoapSimulator):
    """One simulated ERP account.

    Args:
        settings: The account.
        plan: Faults; None for none.
        seed: Seed in place of the plan's own.
        effects_path: File that the effect log is also written to.
        now: Clock in seconds since 1970; the system's by default.
    """

    contract: ClassVar[Contract] = Contract(Path(__file__).with_name("erp.wsdl"))
    operations = OPERATIONS
    batches = frozenset(("upsertList",))

    def __init__(
        self,
        settings: ErpSettings | None = None,
        plan: Plan | None = None,
        seed: int | None = None,
        effects_path: str | Path | None = None,
        now: Callable[[], float] | None = None,
    ) -> None:
        self.settings = settings or ErpSettings()
        super().__init__(self.settings, plan, seed, effects_path, now)
        self.sessions = Sessions(self.settings, self.now, self._fault)
        self.records = Records(self.store, self.settings, self.contract, self.now)
        self._begun: dict[int, str] = {}

    def add_record(self, kind: str, fields: Fields) -> str:
        """Put a record there as if another user had; it is not in the effect log. The answer is its internal id.

        Args:
            kind: `Customer`, `Invoice` or `CreditMemo`.
            fields: As in the WSDL; references as internal ids.
        """
        with self.store.transaction(logged=False) as tx:
            return self.records.add(tx, self._record(kind, fields))[1]

    def change_record(self, kind: str, record_id: str, fields: Fields) -> None:
        """Change a record as if another user had; it is not in the effect log."""
        with self.store.transaction(logged=False) as tx:
            self.records.update(tx, self._record(kind, {**fields, "internalId": record_id}))

    def delete_record(self, kind: str, record_id: str) -> None:
        """Delete a record as if another user had; it is not in the effect log."""
        with self.store.transaction(logged=False) as tx:
            tx.delete(kind, record_id)

    def respond(self, call: SoapCall, tx: Transaction) -> Mapping[str, Any]:
        """Apply a call."""
        values = call.values
        match call.operation:
            case "login":
                self._begun[call.request.number] = self.sessions.begin(values.passport)
                return {"sessionResponse": {"status": _success()}}
            case "logout":
                self.sessions.end(call.request)
                return {"sessionResponse": {"status": _success()}}
            case "get":
                return {"readResponse": self._read(values.baseRef)}
            case "getList":
                return {"readResponseList": {"status": _success(), "readResponse": [*map(self._read, values.baseRef)]}}
            case "search":
                return {"searchResult": self._search(values.searchRecord)}
            case "upsertList":
                return {"writeResponseList": self._write_list(call, tx)}
            case "delete":
                return {"writeResponse": self._written(lambda: self.records.delete(tx, values.baseRef))}
            case operation:
                write = getattr(self.records, operation)
                return {"writeResponse": self._written(lambda: write(tx, values.record))}

    def authenticate(self, call: SoapCall) -> None:
        """Check passport, token or session."""
        if call.operation != "login":
            self.sessions.check(call.request, call.envelope)

    def locked(self, call: SoapCall) -> Reply:
        """The refusal of a write that meets one that still runs."""
        if count := self.items(call):
            return self.perform(call, failing=dict.fromkeys(range(count), _CHANGED[0]))
        return self.answered(call, {"writeResponse": {"status": self._failure(*_CHANGED)}})

    def throttled(self, call: SoapCall, status: int) -> Reply:  # noqa: ARG002 - NetSuite says it in a fault of its own
        """The refusal of one request too many at the same time.

        Source: NetSuite's online help, "Errors Related to Concurrency Violations": it differs by authentication.
        """
        if call.envelope.header("tokenPassport") is not None:
            text = "The maximum number of concurrent requests has been reached."
            return self.refused(call, self._fault("exceededConcurrentRequestLimitFault", "WS_REQUEST_BLOCKED", text))
        text = "Only one request may be made against a session at a time"
        return self.refused(call, self._fault("exceededRequestLimitFault", "WS_CONCUR_SESSION_DISALLWD", text))

    def breakdown(self) -> tuple[str, Element | None]:
        """The fault of an error that nobody expected."""
        fault = self._fault("unexpectedErrorFault", "UNEXPECTED_ERROR", "An unexpected error occurred.")
        return fault.text, fault.detail

    def expire_session(self, call: SoapCall) -> Reply:
        """End the session of the call; a request with a passport of its own is refused this once."""
        self.sessions.end(call.request)
        return self.refused(call, self.sessions.timed_out())

    def touched(self, call: SoapCall) -> list[str]:
        """The records, and external ids, that a write is about to change."""
        values = call.values
        if call.operation == "delete":
            with suppress(RecordError):
                return self.records.names_of(*self.records.by_reference(values.baseRef))
            return []
        found: list[str] = []
        for record in values.record if isinstance(values.record, list) else [values.record]:
            kind = type_name(record)
            if kind in KINDS.values():
                known = self.records.find(kind, record.internalId, record.externalId)
                found += names(kind, known or "", record.externalId)
                found += self.records.names_of(kind, known) if known else []
        return found

    def items(self, call: SoapCall) -> int:
        """Records of an `upsertList`."""
        return len(call.values.record) if call.operation == "upsertList" else 0

    def reply_headers(self, call: SoapCall) -> tuple[tuple[bytes, bytes], ...]:
        """The session's cookie after a login."""
        session = self._begun.pop(call.request.number, None)
        return () if session is None else ((b"set-cookie", f"{COOKIE}={session}; Path=/; HttpOnly".encode()),)

    def _read(self, ref: Any) -> Fields:
        try:
            return {"status": _success(), "record": self.records.shown(*self.records.by_reference(ref))}
        except RecordError as error:
            return {"status": self._failure(error.code, error.message)}

    def _written(self, write: Callable[[], tuple[str, str]]) -> Fields:
        try:
            kind, record_id = write()
        except RecordError as error:
            return {"status": self._failure(error.code, error.message)}
        status = {**_success(), "statusDetail": self._warnings()}
        return {"status": status, "baseRef": self._reference(kind, record_id)}

    def _write_list(self, call: SoapCall, tx: Transaction) -> Fields:
        records = call.values.record
        if len(records) > self.settings.largest_list:
            text = f"The maximum number of records is {self.settings.largest_list}."
            raise self._fault("exceededRecordCountFault", "MAX_RCRDS_EXCEEDED", text)
        return {"status": _success(), "writeResponse": [self._item(call, tx, n, one) for n, one in enumerate(records)]}

    def _item(self, call: SoapCall, tx: Transaction, number: int, record: Any) -> Fields:
        if (code := call.failing.get(number)) is not None:
            return {"status": self._failure(code, "The record was not processed.")}
        try:
            with tx.part():
                return self._written(lambda: self.records.upsert(tx, record))
        except RowLocked:
            return {"status": self._failure(*_CHANGED)}

    def _search(self, wanted: Any) -> Fields:
        kind = type_name(wanted)
        fields: Fields = {}
        for name in ("email", "entityId", "externalIdString", "tranId", "memo", "type"):
            condition = getattr(wanted, name, None)
            if condition is not None:
                fields["externalId" if name == "externalIdString" else name] = condition
        kinds = ["Customer"] if kind == "CustomerSearchBasic" else ["Invoice", "CreditMemo"]
        if (of_type := fields.pop("type", None)) is not None:
            kinds = [one for one in kinds if one.lower() == of_type.searchValue.lstrip("_").lower()]
        found = [
            self.records.shown(one, record_id)
            for one in kinds
            for record_id, row in self.store.of(one).items()
            if all(_matches(condition, row.get(name)) for name, condition in fields.items())
        ]
        return {
            "status": _success(),
            "totalRecords": len(found),
            "pageSize": 1000,
            "totalPages": 1,
            "pageIndex": 1,
            "recordList": {"record": found},
        }

    def _reference(self, kind: str, record_id: str) -> Any:
        of_kind = next(name for name, one in KINDS.items() if one == kind)
        external = self.store.of(kind).get(record_id, {}).get("externalId")
        return self.contract.type(f"{CORE}RecordRef")(internalId=record_id, externalId=external, type=of_kind)

    def _record(self, kind: str, fields: Fields) -> Any:
        ref = self.contract.type(f"{CORE}RecordRef")
        given: Fields = dict(fields)
        for name in given.keys() & {"entity", "currency", "createdFrom"}:
            given[name] = ref(internalId=given[name])
        return self.contract.type(f"{RECORDS}{kind}")(**given)

    def _failure(self, code: str, message: str) -> Fields:
        error = {"code": code, "message": message, "type": "ERROR"}
        return {"isSuccess": False, "statusDetail": [*self._warnings(), error]}

    def _warnings(self) -> list[Fields]:
        return [{"code": code, "message": "Please check.", "type": "WARN"} for code in self.settings.warnings]

    def _fault(self, element: str, code: str, message: str) -> SoapFault:
        return SoapFault("Client", message, self.contract.element(f"{_FAULTS}{element}", code=code, message=message))


def _success() -> Fields:
    return {"isSuccess": True}


def _matches(condition: Any, value: Any) -> bool:
    text, wanted = str(value or "").lower(), (condition.searchValue or "").lower()
    match condition.operator:
        case "is":
            return text == wanted
        case "startsWith":
            return text.startswith(wanted)
        case _:
            return wanted in text

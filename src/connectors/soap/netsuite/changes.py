"""Changing a record that the caller saw at a version, and deleting a credit memo.

NetSuite's `update` has no precondition: it reads the record anew when it begins, and refuses only what runs at the same
moment (`RCRD_HAS_BEEN_CHANGED`). So the record is read right before, and compared with what the caller saw. What
remains is the moment between that read and the write.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ....core.adapter import Absent, Attempt, CannotTell, Finding, Present, Sent
from ....core.errors import Ambiguous, IntegrationError, NotFound, PreconditionFailed
from ..exchange import Exchange
from ..models import TYPE, Values
from . import models
from .classify import STILL_RUNNING
from .records import TYPES, WRITABLE_FIELDS, RecordType, reference, same, version_of
from .wire import WRITTEN, read_record


@dataclass(frozen=True, slots=True)
class Change:
    """A change to a record.

    Args:
        kind: The type of the record.
        record_id: NetSuite's id.
        seen: The version that the caller saw.
        wanted: The new content, by NetSuite's names.
        repeated: Whether an earlier attempt was made.
    """

    kind: RecordType
    record_id: str
    seen: str
    wanted: Mapping[str, str]
    repeated: bool

    @classmethod
    def of(cls, attempt: Attempt) -> Change:
        """What an `update_customer` or `update_invoice_memo` asks for."""
        request = attempt.request
        repeated = attempt.maybe_applied or attempt.number > 1
        if isinstance(request, models.UpdateInvoiceMemo):
            return cls("invoice", request.invoice_id, request.version, {"memo": request.memo}, repeated)
        assert isinstance(request, models.UpdateCustomer)
        given = {theirs: getattr(request, ours) for ours, theirs in WRITABLE_FIELDS.items()}
        wanted = {name: value for name, value in given.items() if value is not None}
        return cls("customer", request.customer_id, request.version, wanted, repeated)

    def judge(self, record: Values) -> Finding:
        """What the record, as it was read, says about this change."""
        facts = {"last_modified_at": str(record.get("lastModifiedDate"))}
        if version_of(record) == self.seen:
            return Absent(facts)
        differs = [name for name, value in self.wanted.items() if not same(value, record.get(name))]
        if differs:
            return CannotTell(f"the record changed since, but not as asked for: {', '.join(differs)}", facts)
        return Present(models.Updated(record_id=self.record_id), self.record_id, facts=facts)


async def send(exchange: Exchange, change: Change) -> Sent[Any]:
    """Change the record if it is still as the caller saw it."""
    try:
        record = await read_record(exchange, change.kind, internal_id=change.record_id)
    except IntegrationError as error:
        raise error.without_effect("only a read was sent") from None
    finding = change.judge(record)
    if not isinstance(finding, Absent):
        if change.repeated and isinstance(finding, Present):
            return _already(finding)
        raise _changed(record)
    written = {TYPE: TYPES[change.kind], "internalId": change.record_id, **change.wanted}
    try:
        await exchange.call("update", {"record": written}, status=WRITTEN, writes=True)
    except PreconditionFailed as error:
        if error.code != STILL_RUNNING:
            raise
        # Something runs at the same moment: another delivery of this very change, or somebody else's.
        return await _met(exchange, change, error)
    return Sent(models.Updated(record_id=change.record_id), change.record_id)


async def _met(exchange: Exchange, change: Change, refusal: PreconditionFailed) -> Sent[Any]:
    try:
        record = await read_record(exchange, change.kind, internal_id=change.record_id)
    except IntegrationError as error:
        raise _unsettled(f"reading it back failed: {error.message}", error, outage=error.outage) from None
    finding = change.judge(record)
    if isinstance(finding, Present):
        return _already(finding)
    if isinstance(finding, Absent) or change.repeated:
        raise _unsettled("what it met is still running", refusal) from None
    raise _changed(record) from None


def _already(finding: Present[Any]) -> Sent[Any]:
    return Sent(finding.value, finding.record, {"already_there": True, **finding.facts})


def _changed(record: Values) -> PreconditionFailed:
    return PreconditionFailed(
        "the record changed since it was read: read it again, decide again",
        code="version",
        evidence={"last_modified_at": str(record.get("lastModifiedDate"))},
    )


def _unsettled(why: str, error: IntegrationError, *, outage: bool = False) -> Ambiguous:
    return Ambiguous(
        f"another change of the record ran at the same moment, perhaps this very one; {why}",
        code="still_running",
        outage=outage,
        evidence={"met": error.to_record()},
    )


async def probe(exchange: Exchange, change: Change) -> Finding:
    """Look whether an earlier attempt changed the record."""
    try:
        return change.judge(await read_record(exchange, change.kind, internal_id=change.record_id))
    except NotFound:
        return CannotTell("the record is no longer there")


async def delete(exchange: Exchange, request: models.DeleteCreditMemo, *, repeated: bool) -> Sent[Any]:
    """Delete a credit memo; one that an earlier attempt or delivery deleted is gone as well.

    Args:
        exchange: The requests of the attempt.
        request: Which one.
        repeated: Whether an earlier attempt was made.

    Raises:
        NotFound: There was none before this was ever sent.
    """
    gone = Sent(models.CreditMemoDeleted(credit_memo_id=request.credit_memo_id), request.credit_memo_id)
    already = Sent(gone.value, gone.record, {"already_gone": True})
    try:
        await read_record(exchange, "creditMemo", internal_id=request.credit_memo_id)
    except NotFound as error:
        if repeated:
            return already
        raise error.without_effect("only a read was sent") from None
    except IntegrationError as error:
        raise error.without_effect("only a read was sent") from None
    named = reference("creditMemo", internal_id=request.credit_memo_id)
    try:
        await exchange.call("delete", {"baseRef": named}, status=WRITTEN, writes=True)
    except NotFound:
        return already  # it was there a moment ago: another delivery was faster
    except PreconditionFailed as error:
        raise _unsettled("it is not known what became of it", error) from None
    return gone


async def probe_deleted(exchange: Exchange, request: models.DeleteCreditMemo) -> Finding:
    """Look whether a credit memo is gone."""
    try:
        await read_record(exchange, "creditMemo", internal_id=request.credit_memo_id)
    except NotFound:
        return Present(models.CreditMemoDeleted(credit_memo_id=request.credit_memo_id), request.credit_memo_id)
    return Absent({"there": True})

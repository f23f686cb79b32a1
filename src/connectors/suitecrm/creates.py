"""Creating records once: the id is derived from the key, and what was claimed is read back.

An insert under an id that is taken fails in the database, whoever comes second, however late. So a repetition can
do no harm, and the record's own id tells whether it landed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...core.adapter import Absent, Attempt, CannotTell, Finding, ItemResult, Present, Sent
from ...core.errors import (
    Ambiguous,
    ContractBroken,
    IntegrationError,
    NotFound,
    UnreadableReply,
)
from .classify import ALREADY_THERE, BROKEN_OFF
from .exchange import Exchange
from .ids import record_id
from .kinds import Kind
from .records import Record
from .rest import RestExchange


async def send(exchange: Exchange, kind: Kind, attempt: Attempt) -> Sent[Any]:
    """Create the record and read it back, or find that an earlier attempt or delivery created it."""
    if not attempt.maybe_applied:
        await _parents_exist(exchange, kind, attempt)
    ours = record_id(attempt.key)
    doubt: IntegrationError | None = None
    try:
        await exchange.create(kind.module, ours, kind.content(attempt))
    except IntegrationError as error:
        if not _may_be_there(error):
            raise
        doubt = error
    try:
        record = await exchange.read(kind.module, ours, kind.fields())
    except IntegrationError as failed:
        raise _not_read_back(failed, doubt) from None
    result = _judged(kind, attempt, record, doubt)
    if isinstance(result, IntegrationError):
        raise result from None
    return result


async def send_many(exchange: RestExchange, kind: Kind, items: Sequence[Attempt]) -> Sequence[ItemResult]:
    """Create many records in one call, read all of them back, and answer for each in order.

    SuiteCRM saves them one after the other, without a transaction around them: when it breaks off, those before are
    there. Its list of ids says nothing by its order.
    """
    contents = {record_id(item.key): kind.content(item) for item in items}
    doubts: Mapping[str, IntegrationError | None]
    try:
        doubts = await exchange.create_many(kind.module, contents)
    except IntegrationError as error:
        if not _may_be_there(error):
            raise
        doubts = {record: IntegrationError.from_record(error.to_record()) for record in contents}
    try:
        found = await exchange.read_many(kind.module, list(contents), kind.fields())
    except IntegrationError as failed:
        return [_not_read_back(failed, doubts[record_id(item.key)]) for item in items]
    ours = [(item, record_id(item.key)) for item in items]
    return [_judged(kind, item, found.get(record), doubts[record]) for item, record in ours]


async def probe(exchange: Exchange, kind: Kind, attempt: Attempt) -> Finding:
    """Look for the record that an earlier attempt may have created."""
    ours = record_id(attempt.key)
    record = await exchange.read(kind.module, ours, kind.fields())
    if record is None:
        if await exchange.was_deleted(kind.module, ours):
            return Present(kind.reply(ours), ours, superseded=True, facts={"deleted_since": True})
        return Absent({"id": ours})
    found = kind.present(attempt, record)
    if found.differs and not found.superseded and kind.apart.issuperset(found.differs):
        return CannotTell(f"the record is there, but these are not, or not yet: {', '.join(found.differs)}")
    return found


def _may_be_there(error: IntegrationError) -> bool:
    """Whether a failure to create looks like that of a second insert: refused by name, or by a text of the database.

    PHP sends such a text with status 200 or 500, as the server is set up.
    """
    if error.effect == "none":  # of a login, perhaps, before which nothing was sent
        return error.code == ALREADY_THERE
    return isinstance(error, UnreadableReply) or error.code == BROKEN_OFF


def _judged(kind: Kind, attempt: Attempt, record: Record | None, doubt: IntegrationError | None) -> ItemResult:
    """What became of a record, given what was read back and what SuiteCRM had said before."""
    if record is None:
        return _not_there(doubt)
    found = kind.present(attempt, record)
    if found.differs and not found.superseded:
        # Never a conflict: the id is ours, so some delivery of this very request left it so.
        return ContractBroken(
            f"the record is there, but not with the content that was sent: {', '.join(found.differs)}",
            code="content",
            evidence={"record": found.record, "differs": list(found.differs)},
        )
    facts = {"acknowledged": doubt is None, "changed_since": list(found.differs), **found.facts}
    return Sent(found.value, found.record, facts)


def _not_there(doubt: IntegrationError | None) -> IntegrationError:
    if doubt is None:
        return ContractBroken(
            "SuiteCRM acknowledged the record, but reading it back finds none: it was not saved", code="phantom"
        )
    if doubt.code == ALREADY_THERE:
        return Ambiguous(
            "SuiteCRM says that the record is already there, but reading it finds none: it may be deleted",
            code="hidden",
            outage=False,
            evidence={"first": doubt.to_record()},
        )
    return doubt


def _not_read_back(error: IntegrationError, doubt: IntegrationError | None) -> Ambiguous:
    first = "may have saved the record" if doubt is not None else "acknowledged the record"
    return Ambiguous(
        f"SuiteCRM {first}, but reading it back failed: {error.message}",
        code="read_back",
        retry_after=error.retry_after,
        outage=error.outage,
        evidence={"read_back": error.to_record(), **({"first": doubt.to_record()} if doubt else {})},
    )


async def _parents_exist(exchange: Exchange, kind: Kind, attempt: Attempt) -> None:
    """SuiteCRM saves a call or a note of a record that does not exist without a word."""
    for module, parent in kind.parents(attempt.request).items():
        try:
            record = await exchange.read(module, parent, ["id"])
        except IntegrationError as error:
            raise error.without_effect("only a read was sent") from None
        if record is None:
            raise NotFound(f"there is no record {parent} in {module}", code="not_found")

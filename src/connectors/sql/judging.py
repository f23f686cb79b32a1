"""What rows say of an attempt: the key's row in the `effects` table, or the records themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from ...core.adapter import Absent, Attempt, CannotTell, Finding, Many, NaturalKey, Present, Sent
from ...core.errors import Conflict, ContractBroken
from .effects import Effect, digest_of
from .models import KEY, Look, SqlAction, differing, fit
from .wire import Wire

_ENOUGH = 10  # matches that are named


def replayed(declared: SqlAction, attempt: Attempt, found: Effect) -> Sent[Any]:
    """The answer of an earlier attempt, from its row.

    Args:
        declared: The action.
        attempt: The attempt.
        found: The row of the `effects` table.

    Raises:
        IntegrationError: The row is another request's, or shows a transaction that was committed in pieces.
    """
    if found.digest != digest_of(attempt.request):
        raise Conflict("this key was used for a request with other content", code="key_other_content")
    if found.result is None:
        raise split()
    return Sent(fit(declared.action.reply, found.result["value"]), found.result["record"], {"already_there": True})


def split() -> ContractBroken:
    """A transaction that was committed in pieces."""
    return ContractBroken(
        "the key is there without an answer: a part was committed before the rest was done (a procedure that commits, "
        "a schema change, autocommit). See what is there, and complete or undo it by hand",
        code="split",
    )


def look_for(wire: Wire, declared: SqlAction, how: Look, attempt: Attempt, connection: Connection) -> Finding:
    """Compare the records with what was asked for.

    Args:
        wire: The database.
        declared: The action.
        how: How to look.
        attempt: The attempt.
        connection: In a transaction that sees all that is committed.
    """
    values = {**declared.parameters(attempt), KEY: attempt.key}
    result = connection.execute(*wire.parameters(how.sql, values))
    try:
        found = [dict(row) for row in result.mappings().fetchmany(_ENOUGH)]
    finally:
        result.close()
    return _judge(declared, how, values, found)


def _judge(declared: SqlAction, how: Look, values: Mapping[str, Any], found: Sequence[Mapping[str, Any]]) -> Finding:
    if how.gone:
        return _gone(declared, how, values, found)
    natural = isinstance(declared.action.dedupe, NaturalKey)
    if not found:
        return CannotTell("the record is no longer there") if how.seen else Absent()
    if len(found) > 1:
        if natural:
            return CannotTell(f"{len(found)} records look like it, and nothing tells which is ours")
        return Many(tuple(_record(declared, row) or f"match {number}" for number, row in enumerate(found, 1)))
    (row,) = found
    differs = differing(values, row, how.content)
    if natural:
        if how.seen is None:
            return CannotTell("a record like it is there, and nothing tells whether it is ours")
        if how.seen not in row:
            raise ContractBroken(f"the records came without {how.seen}", code="schema")
        if not differing(values, row, (how.seen,)):
            return Absent()
        if differs:
            return CannotTell(f"the record changed since, but not as asked for: {', '.join(differs)}")
    return Present(fit(declared.action.reply, {**values, **row}), _record(declared, row), differs)


def _gone(declared: SqlAction, how: Look, values: Mapping[str, Any], found: Sequence[Mapping[str, Any]]) -> Finding:
    if not found:
        return Present(fit(declared.action.reply, values))
    if how.seen and any(differing(values, row, (how.seen,)) for row in found):
        return CannotTell("the record is there, and was changed since it was seen")
    return Absent()


def _record(declared: SqlAction, row: Mapping[str, Any]) -> str | None:
    record = row.get(declared.record) if declared.record else None
    return None if record is None else str(record)

"""Forgetting what an operation was about. That it was done, by whom and when stays, and so does the chain."""

from __future__ import annotations

import json

from ..errors import InvalidRequest
from .audit import commitment
from .database import Database
from .events import allowed
from .reads import by_id
from .records import ERASED, DecisionRow, Operation
from .verdicts import note

BLANK = "{}"
NO_OUTCOME = '{"value":{},"receipt":{"record":null,"proof":"reply","facts":{"erased":true}}}'
NO_WORDS = "[erased]"


def without_words(error: str | None) -> str | None:
    """The record of an error without what may be personal in it."""
    if error is None:
        return None
    try:
        known = json.loads(error)
    except ValueError:
        known = {}
    kept = {name: value for name, value in known.items() if name not in ("message", "evidence")}
    return json.dumps(kept | {"message": NO_WORDS, "evidence": {}})


def erased_policy(policy: str) -> str:
    """The record of a policy decision without anything that was said beside it."""
    found = allowed(policy)
    if found.more is None:
        return policy
    plain = {"decision": found.decision, "id": found.id, "rule": found.rule, "version": found.version}
    return json.dumps({name: value for name, value in plain.items() if value is not None}, separators=(",", ":"))


async def erase(db: Database, operation_id: str, by: str, reason: str) -> bool:
    """Forget what a settled operation was about.

    The key stays, so that the same request is recognised and sent no second time. The digest of the request does not:
    whoever can guess requests could find the one that has it.

    Returns:
        False if it was erased before.

    Raises:
        InvalidRequest: There is no such operation, or it is not settled.
    """
    found = await by_id(db, operation_id)
    if found is None:
        raise InvalidRequest(f"the ledger knows no operation {operation_id!r}", code="unknown_operation")
    if not found.status.settled:
        raise InvalidRequest(
            f"it is {found.status}: what is to be found out about it needs its content. Erase it when it is settled",
            code="unsettled",
        )
    if found.digest.startswith(ERASED):
        return False
    salt = db.new_salt()
    erased = await db.run(db.sql.erase, db.sql.erase.values(**_blanked(found, salt)))
    if erased.rowcount != 1:
        raise InvalidRequest("it has changed meanwhile; nothing was erased. Look again", code="changed")
    for row in (await db.run(db.sql.attempts, db.sql.attempts.values(id=operation_id))).fetchall():
        values = {"operation": row[0], "under": row[1], "which": row[2], "error": without_words(row[7])}
        await db.put(db.sql.blank_attempt, [db.sql.blank_attempt.values(**values)])
    await db.run(db.sql.blank_probes, db.sql.blank_probes.values(which=operation_id, detail=BLANK))
    blank = {"which": operation_id, "reason": NO_WORDS, "detail": BLANK}
    await db.run(db.sql.blank_decisions, db.sql.blank_decisions.values(**blank))
    blank_approvals = db.sql.approving.blank
    await db.run(blank_approvals, blank_approvals.values(operation=operation_id, nothing=BLANK, words=NO_WORDS))
    blank_votes = db.sql.approving.blank_votes
    await db.run(blank_votes, blank_votes.values(operation=operation_id, words=NO_WORDS))
    db.audit("erased", operation_id, by=by, epoch=found.epoch)
    db.events[-1]["private"] = {"key": commitment(salt, "key", found.key)}
    await note(db, [DecisionRow(operation_id, db.now, by, "erased", reason)])
    db.changed.append(operation_id)
    return True


def _blanked(found: Operation, salt: str) -> dict[str, str | int | None]:
    return {
        "which": found.id,
        "under": found.epoch,
        "of_status": found.status.value,
        "identity": BLANK,
        "request": BLANK,
        "digest": f"{ERASED}{salt}",
        "policy": erased_policy(found.policy),
        "outcome": None if found.outcome is None else NO_OUTCOME,
        "error": without_words(found.error),
    }

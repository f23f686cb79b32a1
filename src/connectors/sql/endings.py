"""What the end of a transaction proves.

Before COMMIT is sent, whatever fails leaves nothing behind, as long as the server takes everything back: no table
without transactions, no procedure that commits by itself. Once COMMIT was sent, only the server's own word that it
rolled back is a proof.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, exc

from ...core.errors import Ambiguous, CommitUnknown, IntegrationError
from .classify import classify, word_of
from .judging import split
from .models import SqlAction
from .threads import Flight
from .wire import Wire

_NEVER_SENT = "COMMIT was never sent, so the server rolls it back"


class Endings:
    """The endings of one attempt's transaction.

    Args:
        wire: The database.
        declared: The action.
        key: The idempotency key.
        flight: What is known of the transaction.
    """

    def __init__(self, wire: Wire, declared: SqlAction, key: str, flight: Flight[Any]) -> None:
        self._wire = wire
        self._family = wire.family
        self._declared = declared
        self._key = key
        self._flight = flight
        self._effects = wire.effects if declared.in_effects else None

    def is_certain(self, connection: Connection, untransacted: tuple[str, ...]) -> bool:
        """Whether everything is taken back if COMMIT is not sent, whatever happens.

        Args:
            connection: The connection.
            untransacted: Tables without transactions that the action may write.
        """
        procedures = self._declared.procedural and self._family.procedures_commit
        return bool(connection.info.get("transactional")) and not untransacted and not procedures

    def undone(self, connection: Connection, error: Exception, *, wrote: bool) -> Exception:
        """What a failure before COMMIT means; ends the transaction.

        Args:
            connection: In the transaction, or broken.
            error: The failure.
            wrote: Whether a statement that writes was sent.
        """
        declared = self._declared.action.errors
        told = error if isinstance(error, IntegrationError) else classify(error, declared)
        try:
            proof = self._taken_back(connection, wrote=wrote, declared_code=told.code in declared)
        except IntegrationError as split:
            return split
        if proof is not None:
            return told if told.effect == "none" else told.without_effect(proof)
        if told.effect == "maybe":
            return told
        return Ambiguous(
            f"it failed, and a part of it may be there: {told.message}",
            code=told.code,
            transient=False,
            outage=told.outage,
            evidence={"refusal": told.to_record()},
        )

    def _taken_back(self, connection: Connection, *, wrote: bool, declared_code: bool) -> str | None:
        """Why nothing is left of the transaction; None if that is not certain."""
        certain = bool(self._flight.evidence.get("certain")) or not wrote
        try:
            connection.rollback()
            if connection.invalidated:
                return _NEVER_SENT if certain else None
            if self._family.kept_after_rollback(connection):
                return None
            if not certain and self._effects is not None:
                # It was inserted first: had anything been committed by itself, it would be there.
                found = self._effects.find(connection, self._key)
                if found is not None and found.result is None:
                    raise split()
                certain = found is None
            connection.rollback()
        except exc.SQLAlchemyError:
            connection.invalidate()
            return _NEVER_SENT if certain else None
        return "the transaction was rolled back" if certain or declared_code else None

    def unacknowledged(self, connection: Connection, error: Exception) -> Exception:
        """What a failure of COMMIT means.

        Args:
            connection: COMMIT was sent on it.
            error: The failure.
        """
        word = word_of(error)
        if self._family.is_refused_commit(word.code, error):
            told = classify(error, self._declared.action.errors)
            try:
                connection.rollback()
            except exc.SQLAlchemyError:
                connection.invalidate()
            else:
                return told if told.effect == "none" else told.without_effect("the server rolled it back at COMMIT")
        connection.invalidate()
        return CommitUnknown(
            f"COMMIT was sent, and its answer was lost: {word.text}",
            code=word.code or "commit_lost",
            evidence={"exception": type(error).__name__, **self._flight.evidence},
        )

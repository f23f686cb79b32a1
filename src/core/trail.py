"""What one holder did and saw for one operation, until it is recorded in a verdict."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .clock import Clock
from .errors import IntegrationError
from .ledger.records import AttemptRow, DecisionRow, ProbeRow, Status, Verdict
from .redaction import clean

_encode = json.JSONEncoder(default=str).encode


class Trail:
    """Collects attempts, probes and decisions, and makes the verdict that records them.

    Args:
        operation_id: The operation.
        epoch: The epoch under which it is held.
        clock: For the times.
        purpose: `send`, or `resend` by recovery.
    """

    def __init__(self, operation_id: str, epoch: int, clock: Clock, purpose: str = "send") -> None:
        self.operation_id = operation_id
        self.epoch = epoch
        self.sent_at: float | None = None
        self.last_sent_at: float | None = None
        self.in_flight = False
        self._purpose = purpose
        self._clock = clock
        self._number = 0
        self._started = 0.0
        self._attempts: list[AttemptRow] = []
        self._probes: list[ProbeRow] = []
        self._decisions: list[DecisionRow] = []
        self._checked = False

    @property
    def attempts(self) -> int:
        """Attempts that went on the wire."""
        return self._number

    @property
    def maybe_applied(self) -> bool:
        """True when an attempt that is over may have landed."""
        return self.last_sent_at is not None

    def suspect(self, first: float, last: float) -> None:
        """It may have been sent before, by whom nobody knows.

        Args:
            first: Since when (seconds since the epoch).
            last: Until when.
        """
        self.sent_at, self.last_sent_at = first, last

    def dispatch(self) -> None:
        """An attempt is about to go on the wire."""
        self._number += 1
        self._started = self._clock.now()
        self.in_flight = True

    def ended(self, error: IntegrationError | None) -> None:
        """The attempt in flight ended; does nothing when none is."""
        if not self.in_flight:
            return
        self.in_flight = False
        if error is not None and error.effect == "maybe":
            self.sent_at = self.sent_at or self._started
            self.last_sent_at = self._clock.now()
        self._attempts.append(
            AttemptRow(
                operation_id=self.operation_id,
                epoch=self.epoch,
                number=self._number,
                purpose=self._purpose,
                started_at=self._started,
                ended_at=self._clock.now(),
                effect="applied" if error is None else error.effect,
                error=None if error is None else _encode(error.to_record()),
            )
        )

    def probed(self, finding: str, detail: Mapping[str, Any], *, counts: bool = True) -> None:
        """A probe was made.

        Args:
            finding: What it found, in a word.
            detail: JSON values.
            counts: False when an outage answered, which says nothing about this operation.
        """
        self._checked = self._checked or counts
        self._probes.append(ProbeRow(self.operation_id, self.epoch, self._clock.now(), finding, _encode(detail)))

    def decided(self, by: str, decision: str, reason: str, detail: str = "{}") -> None:
        """Something was decided about the operation."""
        self._decisions.append(DecisionRow(self.operation_id, self._clock.now(), by, decision, clean(reason), detail))

    def verdict(
        self,
        status: Status,
        *,
        outcome: str | None = None,
        error: IntegrationError | None = None,
        next_check_in: float | None = None,
        parked_because: str | None = None,
    ) -> Verdict:
        """What to record now; takes along everything collected so far.

        Args:
            status: The new status.
            outcome: JSON of value and receipt.
            error: What stands in the way of an outcome.
            next_check_in: Seconds until recovery looks again.
            parked_because: Why a person must decide.
        """
        verdict = Verdict(
            operation_id=self.operation_id,
            epoch=self.epoch,
            status=status,
            outcome=outcome,
            error=None if error is None else _encode(error.to_record()),
            sent_at=self.sent_at,
            last_sent_at=self.last_sent_at,
            next_check_at=None if next_check_in is None else self._clock.now() + next_check_in,
            parked_because=None if parked_because is None else clean(parked_because),
            checked=self._checked,
            attempts=tuple(self._attempts),
            probes=tuple(self._probes),
            decisions=tuple(self._decisions),
        )
        self._attempts, self._probes, self._decisions, self._checked = [], [], [], False
        return verdict

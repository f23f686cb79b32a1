"""A call that people must approve: what they are asked with its intent, and what its repetition finds."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from .action import Action
from .approval import ask_for, shown_for
from .before_image import before_image
from .clock import Sources
from .errors import LedgerUnavailable
from .identity import Identity
from .intake import RECORDING, Asked
from .ledger.approval_records import Approval, ApprovalStatus, Ask
from .ledger.records import Operation, Status
from .outcome import Outcome
from .release import Release

if TYPE_CHECKING:
    from .ledger.store import Ledger


class Asking:
    """Questions to people, on the side of the call.

    Args:
        ledger: The ledger.
        sources: Ids.
    """

    def __init__(self, ledger: Ledger, sources: Sources) -> None:
        self._ledger = ledger
        self._sources = sources

    async def ask(
        self, asked: Asked, action: Action, request: BaseModel, identity: Identity, place: int | None = None
    ) -> Ask | None:
        """What people are to be asked before it may be sent, shown with what is there now; None if nobody must be.

        Args:
            asked: What was asked.
            action: The action (for a batch: of its items).
            request: The validated request.
            identity: Its identity.
            place: The item of a batch, counted from 0.
        """
        decision, system = asked.leave.demanded(place), asked.system
        if decision is None:
            return None
        seen: Any = None
        if await self._is_new(asked, identity):
            seen = await before_image(system, action, request, asked.deadline_at)
        shown = shown_for(system, action, request, asked.principal, decision.version, seen)
        return ask_for(decision, shown, self._sources.new_id("approval"))

    async def was_edited(self, asked: Asked, operation: Operation, identity: Identity) -> bool:
        """Whether people changed what was asked for, and this is the request as it was before.

        Args:
            asked: What was asked.
            operation: The operation that has the identity.
            identity: The request's identity.
        """
        approval = await self._approval(asked, operation)
        return approval is not None and approval.edited_by is not None and approval.asked_digest == identity.digest

    async def carry_out_approved(self, asked: Asked, operation: Operation, release: Release) -> Outcome[Any] | None:
        """Carry out what was approved for its caller to come back for; None where that is not so.

        Args:
            asked: What was asked, again.
            operation: The operation, held.
            release: Spends the approval.
        """
        approval = await self._approval(asked, operation)
        if approval is None or operation.principal != asked.principal:
            return None
        if approval.status is not ApprovalStatus.APPROVED or approval.executed_by != "caller":
            return None
        try:
            return await release.carry_out(approval, asked.deadline_at)
        except LedgerUnavailable:
            return None

    async def _is_new(self, asked: Asked, identity: Identity) -> bool:
        """Whether people would be asked by it, as far as can be seen; others need not look at the target."""
        try:
            async with asyncio.timeout(asked.left()):
                standing = await self._ledger.standing(asked.system.name, identity.key)
        except (LedgerUnavailable, TimeoutError):
            return False  # the intent will find out; an approval that was shown too little is asked for anew
        return standing is None or standing.status is Status.REJECTED

    async def _approval(self, asked: Asked, operation: Operation) -> Approval | None:
        try:
            async with asyncio.timeout(max(asked.left(), RECORDING)):
                return await self._ledger.approvals.of(operation.id)
        except (LedgerUnavailable, TimeoutError):
            return None

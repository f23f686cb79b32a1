"""What people do with approvals: approve, reject, edit; and what the asking principal may do: withdraw."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from .action import Action
from .approval import REJECTED, ask_again, ask_for, refusal, shown_for
from .before_image import before_image
from .clock import Sources
from .errors import IntegrationError, InvalidRequest, NotSent
from .held import WITHDRAWN
from .identity import DISTINCT_FROM, Identity, Unidentifiable, canonical_json, identify
from .intake import entity_of
from .ledger.approval_records import Approval, ApprovalStatus, Ask, Edit, Vote
from .ledger.records import Operation, Status
from .people import Person
from .policy import Decision, Policy, Question
from .redaction import Secrets, clean
from .system import System

if TYPE_CHECKING:
    from .ledger.store import Ledger

_LONGEST_NAME = 64  # characters


@dataclass(frozen=True, slots=True)
class Standing:
    """An approval with its operation and what was said about it."""

    approval: Approval
    operation: Operation
    votes: tuple[Vote, ...]

    @property
    def shown(self) -> dict[str, Any]:
        """What people are shown, as it was when they were asked; without arguments where these were erased."""
        found: dict[str, Any] = json.loads(self.approval.shown)
        one = self.operation
        left = {"system": one.system, "action": one.action, "principal": one.principal}
        return {**left, "arguments": {}, "observed": None, **found}


class Approvals:
    """Decisions of people about operations that are held. Nothing is sent here: `Release` does that.

    Every method raises `InvalidRequest` when it must not be recorded; its code says why, and the message what to do.

    Args:
        systems: The systems by name.
        ledger: The ledger.
        policy: Asked again about what was edited.
        people: Who may decide, by name.
        sources: Clock and ids.
        secrets: Removed from what is recorded.
        decided: Called when something may be ready to be carried out.
    """

    def __init__(
        self,
        systems: Mapping[str, System],
        ledger: Ledger,
        policy: Policy,
        people: Mapping[str, Person],
        sources: Sources,
        secrets: Secrets,
        decided: Callable[[], None] = lambda: None,
    ) -> None:
        self._systems = systems
        self._ledger = ledger
        self._policy = policy
        self._people = people
        self._sources = sources
        self._clock = sources.clock
        self._secrets = secrets
        self._decided = decided

    async def find(
        self, *, status: ApprovalStatus | None = None, role: str | None = None, limit: int = 100
    ) -> list[Standing]:
        """Approvals with their operations, newest first.

        Args:
            status: Of this status only.
            role: That ask for this role only.
            limit: At most so many.
        """
        found = await self._ledger.approvals.find(status=status, role=role, limit=limit)
        return [await self.show(approval.id) for approval in found]

    async def show(self, approval_id: str) -> Standing:
        """One approval.

        Args:
            approval_id: The approval.
        """
        approval = await self._ledger.approvals.get(approval_id)
        operation = None if approval is None else await self._ledger.get(approval.operation_id)
        if approval is None or operation is None:
            raise InvalidRequest(f"the ledger knows no approval {approval_id!r}", code="unknown_approval")
        return Standing(approval, operation, await self._ledger.approvals.votes(approval.id))

    async def approve(self, approval_id: str, *, by: str, message: str = "", digest: str | None = None) -> Standing:
        """Approve what an approval shows. When enough people did, Seawall carries it out.

        Args:
            approval_id: The approval.
            by: Who approves it.
            message: What to record with it.
            digest: Of what the person was shown; if it is not the approval's, nothing is recorded.

        Returns:
            The approval as it is now.
        """
        standing = await self._decidable(approval_id, by)
        if digest is not None and digest != standing.approval.digest:
            raise InvalidRequest(
                "what you were shown is not what this approval is bound to; look at it again",
                code="action_digest_mismatch",
            )
        counted = await self._ledger.approvals.vote(self._vote(standing, by, "approve", message))
        if not counted:
            await self._refuse_again(approval_id, by)
        self._decided()
        return await self.show(approval_id)

    async def reject(self, approval_id: str, *, by: str, message: str) -> Standing:
        """Say no. The operation ends as rejected, and whoever asked is told the message.

        Args:
            approval_id: The approval.
            by: Who rejects it.
            message: Why; told to whoever asked.

        Returns:
            The approval as it is now.
        """
        message = self._clean(message).strip()
        if not message:
            raise InvalidRequest("say why: whoever asked is told it", code="message")
        standing = await self._decidable(approval_id, by)
        left = max(0.0, standing.approval.expires_at - self._clock.now())
        error = refusal(
            REJECTED, f"{by} did not approve it: {message}", standing.operation, transient=False, stands_for=left
        )
        vote = self._vote(standing, by, "reject", message)
        ended = await self._ledger.approvals.end(approval_id, ApprovalStatus.REJECTED, error, message, by, said=vote)
        if not ended:
            await self._refuse_again(approval_id, by)
        return await self.show(approval_id)

    async def edit(self, approval_id: str, *, by: str, changes: Mapping[str, Any], message: str) -> Standing:
        """Change what is asked for: it is validated, decided by the policy anew, and people are asked anew.

        What makes the request the same request cannot be changed: that would be another one. Votes for what it was
        before do not count any more.

        Args:
            approval_id: The approval.
            by: Who changes it.
            changes: Fields of the request, and their new values.
            message: Why; recorded.

        Returns:
            The approval that takes the place of this one. Where the policy allows the new content by itself it is
            approved already.
        """
        message = self._clean(message).strip()
        if not message or not changes:
            raise InvalidRequest("say what is to be changed, and why", code="message")
        standing = await self._decidable(approval_id, by)
        operation = standing.operation
        system, action = self._known(operation)
        request, identity = self._edited(operation, action, changes)
        repeat = DISTINCT_FROM in json.loads(operation.identity)
        question = Question(operation.principal, system.name, action, request, self._clock.now(), repeat)
        decision = self._policy.decide(question)
        if decision.decision == "deny":
            raise InvalidRequest(
                f"the policy denies that to {operation.principal} (rule {decision.rule!r}); nothing was changed",
                code="denied",
            )
        deadline_at = self._clock.monotonic() + system.settings.deadline
        seen = await before_image(system, action, request, deadline_at)
        if isinstance(seen, IntegrationError):
            raise InvalidRequest(
                f"{system.name} cannot be looked at now ({seen.message}); try again later", code="not_looked_at"
            )
        shown = shown_for(system, action, request, operation.principal, decision.version, seen)
        differs = _changed(operation.request, identity.request)
        because = canonical_json(self._secrets.scrub_all({"edited_by": by, "message": message, "differs": differs}))
        content = Edit(by, identity.request, identity.digest, entity_of(action, request), decision.record)
        wanted = self._wanted(standing, action, decision, shown, question)
        fresh = await self._ledger.approvals.substitute(approval_id, wanted, because, by=by, edit=content)
        if fresh is None:
            await self._refuse_again(approval_id, by)
            raise InvalidRequest("it changed meanwhile; nothing was recorded. Look again", code="changed")
        self._decided()
        return await self.show(fresh.id)

    async def withdraw(self, operation: Operation) -> bool:
        """End an operation that is held, because whoever asked wants it no more; False when it is not held any more.

        Args:
            operation: The operation.
        """
        approval = await self._ledger.approvals.of(operation.id)
        if approval is None or operation.status is not Status.HELD:
            return False
        message = "it was cancelled before it was sent"
        error = json.dumps(NotSent(message, code=WITHDRAWN).at(operation.system, operation.action, 0).to_record())
        return await self._ledger.approvals.end(
            approval.id, ApprovalStatus.WITHDRAWN, error, message, operation.principal[:_LONGEST_NAME]
        )

    async def _decidable(self, approval_id: str, by: str) -> Standing:
        """The approval, if `by` may decide it now."""
        person = self._people.get(by)
        if person is None:
            known = ", ".join(sorted(self._people)) or "nobody is configured"
            raise InvalidRequest(f"{by!r} is none of the people in the configuration ({known})", code="unknown_person")
        standing = await self.show(approval_id)
        approval, operation = standing.approval, standing.operation
        if approval.status is not ApprovalStatus.WAITING or operation.status is not Status.HELD:
            raise _over(approval)
        if approval.expires_at <= self._clock.now():
            raise InvalidRequest("it has expired; whoever asked may ask again", code="approval_expired")
        if approval.role not in person.roles:
            raise InvalidRequest(f"{by} does not have the role {approval.role!r}", code="approver_lacks_role")
        if person.is_requester(by, operation.principal):
            raise InvalidRequest("nobody approves what they asked for themselves", code="approver_is_requester")
        return standing

    async def _refuse_again(self, approval_id: str, by: str) -> None:
        """Say why a decision was not recorded, as the approval stands now."""
        standing = await self._decidable(approval_id, by)
        if any(vote.by == by for vote in standing.votes):
            raise InvalidRequest(f"{by} has decided this one already", code="already_voted")
        raise InvalidRequest("it changed meanwhile; nothing was recorded. Look again", code="changed")

    def _vote(self, standing: Standing, by: str, vote: str, message: str) -> Vote:
        approval = standing.approval
        return Vote(approval.id, by, self._clock.now(), vote, approval.digest, self._clean(message))

    def _known(self, operation: Operation) -> tuple[System, Action]:
        system = self._systems.get(operation.system)
        action = None if system is None else system.adapter.actions.get(operation.action)
        if system is None or action is None:
            raise InvalidRequest(
                f"{operation.system}.{operation.action} is not configured any more; reject it", code="unknown_action"
            )
        return system, action

    def _edited(self, operation: Operation, action: Action, changes: Mapping[str, Any]) -> tuple[BaseModel, Identity]:
        try:
            request = action.request.model_validate({**json.loads(operation.request), **changes})
            repeats = json.loads(operation.identity).get(DISTINCT_FROM)
            identity = identify(operation.system, action, request, repeats)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"])) or "request"
            raise InvalidRequest(
                f"the new content does not fit: {where}: {first['msg']}", code="invalid_request"
            ) from None
        except Unidentifiable as unfit:
            raise InvalidRequest(str(unfit), code="invalid_request") from None
        if identity.key != operation.key:
            fields = ", ".join(action.identity)
            raise InvalidRequest(
                f"that would be another request: {fields} cannot be changed. Reject it instead", code="identity"
            )
        if identity.digest == operation.digest:
            raise InvalidRequest("that changes nothing", code="invalid_request")
        return request, identity

    def _wanted(
        self, standing: Standing, action: Action, decision: Decision, shown: Mapping[str, Any], question: Question
    ) -> Ask:
        """What to ask about an edited request; nobody, where the edit is why the policy now allows it by itself."""
        approval_id = self._sources.new_id("approval")
        unedited = action.request.model_validate_json(standing.operation.request)
        if decision.allowed and self._policy.decide(replace(question, request=unedited)).allowed:
            return ask_again(decision, standing.approval, shown, approval_id)
        return ask_for(decision, shown, approval_id)

    def _clean(self, text: str) -> str:
        return clean(self._secrets.scrub(text))


def _changed(then: str, now: str) -> list[dict[str, Any]]:
    was, new = json.loads(then), json.loads(now)
    return [
        {"code": "edited", "what": name, "then": was.get(name), "now": new.get(name)}
        for name in sorted({*was, *new})
        if was.get(name) != new.get(name)
    ]


_CODES = {
    ApprovalStatus.SPENT: ("already_consumed", "it was carried out already"),
    ApprovalStatus.APPROVED: ("already_decided", "it is approved already"),
    ApprovalStatus.REJECTED: ("already_decided", "it was rejected"),
    ApprovalStatus.EXPIRED: ("approval_expired", "it has expired; whoever asked may ask again"),
    ApprovalStatus.WITHDRAWN: ("withdrawn", "whoever asked has withdrawn it"),
    ApprovalStatus.REPLACED: (
        "replaced",
        "what it showed is not so any more; people are asked anew: list the approvals",
    ),
    ApprovalStatus.DENIED: ("denied", "the policy no longer allows it"),
    ApprovalStatus.WAITING: ("changed", "its operation is not held any more"),
}


def _over(approval: Approval) -> InvalidRequest:
    code, why = _CODES[approval.status]
    return InvalidRequest(f"it cannot be decided: {why}", code=code)

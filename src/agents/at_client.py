"""Asking the person at an agent's client: a second way to the same approval row, and no right that it does not give."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from ..approval_listing import approval_form
from ..core.approval import moment
from ..core.errors import IntegrationError, InvalidRequest
from ..core.ledger.approval_records import ApprovalStatus
from .result import Result
from .telling import GET, WAIT

if TYPE_CHECKING:
    from ..core.approvals import Standing
    from ..wall import Seawall

_log = logging.getLogger("seawall.agents")

Calling = Callable[[str, Mapping[str, Any] | None], Awaitable[Result]]
"""Calls a tool as the agent."""

_LONGEST_FORM = 4000  # characters of arguments and records; beyond that, people look with `seawall approvals`
_LONGEST_MESSAGE = 500  # characters
_HELD = 0.9  # of the hold window, for an answer at most
_REMEMBERED = 1024  # declined forms

FORM: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "decision": {"type": "string", "title": "Decision", "enum": ["approve", "reject"]},
        "message": {
            "type": "string",
            "title": "Message",
            "description": "Recorded with it; the agent is told it if you reject.",
            "maxLength": _LONGEST_MESSAGE,
        },
    },
    "required": ["decision"],
}
"""The JSON Schema of an answer. It has no default: whoever only presses Enter decides nothing."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person was asked. It goes through the client sealed, so that any process can take the answer.

    Args:
        approval_id: The approval.
        operation_id: Its operation.
        digest: Of what was shown; a vote counts for that, and for nothing else.
        person: Who was asked.
        until: When an answer counts no more (seconds since the epoch).
    """

    approval_id: str
    operation_id: str
    digest: str
    person: str
    until: float

    def to_state(self) -> str:
        """As text."""
        return json.dumps(asdict(self))

    @classmethod
    def of_state(cls, state: str) -> Asked | None:
        """From that text; None if it is of another version of Seawall.

        Args:
            state: The text, its seal checked.
        """
        try:
            return cls(**json.loads(state))
        except (ValueError, TypeError):
            return None


@dataclass(frozen=True, slots=True)
class Form:
    """A question to a person.

    Args:
        asked: What it is bound to.
        message: What the person is shown.
    """

    asked: Asked
    message: str


@dataclass(frozen=True, slots=True)
class Said:
    """What came back.

    Args:
        decision: `approve` or `reject`; `decline` where the person chose not to answer here; else None.
        message: The person's words.
    """

    decision: str | None = None
    message: str = ""

    @classmethod
    def of(cls, content: Mapping[str, Any] | None) -> Said:
        """An answer that was sent off; one that does not fit the form is none.

        Args:
            content: The fields.
        """
        said = content or {}
        decision, message = said.get("decision"), said.get("message")
        if decision not in ("approve", "reject"):
            return cls()
        return cls(decision, message.strip()[:_LONGEST_MESSAGE] if isinstance(message, str) else "")


class AtClient:
    """Asks the people who sit at clients, and records what they say.

    Args:
        wall: The open wall.
    """

    def __init__(self, wall: Seawall) -> None:
        self._wall = wall
        self._declined: OrderedDict[tuple[str, str], None] = OrderedDict()
        agents = wall.config.agents
        self.hold = agents.hold
        self.within = min(agents.elicit_within, agents.hold * _HELD)
        """Seconds for which an answer counts."""
        self.keys = tuple(key.get_secret_value() for key in agents.state_key)

    def now(self) -> float:
        """Seconds on the clock that measures waiting."""
        return self._wall.sources.clock.monotonic()

    async def form(self, person: str | None, result: Result) -> Form | None:
        """The question to ask about a call that people must approve; None if this person is not to be asked here.

        Args:
            person: Who sits at the client.
            result: The result of the call.
        """
        approval_id = (result.policy or {}).get("approval_id")
        if person is None or result.status != "pending_approval" or approval_id is None:
            return None
        if (approval_id, person) in self._declined:
            return None
        try:
            standing = await self._wall.approvals.at_client(approval_id, by=person)
        except IntegrationError as why:
            _log.debug("%s is not asked about %s at the client: %s", person, approval_id, why.code)
            return None
        about = approval_form(standing, _LONGEST_FORM)
        if about is None or standing.operation.id != result.operation_id:
            return None
        approval = standing.approval
        until = self._wall.sources.clock.now() + self.within
        asked = Asked(approval.id, approval.operation_id, approval.digest, person, until)
        _log.info("%s is asked about %s at the client", person, approval_id)
        return Form(asked, self._message(standing, person, about))

    def _message(self, standing: Standing, person: str, about: str) -> str:
        approval, shown = standing.approval, standing.shown
        who, system = shown["principal"], shown["system"]
        people = approval.role if approval.quorum == 1 else f"{approval.quorum} of {approval.role}"
        line = "-" * 40
        text = (
            f"May {who} do {system}.{shown['action']}? Seawall asks {person}; it needs {people}.\n"
            f"The policy says: {approval.reason or 'approval is needed'}.\n"
            f"An answer here counts within {self.within:.0f} s; until {moment(approval.expires_at)} it can be given "
            f"with: seawall approvals show {approval.id}\n"
            f"What stands between the lines comes from {who} and from {system}. It is data, and nothing in it tells "
            f"you what to do.\n{line}\n{about}\n{line}"
        )
        return _visible(self._wall.secrets.scrub(text))

    async def answered(
        self, asked: Asked, said: Said, call: Calling, name: str, arguments: Mapping[str, Any] | None, until: float
    ) -> Result:
        """Record an answer, and tell what became of the call.

        Args:
            asked: What was asked.
            said: What came back.
            call: Calls a tool as the agent.
            name: The tool that was called.
            arguments: Its arguments.
            until: When the call must answer, on the clock of `now`.
        """
        why = await self._record(asked, said)
        result = await self._outcome(asked, call, name, arguments, until)
        return replace(result, summary=f"{result.summary} {why}") if why else result

    async def _record(self, asked: Asked, said: Said) -> str:
        """Record it; otherwise a sentence that says why it does not count, if anything was decided."""
        approvals, person = self._wall.approvals, asked.person
        if said.decision == "decline":
            self._declined[asked.approval_id, person] = None
            if len(self._declined) > _REMEMBERED:
                self._declined.popitem(last=False)
        if said.decision not in ("approve", "reject"):
            return ""
        try:
            if self._wall.sources.clock.now() > asked.until:
                raise InvalidRequest(f"it came later than {self.within:.0f} s", code="too_late")
            standing = await approvals.at_client(asked.approval_id, by=person)
            if standing.approval.digest != asked.digest:
                raise InvalidRequest("it is about something else by now", code="action_digest_mismatch")
            if said.decision == "reject":
                await approvals.reject(asked.approval_id, by=person, message=said.message or "rejected at the client")
            else:
                message = f"at the client: {said.message}" if said.message else "at the client"
                await approvals.approve(asked.approval_id, by=person, message=message, digest=asked.digest)
        except InvalidRequest as refused:
            _log.info("what %s said of %s at the client does not count: %s", person, asked.approval_id, refused.code)
            return f"What was said at the client does not count: {refused.message}."
        except IntegrationError as away:
            _log.warning("what %s said of %s may not be recorded: %s", person, asked.approval_id, away.message)
            return "What was said at the client may not be recorded."
        return ""

    async def _outcome(
        self, asked: Asked, call: Calling, name: str, arguments: Mapping[str, Any] | None, until: float
    ) -> Result:
        """What became of the call; where nothing is asked any more, it is waited for as any call is."""
        this = {"operation_id": asked.operation_id}
        try:
            approval = await self._wall.ledger.approvals.of(asked.operation_id)
        except IntegrationError:
            approval = None
        if approval is None or approval.status is ApprovalStatus.WAITING:
            return await call(GET, this)
        left = max(0.0, until - self.now())
        if approval.status is not ApprovalStatus.APPROVED or approval.executed_by == "seawall":
            return await call(WAIT, {**this, "seconds": left})
        try:
            async with asyncio.timeout(left):
                return await call(name, arguments)
        except TimeoutError:
            return await call(GET, this)  # it goes on


def _visible(text: str) -> str:
    """Text whose characters all can be seen: none that turn the direction of writing, hide, or end a line."""
    return "".join(
        char if char.isprintable() or char == "\n" else char.encode("unicode_escape").decode() for char in text
    )

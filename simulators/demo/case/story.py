"""The story of the support case, as it happens, and what became of it."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.prompt import Confirm
from rich.table import Table

from .session import Told, session
from .systems import LIMIT, PERSON, REFUND, Case, command, open_case

_PATIENCE = 60.0  # seconds for the second session to wait for the result


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of the case.

    Args:
        held: The first answer to the refund: its status.
        refunds_before: Credit memos booked before anybody approved.
        approved: Whether the person approved.
        outcome: What the second session was told of the refund.
        refunds: Credit memos booked in the end.
        answers_lost: Answers of the ERP that got lost after it had booked.
        audit: What `seawall audit verify` says of it.
    """

    held: str
    refunds_before: int
    approved: bool
    outcome: str
    refunds: int
    answers_lost: int
    audit: str

    @property
    def kept(self) -> bool:
        """Whether every promise held: nothing before the approval, once after it, nothing without it."""
        told = "succeeded" if self.approved else "denied"
        return (
            (self.held, self.refunds_before, self.outcome) == ("pending_approval", 0, told)
            and self.refunds == self.answers_lost == int(self.approved)
            and self.audit == "intact"
        )

    def to_json(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {**asdict(self), "kept": self.kept}


def can_be_told() -> bool:
    """Whether the packages of the extra `mcp` are there."""
    return all(find_spec(name) is not None for name in ("mcp", "uvicorn"))


async def tell(folder: Path, console: Console, *, auto_approve: bool) -> Ending:
    """Let the agent work the case, and a person decide.

    Args:
        folder: An empty folder of its own.
        console: Where the story is told.
        auto_approve: Do not ask whoever sits at the terminal.
    """
    console.rule("A support case over MCP", align="left")
    async with open_case(folder) as case:
        story = _Story(case, console)
        held = await story.first_session()
        before = len(case.refunds())
        approved = await story.a_person_decides(auto_approve=auto_approve or not sys.stdin.isatty())
        outcome = await story.second_session()
        audit = await command(folder, "audit", "verify", fine=(0, 1))
        ending = Ending(
            held=held,
            refunds_before=before,
            approved=approved,
            outcome=outcome,
            refunds=len(case.refunds()),
            answers_lost=sum(case.erp.faults.fired.values()),
            audit="intact" if audit["intact"] else "tampered with",
        )
    told = f"booked in the ERP, by its own log: {ending.refunds} credit memo{'s' * (ending.refunds != 1)}"
    console.print(f"[bold]{told}; the audit is {ending.audit}.[/]")
    return ending


class _Story:
    def __init__(self, case: Case, console: Console) -> None:
        self._case = case
        self._console = console

    async def first_session(self) -> str:
        """Read, ask for the refund, and be gone."""
        case = self._case
        async with session(case.url, self._heard) as agent:
            await agent.call("crm__get_case", case_id=case.case_id)
            await agent.call("billing__get_invoice", invoice_id=case.invoice_id)
            asked = await agent.call(
                "billing__create_credit_memo",
                reference="case-4711-refund",
                customer_id=case.customer_id,
                invoice_id=case.invoice_id,
                lines=[{"item_id": "1", "amount": f"{REFUND}.00", "description": "soaked on arrival"}],
            )
        self._say("agent:ada", f"disconnects; nothing of this session is kept (its own limit is {LIMIT}.00)")
        return str(asked["status"])

    async def a_person_decides(self, *, auto_approve: bool) -> bool:
        """Show what is asked for, and approve or reject it."""
        folder = self._case.folder
        (waiting,) = (await command(folder, "approvals", "list"))["approvals"]
        shown, approval = waiting["shown"], waiting["approval_id"]
        total = ", ".join(f"{line['amount']} for {line['description']!r}" for line in shown["arguments"]["lines"])
        self._say(PERSON, f"looks: {shown['principal']} asks for {shown['system']}.{shown['action']}, {total}")
        self._say("", f"because {waiting['reason']}; the invoice is {shown['observed']['state']}")
        question = f"  Approve as {PERSON}?"
        yes = True if auto_approve else await asyncio.to_thread(Confirm.ask, question, console=self._console)
        if yes:
            await command(folder, "approvals", "approve", approval, "--by", PERSON, "--digest", waiting["digest"])
            self._say(PERSON, "approves" + (" (--auto-approve)" if auto_approve else ""))
            self._say("Seawall", "looks at the invoice again, spends the approval and books it; the answer gets lost")
        else:
            await command(folder, "approvals", "reject", approval, "--by", PERSON, "--reason", "not this one")
            self._say(PERSON, "rejects")
        return yes

    async def second_session(self) -> str:
        """Pick up where the first session stopped: find the operation, learn what became of it, answer the customer."""
        case = self._case
        async with session(case.url, self._heard) as agent:
            mine = await agent.call("operations_mine", action="billing.create_credit_memo")
            (found,) = mine["data"]["content"]["operations"]
            told = await agent.call("operation_get", operation_id=found["operation_id"])
            async with asyncio.timeout(_PATIENCE):
                while told["status"] in ("pending_approval", "in_progress", "outcome_unknown"):
                    told = await agent.call("operation_wait", operation_id=found["operation_id"], seconds=10)
                    await asyncio.sleep(0.2)
            body = "Your refund is booked." if told["status"] == "succeeded" else "We cannot refund this order."
            await agent.call("crm__add_case_comment", case_id=case.case_id, reference="case-4711-answer", body=body)
        return str(told["status"])

    def _heard(self, tool: str, envelope: Told) -> None:
        colour = {"applied": "green", "unknown": "yellow"}.get(envelope["effect"], "cyan")
        sentence = envelope["summary"].split(". ")[0].removesuffix(".")
        self._say("agent:ada", f"{tool} → [{colour}]{envelope['status']}[/]: {_escaped(sentence)}")

    def _say(self, who: str, what: str) -> None:
        line = Table.grid(padding=(0, 1))
        line.add_column(width=11, style="bold")
        line.add_column(overflow="fold")
        line.add_row(f"  {who}", what)
        self._console.print(line, highlight=False)


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text if len(text) <= _WIDEST else f"{text[:_WIDEST]}…")


_WIDEST = 110

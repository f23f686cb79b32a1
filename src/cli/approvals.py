"""`seawall approvals`: what agents ask people for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from ..core.clock import Sources
from ..core.errors import InvalidRequest
from ..core.ledger.approval_records import ApprovalStatus
from ..terminal import Invocation, say
from .shared import SEAWALL_TOML, AsJson, ConfigFile, Context, argument_text, invocation_of, known_ledger, with_wall

if TYPE_CHECKING:
    from ..core.approvals import Approvals, Standing

T = TypeVar("T")

approvals = typer.Typer(help="Decide what agents ask people for.", no_args_is_help=True, rich_markup_mode=None)

ApprovalId = Annotated[str, typer.Argument(metavar="APPROVAL", help="Its id, such as approval_4f1c….")]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who you are; one of [people] in the configuration.")]


@approvals.command("list")
def approvals_list(
    ctx: Context,
    *,
    status: Annotated[
        ApprovalStatus | None, typer.Option(help="Only of this status; what waits for people if not given.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Of any status.")] = False,
    role: Annotated[str | None, typer.Option(help="Only those that ask for this role.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 50,
    config: ConfigFile = SEAWALL_TOML,
    as_json: AsJson = False,
) -> None:
    """List what waits for people, newest first."""
    from ..approval_listing import approval_record, approvals_table

    invocation = invocation_of(ctx, as_json=as_json)
    wanted = None if every else status or ApprovalStatus.WAITING
    found = _with_approvals(config, invocation, lambda one: one.find(status=wanted, role=role, limit=limit))
    if as_json:
        invocation.answer({"approvals": [approval_record(standing) for standing in found]}, "")
    elif not found:
        say("Nothing waits." if wanted is ApprovalStatus.WAITING else "No approvals.")
    else:
        invocation.show(approvals_table(found, Sources().clock.now(), invocation.clean))


@approvals.command("show")
def approvals_show(
    ctx: Context, approval: ApprovalId, *, config: ConfigFile = SEAWALL_TOML, as_json: AsJson = False
) -> None:
    """Show all that an approval is bound to: who asks for what, what is there now, and what differs."""
    invocation = invocation_of(ctx, as_json=as_json)
    _answer(invocation, _with_approvals(config, invocation, lambda one: one.show(approval)))


@approvals.command("approve")
def approvals_approve(
    ctx: Context,
    approval: ApprovalId,
    *,
    by: By,
    message: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Recorded with it.")] = "",
    digest: Annotated[
        str | None, typer.Option(metavar="DIGEST", help="Of what you were shown; refused if it is another by now.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not show it and ask before.")] = False,
    config: ConfigFile = SEAWALL_TOML,
    as_json: AsJson = False,
) -> None:
    """Approve it. Once enough people did, Seawall checks everything again and carries it out, once."""
    invocation = invocation_of(ctx, as_json=as_json)
    if not (yes or as_json or digest):
        standing = _with_approvals(config, invocation, lambda one: one.show(approval))
        _answer(invocation, standing)
        typer.confirm("Approve this?", abort=True)
        digest = standing.approval.digest
    _answer(
        invocation,
        _with_approvals(config, invocation, lambda one: one.approve(approval, by=by, message=message, digest=digest)),
    )


@approvals.command("reject")
def approvals_reject(
    ctx: Context,
    approval: ApprovalId,
    *,
    by: By,
    message: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; the agent is told it.")],
    config: ConfigFile = SEAWALL_TOML,
    as_json: AsJson = False,
) -> None:
    """Say no. Nothing is sent, and the agent is told why."""
    invocation = invocation_of(ctx, as_json=as_json)
    _answer(invocation, _with_approvals(config, invocation, lambda one: one.reject(approval, by=by, message=message)))


@approvals.command("edit")
def approvals_edit(
    ctx: Context,
    approval: ApprovalId,
    changes: Annotated[str, typer.Argument(metavar="CHANGES", help="Fields and new values as JSON, or @FILE.")],
    *,
    by: By,
    message: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; recorded.")],
    config: ConfigFile = SEAWALL_TOML,
    as_json: AsJson = False,
) -> None:
    """Change what is asked for. The policy decides on it anew, and people are asked anew."""
    invocation = invocation_of(ctx, as_json=as_json)
    fields = _fields(changes)
    _answer(
        invocation,
        _with_approvals(config, invocation, lambda one: one.edit(approval, by=by, changes=fields, message=message)),
    )


def _fields(changes: str) -> dict[str, Any]:
    try:
        found = json.loads(argument_text(changes, "changes"))
    except ValueError as error:
        raise InvalidRequest(f"the changes are no JSON: {error}", code="invalid_changes") from None
    if not isinstance(found, dict):
        raise InvalidRequest('the changes must be a JSON object, such as {"amount": 80}', code="invalid_changes")
    return found


def _answer(invocation: Invocation, standing: Standing) -> None:
    from ..approval_listing import approval_record, approval_text

    invocation.answer(approval_record(standing), approval_text(standing, Sources().clock.now()))


def _with_approvals(config: Path, invocation: Invocation, work: Callable[[Approvals], Awaitable[T]]) -> T:
    known_ledger(config, invocation)
    return asyncio.run(with_wall(config, invocation, lambda wall: work(wall.approvals)))

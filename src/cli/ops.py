"""`seawall ops`: operations in the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.clock import Sources
from ..core.errors import InvalidRequest
from ..core.incidents import Incident, incidents
from ..core.ledger.records import Status, Story
from ..terminal import Invocation, say
from .shared import (
    EVERY,
    OPEN,
    SEAWALL_TOML,
    AsJson,
    ConfigFile,
    Context,
    OperationId,
    ask_ledger,
    invocation_of,
    newest,
)

if TYPE_CHECKING:
    from ..core.ledger import Ledger

ops = typer.Typer(help="Look at operations in the ledger.", no_args_is_help=True, rich_markup_mode=None)


@ops.command("list")
def ops_list(
    ctx: Context,
    *,
    system: Annotated[str | None, typer.Option(help="Only of this system.")] = None,
    status: Annotated[list[Status] | None, typer.Option(help="Only of this status; may be repeated.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 50,
    config: ConfigFile = SEAWALL_TOML,
    as_json: AsJson = False,
) -> None:
    """List operations, newest first."""
    from ..listing import as_record, operations_table

    invocation = invocation_of(ctx, as_json=as_json)
    wanted = status or list(Status)
    found = ask_ledger(config, invocation, lambda ledger: newest(ledger, wanted, system=system, limit=limit))
    if as_json:
        invocation.answer({"operations": [as_record(operation) for operation in found]}, "")
    elif not found:
        say("No operations.")
    else:
        invocation.show(operations_table(found, Sources().clock.now(), invocation.clean))


@ops.command("show")
def ops_show(
    ctx: Context, operation: OperationId, *, config: ConfigFile = SEAWALL_TOML, as_json: AsJson = False
) -> None:
    """Show the whole record of one operation."""
    from ..listing import story_record, story_text

    invocation = invocation_of(ctx, as_json=as_json)
    story = _story(config, invocation, operation)
    told = story_record(story)
    invocation.answer(told, story_text(told))


@ops.command("explain")
def ops_explain(
    ctx: Context, operation: OperationId, *, config: ConfigFile = SEAWALL_TOML, as_json: AsJson = False
) -> None:
    """Tell the story of one operation in words."""
    from ..explain import explain

    invocation = invocation_of(ctx, as_json=as_json)
    now = Sources().clock.now()
    story, incident = ask_ledger(config, invocation, lambda ledger: _in_context(ledger, operation, now))
    if story is None:
        raise _unknown(operation)
    told = explain(story, now, incident)
    invocation.answer(told.to_json(), told.text(), "green" if told.status is Status.APPLIED else "yellow")


def _story(config: Path, invocation: Invocation, operation_id: str) -> Story:
    story = ask_ledger(config, invocation, lambda ledger: ledger.story(operation_id))
    if story is None:
        raise _unknown(operation_id)
    return story


def _unknown(operation_id: str) -> InvalidRequest:
    return InvalidRequest(f"the ledger knows no operation {operation_id!r}", code="unknown_operation")


async def _in_context(ledger: Ledger, operation_id: str, now: float) -> tuple[Story | None, Incident | None]:
    story = await ledger.story(operation_id)
    if story is None or story.operation.status.settled:
        return story, None
    found = incidents(await newest(ledger, OPEN, system=story.operation.system, limit=EVERY), now)
    return story, next((one for one in found if operation_id in one.operations), None)

"""`seawall incidents`: open operations, grouped by what they have in common."""

from __future__ import annotations

from typing import Annotated

import typer

from ..core.clock import Sources
from ..core.errors import InvalidRequest
from ..core.incidents import incidents as group
from ..terminal import say
from .shared import EVERY, OPEN, SEAWALL_TOML, AsJson, ConfigFile, Context, ask_ledger, invocation_of, newest

incidents = typer.Typer(help="See what is open, by what it has in common.", no_args_is_help=True, rich_markup_mode=None)


@incidents.command("list")
def incidents_list(
    ctx: Context,
    *,
    system: Annotated[str | None, typer.Option(help="Only of this system.")] = None,
    config: ConfigFile = SEAWALL_TOML,
    as_json: AsJson = False,
) -> None:
    """List incidents, the oldest first: one outage is one of them, however many operations it left open."""
    from ..incident_listing import incident_record, incidents_table

    invocation = invocation_of(ctx, as_json=as_json)
    now = Sources().clock.now()
    operations = ask_ledger(config, invocation, lambda ledger: newest(ledger, OPEN, system=system, limit=EVERY))
    found = group(operations, now)
    if as_json:
        invocation.answer({"incidents": [incident_record(incident) for incident in found]}, "")
    elif not found:
        say("No incidents: nothing is open.")
    else:
        invocation.show(incidents_table(found, now, invocation.clean))


@incidents.command("show")
def incidents_show(
    ctx: Context,
    incident: Annotated[str, typer.Argument(metavar="INCIDENT", help="Its id, such as inc_4f1c….")],
    *,
    config: ConfigFile = SEAWALL_TOML,
    as_json: AsJson = False,
) -> None:
    """Show one incident: what is in it, what it blocks, what happens next, and what a person can do."""
    from ..incident_listing import incident_record, incident_text

    invocation = invocation_of(ctx, as_json=as_json)
    operations = ask_ledger(config, invocation, lambda ledger: newest(ledger, OPEN, limit=EVERY))
    found = next((one for one in group(operations, Sources().clock.now()) if one.id == incident), None)
    if found is None:
        raise InvalidRequest(f"there is no open incident {incident!r}; it may be over", code="unknown_incident")
    touched = [operation for operation in operations if operation.id in set(found.operations)]
    invocation.answer(incident_record(found), incident_text(found, touched))

"""`seawall call`: do something in a system."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Annotated, Any, NoReturn

import typer

from ..config import ConfigError
from ..core.errors import InvalidRequest, LedgerUnavailable
from ..core.outcome import Outcome, Rejected
from ..envelope import ExitCode, envelope, exit_code
from ..terminal import Invocation
from .shared import SEAWALL_TOML, AsJson, ConfigFile, Context, argument_text, invocation_of, with_wall


def call(
    ctx: Context,
    *,
    target: Annotated[str, typer.Argument(metavar="SYSTEM.ACTION", help="Such as crm.create_case.")],
    request: Annotated[str, typer.Argument(metavar="JSON", help="A JSON object, @FILE, or - for stdin.")],
    principal: Annotated[str | None, typer.Option("--as", metavar="PRINCIPAL", help="Who asks.")] = None,
    deadline: Annotated[float | None, typer.Option(min=0.001, metavar="SECONDS", help="Answer within.")] = None,
    config: ConfigFile = SEAWALL_TOML,
    as_json: AsJson = False,
) -> None:
    """Do something in a system, at most once."""
    invocation = invocation_of(ctx, as_json=as_json)
    try:
        fields = request_fields(request)
        outcome = asyncio.run(
            with_wall(
                config, invocation, lambda wall: wall.call(target, fields, principal=principal, deadline=deadline)
            )
        )
    except ConfigError as error:
        outcome = Rejected(InvalidRequest(str(error), code="config"))
    except (InvalidRequest, LedgerUnavailable) as error:
        outcome = Rejected(error)
    tell(invocation, outcome, target)


def tell(invocation: Invocation, outcome: Outcome[Any], target: str) -> NoReturn:
    """Answer with an outcome, and end with the exit code that it stands for.

    Args:
        invocation: This run.
        outcome: The outcome.
        target: What was asked for, in the answer's words.
    """
    told, code = envelope(outcome, target), exit_code(outcome)
    if code in (ExitCode.USAGE, ExitCode.LEDGER):
        typer.echo(f"seawall: {invocation.clean(told['summary'])}", err=True)
        if not invocation.as_json:
            raise typer.Exit(code)
    invocation.answer(told, _as_text(told), "green" if code == ExitCode.OK else "red")
    raise typer.Exit(code)


def request_fields(text: str) -> dict[str, Any]:
    """A request given as JSON, as `@FILE`, or as `-` for stdin.

    Args:
        text: The argument.

    Raises:
        InvalidRequest: It is no JSON object.
    """
    text = sys.stdin.read() if text == "-" else argument_text(text, "request")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"the request is not valid JSON: {error}", code="invalid_json") from None
    if not isinstance(found, dict):
        raise InvalidRequest('the request must be a JSON object, such as {"reference": "A-1"}', code="invalid_json")
    return found


def _as_text(told: dict[str, Any]) -> str:
    lines = [told["summary"]]
    lines += [f"  {place}. {item['summary']}" for place, item in enumerate(told["items"] or (), 1)]
    lines += [f"  {name}: {told[name]}" for name in ("operation_id", "batch_id") if told[name]]
    if told["value"] is not None:
        lines.append(f"  value: {json.dumps(told['value'], default=str, ensure_ascii=False)}")
    return "\n".join(lines)

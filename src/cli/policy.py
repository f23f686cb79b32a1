"""`seawall policy`: check a policy, explain what it decides, and try it on what was recorded."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from pydantic import ValidationError

from ..core.action import Action
from ..core.clock import Sources
from ..core.errors import InvalidRequest
from ..core.policy import Policy, Question, Rule, explain
from ..core.policy.durations import seconds_of
from ..envelope import ExitCode
from .call import request_fields
from .shared import SEAWALL_TOML, AsJson, ConfigFile, Context, ask_ledger, invocation_of, time_of

if TYPE_CHECKING:
    from ..core.ledger import Ledger
    from ..core.ledger.records import Operation
    from ..terminal import Invocation
    from ..wall import Seawall

T = TypeVar("T")

policy = typer.Typer(
    help="Check a policy; explain what it decides; try it on what was recorded.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

PolicyFile = Annotated[
    str | None, typer.Option("--policy", metavar="FILE", help="This policy in place of the configured one.")
]


@policy.command("check")
def check(
    ctx: Context,
    *,
    file: Annotated[str, typer.Argument(metavar="FILE", help="YAML, Python, or module:attribute.")],
    config: Annotated[
        Path | None, typer.Option("--config", "-c", metavar="FILE", help="Also look whether what is named exists.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a policy: whether it can be read, and what in it is odd. Ends with 1 if something is wrong."""
    from ..policies.reading import PolicyFileError, read_rules
    from ..policies.review import Finding, review

    invocation = invocation_of(ctx, as_json=as_json)
    rules: Sequence[Rule] = ()
    version = None
    try:
        rules = read_rules(file)
        version = Policy(rules).version
    except PolicyFileError as error:
        findings = [Finding("", str(error), wrong=True)]
    else:
        known = None if config is None else _configured(config, invocation)
        actions = None if known is None else _actions_of(known, items=False)
        roles = None if known is None else [one for given in known.config.principals.values() for one in given.roles]
        findings = review(rules, actions, roles)
    problems = [_found(one) for one in findings if one.wrong]
    warnings = [_found(one) for one in findings if not one.wrong]
    told = {"policy": file, "version": version, "rules": len(rules), "problems": problems, "warnings": warnings}
    first = f"{file}: {'something is wrong' if problems else f'{len(rules)} rules, nothing is wrong'}."
    lines = [first, *problems, *(f"warning: {one}" for one in warnings)]
    invocation.answer(told, "\n".join(lines), "red" if problems else "green")
    if problems:
        raise typer.Exit(ExitCode.REJECTED)


@policy.command("explain")
def explain_(
    ctx: Context,
    *,
    target: Annotated[str, typer.Argument(metavar="SYSTEM.ACTION", help="Such as crm.create_case.")],
    request: Annotated[str, typer.Argument(metavar="JSON", help="A JSON object, @FILE, or - for stdin.")],
    principal: Annotated[str | None, typer.Option("--as", metavar="PRINCIPAL", help="Who asks.")] = None,
    at: Annotated[str | None, typer.Option("--at", metavar="TIME", help="When: 2026-11-23T02:00Z; else now.")] = None,
    repeat: Annotated[bool, typer.Option("--repeat", help="As a deliberate repeat.")] = False,
    policy_file: PolicyFile = None,
    config: ConfigFile = SEAWALL_TOML,
    as_json: AsJson = False,
) -> None:
    """Tell which rule decides, and why each rule before it does not. Calls nothing, and records nothing."""
    from ..policies.showing import reasons_record, reasons_text

    invocation = invocation_of(ctx, as_json=as_json)
    fields = request_fields(request)
    wall = _configured(config, invocation)
    tried = _policy(wall, policy_file)
    system, _, name = target.partition(".")
    action = _actions_of(wall).get(system, {}).get(name)
    if action is None:
        raise InvalidRequest(f"there is no action {target!r}; `seawall check-config` lists them", code="unknown_action")
    try:
        valid = action.request.model_validate(fields)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, found["loc"])) or "request"
        raise InvalidRequest(f"the request does not fit: {where}: {found['msg']}", code="invalid_request") from None
    now = Sources().clock.now() if at is None else time_of(at, "--at")
    who = principal or wall.config.principal
    told = reasons_record(explain(tried, Question(who, system, action, valid, now, repeat)))
    text = reasons_text(told)
    if action.batch is not None:
        asked = [Question(who, system, action.batch.of, one, now, repeat) for one in getattr(valid, action.batch.items)]
        told["items"] = [reasons_record(explain(tried, one)) for one in asked]
        for place, one in enumerate(told["items"], 1):
            text += f"\n\nItem {place}: {reasons_text(one)}"
    invocation.answer(told, text, {"allow": "green", "deny": "red"}.get(told["decision"], "yellow"))


@policy.command("replay")
def replay(
    ctx: Context,
    *,
    policy_file: PolicyFile = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Only the last 7d, 12h, …")] = None,
    principal: Annotated[str | None, typer.Option(metavar="PRINCIPAL", help="Only what this one asked for.")] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="At most the N newest.")] = 10_000,
    config: ConfigFile = SEAWALL_TOML,
    as_json: AsJson = False,
) -> None:
    """Try a policy on the recorded operations: what would have been decided otherwise. Changes nothing.

    Each is asked about with its own request, at the time when it began. What was denied is not recorded as an
    operation, so it cannot be tried.
    """
    from ..policies.replay import replay
    from ..policies.showing import replayed_table

    invocation = invocation_of(ctx, as_json=as_json)
    try:
        begin = None if since is None else Sources().clock.now() - seconds_of(since)
    except ValueError as error:
        raise InvalidRequest(f"--since: {error}", code="invalid_time") from None
    wall = _configured(config, invocation)
    tried = _policy(wall, policy_file)

    async def question(ledger: Ledger) -> list[Operation]:
        return await ledger.find(principal=principal, limit=limit)

    newest = ask_ledger(config, invocation, question)
    wanted = [one for one in reversed(newest) if begin is None or one.created_at >= begin]
    replayed = replay(_shown(wanted, invocation), tried, _actions_of(wall))
    told = {"version": tried.version, **replayed.told(), "cut_off": len(newest) == limit}
    if as_json:
        invocation.answer(told, "")
        return
    text = f"{told['changed']} of {told['operations']} operations would have been decided otherwise."
    notes = [f"{count} not asked about: {why}" for why, count in told["skipped"].items()]
    notes += [f"Only the newest {limit} were read; --limit reads more."] * told["cut_off"]
    invocation.answer(told, "\n".join([text, *notes]), "yellow" if told["changed"] else "green")
    if told["changes"]:
        invocation.show(replayed_table(told, invocation.clean))


@policy.command("schema")
def schema(ctx: Context) -> None:
    """Print the JSON Schema of a policy in YAML, for editors that complete and check as you type."""
    from ..policies.reading import PolicyFile as Model

    told = Model.model_json_schema(by_alias=True)
    invocation_of(ctx, as_json=False).answer(told, json.dumps(told, indent=2))


def _configured(config: Path, invocation: Invocation) -> Seawall:
    """The wall of a configuration, not opened; its adapters connect to nothing and are closed again."""
    from ..wall import Seawall

    wall = Seawall.from_config(config, secrets=invocation.secrets)

    async def close() -> None:
        for system in wall.systems.values():
            await system.adapter.close()

    asyncio.run(close())
    return wall


def _policy(wall: Seawall, file: str | None) -> Policy:
    """The configured policy, or that of a file, with the configured roles and proofs."""
    from ..config import ConfigError
    from ..policies.reading import policy_of

    changed = wall.config if file is None else wall.config.model_copy(update={"policy": (), "policy_file": file})
    sources = Sources(new_id=lambda prefix: f"{prefix}_dry_run")
    found, unreadable = policy_of(changed, wall.standings, sources, wall.secrets)
    if unreadable is not None:
        raise ConfigError(unreadable)
    return found


def _actions_of(wall: Seawall, *, items: bool = True) -> Mapping[str, Mapping[str, Action]]:
    """System → its actions by name; with `items`, also those that only batches are made of."""
    found: dict[str, dict[str, Action]] = {}
    for name, system in wall.systems.items():
        actions = system.adapter.actions
        single = {one.batch.of.name: one.batch.of for one in actions.values() if one.batch is not None}
        found[name] = {**(single if items else {}), **actions}
    return found


def _found(finding: Any) -> str:
    return f"rule {finding.rule!r}: {finding.said}" if finding.rule else finding.said


def _shown(operations: Sequence[T], invocation: Invocation) -> Iterable[T]:
    """The operations, with a bar of progress for a person who waits for many."""
    if len(operations) < _MANY or invocation.as_json or not sys.stderr.isatty():
        return operations
    return _with_bar(operations)


def _with_bar(operations: Sequence[T]) -> Iterator[T]:
    from rich.console import Console
    from rich.progress import track

    yield from track(operations, "operations", console=Console(stderr=True), transient=True)


_MANY = 500

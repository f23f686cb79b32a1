"""What a configuration comes to: each system, each action, and the facts that decide what may be repeated."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .action_facts import after_in_words, dedupe_in_words, facts_of, probe_in_words
from .core.action import Action
from .core.clock import Sources
from .core.errors import IntegrationError, LedgerUnavailable
from .core.redaction import Secrets
from .core.settings import LedgerSettings
from .core.system import System

if TYPE_CHECKING:
    from rich.console import RenderableType

    from .wall import Seawall


async def survey(path: Path, secrets: Secrets, *, connect: bool) -> dict[str, Any]:
    """Validate a configuration and tell what is in it, as JSON values.

    Args:
        path: The configuration file.
        secrets: Its secrets are registered here.
        connect: Also ask each connector that can check itself against its target.

    Raises:
        ConfigError: With the one thing to mend.
    """
    from .wall import Seawall

    wall = Seawall.from_config(path, secrets=secrets)
    try:
        systems = {name: await _system(wall, system, connect=connect) for name, system in wall.systems.items()}
    finally:
        for system in wall.systems.values():
            await system.adapter.close()
    problems = [f"{name}: {problem}" for name, told in systems.items() for problem in told["problems"]]
    problems += [f"{name}: {why}" for name, why in wall.unproven.items()]
    if wall.unreadable is not None:
        problems.append(f"policy: {wall.unreadable}")
    if (problem := await _ledger_problem(wall.config.ledger, connect=connect)) is not None:
        problems.append(problem)
    shared = await _shared(wall, connect=connect)
    if shared is not None and shared["available"] is False:
        problems.append(f"shared: {shared['redis']} does not answer; each process goes by its own limits and breakers")
    return {
        "config": str(path),
        "principal": wall.config.principal,
        "policy": {"version": wall.policy.version, "rules": len(wall.policy.rules)},
        "ledger": _ledger_name(wall.config.ledger),
        "shared": shared,
        "systems": systems,
        "problems": problems,
    }


async def _system(wall: Seawall, system: System, *, connect: bool) -> dict[str, Any]:
    problems: list[str] = []
    check = getattr(system.adapter, "check", None)
    if connect and check is not None:
        try:
            problems = [str(problem) for problem in await check()]
        except IntegrationError as error:
            problems = [error.message]
    return {
        "connector": f"{system.adapter.kind} {system.adapter.version}",
        "checked": connect and check is not None,
        "problems": problems,
        "actions": [_action(wall, system, action) for action in system.adapter.actions.values()],
    }


def _action(wall: Seawall, system: System, action: Action) -> dict[str, Any]:
    endings = wall.policy.endings(wall.config.principal, system.name, action)
    decided = [f"{ending.decision} ({ending.name})" for ending in endings]
    facts = facts_of(action)
    return {
        "name": action.name,
        "effect": str(action.effect),
        "policy": decided[0] if len(decided) == 1 else f"by request: {', '.join(decided)}",
        "identity": list(facts.identity),
        "dedupe": dedupe_in_words(action),
        "probe": probe_in_words(action),
        "horizon": system.horizon(facts) if action.writes else None,
        "after_ambiguous": after_in_words(action),
        "batch": None if action.batch is None else {"of": facts.name, "max_size": action.batch.max_size},
    }


async def _shared(wall: Seawall, *, connect: bool) -> dict[str, Any] | None:
    """Where processes share what they know of systems, and whether it answers; None where they do not."""
    if wall.shared is None:
        return None
    told: dict[str, Any] = {"redis": _place(wall.config.shared.redis or ""), "available": None}
    if connect:
        try:
            await wall.shared.open()
            told["available"] = wall.shared.available
        finally:
            await wall.shared.close()
    return told


def _ledger_name(settings: LedgerSettings) -> str:
    return settings.path if settings.url is None else _place(settings.url.get_secret_value())


def _place(url: str) -> str:
    """An address without the user and the password in it."""
    try:
        parts = urlsplit(url)
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError:
        return f"{url.partition(':')[0]}://…"
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


async def _ledger_problem(settings: LedgerSettings, *, connect: bool) -> str | None:
    """What stands in the way of the ledger; a ledger that does not exist yet is not made."""
    from .core.ledger import Ledger

    if settings.url is not None:
        return await _server_problem(settings) if connect else None
    if (problem := _folder_problem(Path(settings.path))) is not None or not _exists(settings):
        return problem
    try:
        ledger = await Ledger.open(settings, Sources(), heartbeat=False)
    except LedgerUnavailable as error:
        return f"ledger: {error.message}"
    await ledger.close()
    return None


def _folder_problem(path: Path) -> str | None:
    if not path.parent.is_dir():
        return f"ledger: the folder {path.parent} does not exist; make it, or name another path"
    if not os.access(path.parent, os.W_OK):
        return f"ledger: the folder {path.parent} cannot be written"
    return None


def _exists(settings: LedgerSettings) -> bool:
    return Path(settings.path).exists()


async def _server_problem(settings: LedgerSettings) -> str | None:
    try:
        from .core.ledger.postgres.address import Address
    except ImportError as error:
        return f"ledger: the PostgreSQL driver is missing ({error.name}): pip install 'seawall[postgres]'"
    try:
        connection = await Address(settings).connect()
    except LedgerUnavailable as error:
        return f"ledger: {error.message}"
    await connection.close()
    return None


def survey_tables(told: dict[str, Any], clean: Callable[[str], str]) -> list[RenderableType]:
    """The survey for a terminal.

    Args:
        told: What `survey` answers.
        clean: Makes a text fit to be shown.
    """
    from rich.table import Table
    from rich.text import Text

    parts: list[RenderableType] = []
    for name, system in told["systems"].items():
        table = Table(
            title=f"{name}  ({system['connector']})",
            title_justify="left",
            box=None,
            pad_edge=False,
            header_style="bold",
        )
        for column in ("action", "effect", "dedupe means", "probe", "horizon", "after a lost reply", "policy"):
            table.add_column(column, overflow="fold")
        for action in system["actions"]:
            table.add_row(*(Text(clean(cell)) for cell in _cells(action)))
        parts += [table, Text()]
    parts.append(Text(clean(f"ledger: {told['ledger']}")))
    if (shared := told["shared"]) is not None:
        answers = {None: "", True: "; it answers", False: "; it does not answer"}[shared["available"]]
        parts.append(Text(clean(f"shared: {shared['redis']}{answers}")))
    parts.append(
        Text(f"policy: {told['policy']['rules']} rules; the decisions above are those for {told['principal']}")
    )
    parts += [Text(clean(f"problem: {problem}"), style="red") for problem in told["problems"]]
    if not told["problems"]:
        parts.append(Text("The configuration is valid.", style="green"))
    return parts


def _cells(action: dict[str, Any]) -> tuple[str, ...]:
    batch = action["batch"]
    effect = f"{action['effect']}, up to {batch['max_size']} {batch['of']}" if batch else action["effect"]
    if action["dedupe"] is None:
        return (action["name"], effect, "", "", "", "repeated freely", action["policy"])
    horizon = "unknown" if action["horizon"] is None else f"{action['horizon']:g} s"
    return (
        action["name"],
        effect,
        action["dedupe"],
        action["probe"] or "none",
        horizon,
        action["after_ambiguous"],
        action["policy"],
    )

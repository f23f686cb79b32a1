"""`seawall mcp`: the tools of one agent over stdin and stdout."""

from __future__ import annotations

import asyncio
import logging
import signal
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from ..config import ConfigError
from ..terminal import Invocation
from .shared import SEAWALL_TOML, ConfigFile, Context, invocation_of

_log = logging.getLogger("seawall.cli")


def mcp(
    ctx: Context,
    *,
    principal: Annotated[str | None, typer.Option("--as", metavar="PRINCIPAL", help="Who asks.")] = None,
    person: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who of [people] sits at the client and may be asked there.")
    ] = None,
    config: ConfigFile = SEAWALL_TOML,
) -> None:
    """Offer actions as tools over MCP, on stdin and stdout, to one agent."""
    need_the_sdk()
    asyncio.run(_serve(config, invocation_of(ctx, as_json=False), principal, person))


async def _serve(path: Path, invocation: Invocation, principal: str | None, person: str | None) -> None:
    from ..agents.mcp_server import serve_stdio
    from ..wall import Seawall

    async with Seawall.from_config(path, secrets=invocation.secrets) as wall:
        if person is not None and person not in wall.config.people:
            raise ConfigError(f"--person: {person!r} is none of [people]; add them there")
        await serve_stdio(wall, principal or wall.config.principal, person)
        # Hosts end what does not end at once with SIGTERM. A write that is still on its way is recorded first.
        with suppress(NotImplementedError):  # Windows has no such signal
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGTERM, _log.info, "ending; what was sent is recorded first")


def need_the_sdk() -> None:
    """See that the packages of the extra are there.

    Raises:
        ConfigError: They are not.
    """
    for name in ("mcp", "uvicorn"):
        if find_spec(name) is None:
            raise ConfigError(f"this command needs {name}, which is not installed: pip install 'seawall[mcp]'")

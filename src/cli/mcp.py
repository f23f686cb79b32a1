"""`seawall mcp`: the tools of one agent over stdin and stdout."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from ..config import ConfigError
from ..terminal import Invocation
from .shared import SEAWALL_TOML, ConfigFile, Context, invocation_of


def mcp(
    ctx: Context,
    *,
    principal: Annotated[str | None, typer.Option("--as", metavar="PRINCIPAL", help="Who asks.")] = None,
    config: ConfigFile = SEAWALL_TOML,
) -> None:
    """Offer actions as tools over MCP, on stdin and stdout, to one agent."""
    need_the_sdk()
    asyncio.run(_serve(config, invocation_of(ctx, as_json=False), principal))


async def _serve(path: Path, invocation: Invocation, principal: str | None) -> None:
    from ..agents.mcp_server import serve_stdio
    from ..wall import Seawall

    async with Seawall.from_config(path, secrets=invocation.secrets) as wall:
        await serve_stdio(wall, principal or wall.config.principal)


def need_the_sdk() -> None:
    """See that the packages of the extra are there.

    Raises:
        ConfigError: They are not.
    """
    for name in ("mcp", "uvicorn"):
        if find_spec(name) is None:
            raise ConfigError(f"this command needs {name}, which is not installed: pip install 'seawall[mcp]'")

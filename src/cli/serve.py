"""`seawall serve`: the tools of many agents over HTTP."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from ..terminal import Invocation
from .mcp import need_the_sdk
from .shared import SEAWALL_TOML, AsJson, ConfigFile, Context, invocation_of


def serve(
    ctx: Context,
    *,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Listen here; loopback if not given.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any that is free.")] = 8642,
    config: ConfigFile = SEAWALL_TOML,
    as_json: AsJson = False,
) -> None:
    """Offer actions as tools over MCP, on HTTP, to all who show a token of the configuration."""
    need_the_sdk()
    asyncio.run(_serve(config, invocation_of(ctx, as_json=as_json), host, port))


async def _serve(path: Path, invocation: Invocation, host: str, port: int) -> None:
    from ..agents.http import serve_http
    from ..wall import Seawall

    def ready(url: str) -> None:
        invocation.answer({"url": url}, f"Serving MCP at {url}")

    async with Seawall.from_config(path, secrets=invocation.secrets) as wall:
        await serve_http(wall, host, port, ready)

"""`seawall check-config`: validate the configuration, and list it."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from ..envelope import ExitCode
from .shared import SEAWALL_TOML, AsJson, ConfigFile, Context, invocation_of


def check_config(
    ctx: Context,
    *,
    connect: Annotated[bool, typer.Option("--connect", help="Also log in to each system and check it.")] = False,
    config: ConfigFile = SEAWALL_TOML,
    as_json: AsJson = False,
) -> None:
    """Validate the configuration, and list it.

    For each action: what it does, how a repetition is recognised, and what happens after a lost reply.
    """
    from ..survey import survey, survey_tables

    invocation = invocation_of(ctx, as_json=as_json)
    told = asyncio.run(survey(config, invocation.secrets, connect=connect))
    if as_json:
        invocation.answer(told, "")
    else:
        invocation.show(*survey_tables(told, invocation.clean))
    if told["problems"]:
        raise typer.Exit(ExitCode.USAGE)

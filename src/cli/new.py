"""`seawall new`: a package of models and declared actions, drafted from a WSDL."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from ..core.errors import InvalidRequest
from .shared import AsJson, Context, invocation_of


def new(
    ctx: Context,
    *,
    from_wsdl: Annotated[str, typer.Option("--from-wsdl", metavar="WSDL", help="Path or URL of the WSDL.")],
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where the package is written; made if new.")],
    operation: Annotated[
        list[str] | None, typer.Option("--operation", metavar="NAME", help="Only this one; may be repeated.")
    ] = None,
    service: Annotated[str | None, typer.Option("--service", metavar="NAME", help="The WSDL's service.")] = None,
    port: Annotated[str | None, typer.Option("--port", metavar="NAME", help="The service's port.")] = None,
    as_json: AsJson = False,
) -> None:
    """Draft models and actions from a WSDL, to be edited.

    Every operation becomes an action that is never sent a second time by itself; what to decide is written beside it.
    """
    from ..connectors.soap.drafting import draft

    invocation = invocation_of(ctx, as_json=as_json)
    files = asyncio.run(draft(from_wsdl, service=service, port=port, operations=operation or ()))
    standing = [name for name in files if (out / name).exists()]
    if standing:
        raise InvalidRequest(
            f"{out} already has {', '.join(standing)}: nothing was written. Name another folder", code="exists"
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (out / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidRequest(f"{out} cannot be written ({error.strerror})", code="out") from None
    written = [str(out / name) for name in files]
    invocation.answer(
        {"written": written},
        f"Written: {', '.join(written)}.\nEdit them, then name the actions in seawall.toml: "
        f'connector = "soap", and under settings actions = "{out / "actions.py"}".',
    )

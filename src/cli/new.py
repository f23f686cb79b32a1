"""`seawall new`: a package for a connector of one's own, green from the first minute."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from ..core.errors import InvalidRequest
from .shared import AsJson, Context, invocation_of


def new(
    ctx: Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The package's name, such as acme_erp.")],
    *,
    from_wsdl: Annotated[
        str | None, typer.Option("--from-wsdl", metavar="WSDL", help="Draft it from a WSDL: a path or a URL.")
    ] = None,
    from_openapi: Annotated[
        Path | None, typer.Option("--from-openapi", metavar="FILE", help="Draft it from OpenAPI 3.0 or 3.1.")
    ] = None,
    from_sql: Annotated[
        str | None,
        typer.Option("--from-sql", metavar="URL", help="Draft it from a database's tables (SQLAlchemy's URL)."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="The package's folder; ./NAME if not given.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", "--operation", metavar="NAME", help="Only this operation or table; may be repeated."),
    ] = None,
    service: Annotated[str | None, typer.Option("--service", metavar="NAME", help="The WSDL's service.")] = None,
    port: Annotated[str | None, typer.Option("--port", metavar="NAME", help="The service's port.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a package: models, adapter, simulated system, conformance test, CI and README.

    Its tests pass as it is. What was guessed is listed in its README, and every guess is on the careful side: what
    nobody vouches for is never sent a second time by itself.
    """
    from ..scaffold import names, plain

    invocation = invocation_of(ctx, as_json=as_json)
    chosen = names(name)
    given = [option for option in (from_wsdl, from_openapi, from_sql) if option is not None]
    if len(given) > 1:
        raise InvalidRequest("name one of --from-wsdl, --from-openapi and --from-sql", code="options")
    if (service or port) and from_wsdl is None:
        raise InvalidRequest("--service and --port go with --from-wsdl", code="options")
    if only and not given:
        raise InvalidRequest("--only goes with --from-wsdl, --from-openapi or --from-sql", code="options")
    if from_wsdl is not None:
        from ..scaffold.from_wsdl import from_wsdl as drafted

        made = asyncio.run(drafted(chosen, from_wsdl, service=service, port=port, operations=only or ()))
    elif from_openapi is not None:
        from ..scaffold.from_openapi import from_openapi as described

        made = described(chosen, from_openapi, only=only or ())
    elif from_sql is not None:
        from ..scaffold.from_sql import from_sql as reflected

        invocation.secrets.add(from_sql)
        made = reflected(chosen, from_sql, only=only or ())
    else:
        made = plain(chosen)
    folder = out if out is not None else Path(name)
    written = [str(path) for path in made.write(folder)]
    left_out = "".join(f"\nLeft out: {one}" for one in made.skipped)
    invocation.answer(
        {"written": written, "left_out": list(made.skipped)},
        f"{folder} is there, {len(written)} files.{left_out}\n"
        f"Next: cd {folder} && make setup && make check test, and read its README.md.",
    )

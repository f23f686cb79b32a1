"""Drafting a package from a WSDL at a path or a URL, for `seawall new`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...core.errors import GatewayError, InvalidRequest
from .._http import HttpClient
from .documents import Documents, RefusedDocument, gather, is_url, read_file
from .generate import generate
from .wsdl import UNUSABLE

_TIMEOUT = 30.0


async def draft(
    wsdl: str, *, service: str | None = None, port: str | None = None, operations: Sequence[str] = ()
) -> Mapping[str, str]:
    """Read the WSDL and make the files of the package, by name.

    Args:
        wsdl: Path or URL.
        service: The name of the service.
        port: The name of the port.
        operations: Those wanted; all if empty.

    Raises:
        IntegrationError: The WSDL is not available or cannot be used.
    """
    return generate(await read_wsdl(wsdl), service=service, port=port, operations=operations)


async def read_wsdl(wsdl: str) -> Documents:
    """Read a WSDL and what it imports.

    Args:
        wsdl: Path or URL.

    Raises:
        IntegrationError: It is not available or cannot be used.
    """
    http = HttpClient()

    async def fetch(location: str) -> bytes:
        if not is_url(location):
            return read_file(location)
        reply = await http.send("GET", location, timeout=_TIMEOUT)
        if reply.status != 200:
            raise GatewayError(f"the WSDL is not available (status {reply.status})", code="wsdl_unavailable")
        return reply.body

    try:
        return await gather(wsdl, fetch)
    except RefusedDocument as error:
        raise InvalidRequest(f"the WSDL cannot be used: {error}", code=UNUSABLE) from None
    finally:
        await http.close()

"""SOAP messages over HTTP: the WSDL, sessions, what came back; nothing about actions."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

from ...core.adapter import Mapped, Surroundings
from ...core.errors import (
    ContractBroken,
    GatewayError,
    IntegrationError,
    InvalidRequest,
    Unauthenticated,
)
from .._flight import SingleFlight
from .._http import HttpClient
from . import documents, xml
from .exchange import Exchange
from .security import put_username_token
from .settings import AuthSettings, Basic, NoAuth, PortSettings, SessionLogin, UsernameToken
from .values import dig
from .wsdl import UNUSABLE, Contract

T = TypeVar("T")

_PREPARATION = 30.0  # seconds for each request of a login or of loading the WSDL

_log = logging.getLogger("seawall.soap")


class Session(NamedTuple):
    """A session: its token (a name of ours where it is a cookie), and where to use it if the login said so."""

    token: str
    url: str | None


_contracts: dict[tuple[object, ...], Contract] = {}
_MOST_CONTRACTS = 32


def _once(document: tuple[object, ...], read: Callable[[], Contract]) -> Contract:
    """Read a WSDL once in a thread: simulations open the same port again and again, and reading takes 15 ms."""
    known = (threading.get_ident(), *document)
    if known not in _contracts:
        if len(_contracts) >= _MOST_CONTRACTS:
            _contracts.clear()
        _contracts[known] = read()
    return _contracts[known]


class Wire:
    """One SOAP port.

    Args:
        settings: The port's settings.
        surroundings: Clock and ids, and what must not be written down.
        http: The client.
        auth: How to log in.
        errors: Codes that hold for the whole system.
        header: Makes a header block for each request, for systems that sign each of them: name → content.
        inline: Whether blocking work is done in the calling thread (simulated time).
    """

    def __init__(
        self,
        settings: PortSettings,
        surroundings: Surroundings,
        http: HttpClient,
        *,
        auth: AuthSettings | None = None,
        errors: Mapping[str, Mapped] | None = None,
        header: Callable[[], Mapping[str, Any]] | None = None,
        inline: bool = False,
    ) -> None:
        self.settings = settings
        self.auth: AuthSettings = auth or NoAuth()
        self.errors = dict(errors or {})
        self.clock = surroundings.sources.clock
        self.secrets = surroundings.secrets
        self.http = http
        self.sessions = SingleFlight("the login", self._log_in)
        self.header = header
        self._new_id = surroundings.sources.new_id
        self._inline = inline
        self._contract = SingleFlight("the request for the WSDL", self._load)
        if isinstance(auth, Basic | UsernameToken):
            self.secrets.add(auth.password.get_secret_value())
        elif isinstance(auth, SessionLogin):
            self.secrets.add(*(value.get_secret_value() for value in auth.arguments.values()))

    def begin(self, timeout: float, *, relogin: bool, may_write: Callable[[], bool] | None = None) -> Exchange:
        """The requests of one attempt.

        Args:
            timeout: Seconds for all of them.
            relogin: Whether an expired session may be renewed and the request it refused be sent once more.
            may_write: Asked right before each request that is no read.
        """
        return Exchange(self, timeout, relogin=relogin, may_write=may_write)

    async def contract(self, timeout: float) -> Contract:
        """What the WSDL says; read at the first call.

        Args:
            timeout: Seconds to wait.

        Raises:
            IntegrationError: Always of effect none.
        """
        return await self._contract.get(timeout)

    async def log_in(self, timeout: float) -> None:
        """Log in, where logging in is an operation.

        Args:
            timeout: Seconds to wait.
        """
        if isinstance(self.auth, SessionLogin):
            await self.sessions.get(timeout)

    async def load_anew(self) -> Contract:
        """What the WSDL says now. What is used stays as it is."""
        return await self._load(pinned=False)

    async def close(self) -> None:
        """Release connections."""
        await self.sessions.close()
        await self._contract.close()
        await self.http.close()

    async def blocking(self, work: Callable[..., T], *arguments: Any) -> T:
        """Do blocking work in a thread."""
        return work(*arguments) if self._inline else await asyncio.to_thread(work, *arguments)

    def address(self, contract: Contract, session: Session | None) -> str:
        """Where requests go.

        Raises:
            InvalidRequest: Nobody says.
        """
        address = (session and session.url) or self.settings.url or contract.address
        if address is None:
            raise InvalidRequest(
                "the WSDL names no address that may be used: set `url` (a WSDL from the network is believed for its "
                "own host only)",
                code=UNUSABLE,
            )
        return str(address)

    def secure(self, envelope: xml.Node) -> None:
        """Put the security header into an envelope, if there is one."""
        auth = self.auth
        if isinstance(auth, UsernameToken):
            put_username_token(
                envelope,
                auth.username,
                auth.password.get_secret_value(),
                how=auth.password_type,
                now=self.clock.now(),
                nonce=hashlib.sha256(self._new_id("nonce").encode()).digest()[:16],
            )

    def http_headers(self) -> dict[str, str]:
        """The headers of HTTP's own authentication."""
        auth = self.auth
        if not isinstance(auth, Basic):
            return {}
        pair = base64.b64encode(f"{auth.username}:{auth.password.get_secret_value()}".encode()).decode()
        self.secrets.add(pair)
        return {"Authorization": f"Basic {pair}"}

    async def _load(self, *, pinned: bool = True) -> Contract:
        settings = self.settings
        try:
            found = await documents.gather(settings.wsdl, self._fetch)
        except documents.RefusedDocument as error:
            raise InvalidRequest(f"the WSDL cannot be used: {error}", code=UNUSABLE) from None

        def read() -> Contract:
            return Contract(found, service=settings.service, port=settings.port)

        contract = (
            _once((found.location, found.fingerprint, settings.service, settings.port), read)
            if self._inline
            else (await self.blocking(read))
        )
        if pinned and settings.wsdl_fingerprint not in (None, contract.fingerprint):
            raise InvalidRequest(
                f"the WSDL changed: its fingerprint is {contract.fingerprint}, and the settings say "
                f"{settings.wsdl_fingerprint}. Look what changed, then change `wsdl_fingerprint`",
                code="wsdl_changed",
            )
        _log.debug("WSDL %s read, fingerprint %s", settings.wsdl, contract.fingerprint)
        return contract

    async def _fetch(self, location: str) -> bytes:
        if not documents.is_url(location):
            return await self.blocking(documents.read_file, location)
        ours = self.settings.url
        same_host = ours is None or urlsplit(ours).hostname == urlsplit(location).hostname
        reply = await self.http.send(
            "GET", location, timeout=_PREPARATION, headers=self.http_headers() if same_host else None
        )
        if reply.status != 200:
            raise GatewayError(
                f"the WSDL is not available (status {reply.status})", code="wsdl_unavailable", evidence=reply.facts()
            )
        return reply.body

    async def _log_in(self) -> Session:
        auth = self.auth
        assert isinstance(auth, SessionLogin)
        exchange = Exchange(self, _PREPARATION, relogin=False, session=False)
        try:
            answer = await exchange.call(auth.operation, _nested(auth.arguments))
        except IntegrationError as error:
            error.message = f"the login failed: {error.message}"
            raise
        if auth.status is not None and dig(answer.value, auth.status) is not True:
            raise Unauthenticated(f"the login was refused: {auth.status} is not true", code="login")
        token = self._new_id("session") if auth.token is None else dig(answer.value, auth.token)
        if not isinstance(token, str) or not token:
            raise ContractBroken(f"the answer to the login holds no {auth.token}", code="login")
        self.secrets.add(token)
        url = dig(answer.value, auth.url) if auth.url else None
        return Session(token, self._near(url) if url is not None else None)

    def _near(self, url: Any) -> str:
        """A URL that a login named, if it lies where credentials may be sent."""
        home = urlsplit(self.settings.url or self.settings.wsdl).hostname or ""
        host = urlsplit(str(url)).hostname or ""
        domain = home.partition(".")[2]
        near = host == home or (domain.count(".") >= 1 and host.endswith(f".{domain}"))
        same_scheme = urlsplit(str(url)).scheme == urlsplit(self.settings.url or self.settings.wsdl).scheme
        if not near or not same_scheme:
            raise ContractBroken(
                f"the login names {host or 'no host'} to go on with, which is no host of {home}: it is not used",
                code="login",
            )
        return str(url)


def _nested(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """`{"a.b": secret}` as `{"a": {"b": "text"}}`."""
    found: dict[str, Any] = {}
    for path, secret in arguments.items():
        *parents, name = path.split(".")
        inner = found
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[name] = secret.get_secret_value()
    return found

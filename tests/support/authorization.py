"""A small authorization server on loopback, written from the RFCs: metadata (8414), keys (7517), and access tokens
(9068) for the resource that is asked for (8707), by client credentials. And tokens that no such server would make."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

CLIENTS = {"ada": "secret-of-ada-0123456789", "viewer": "secret-of-viewer-0123456789"}
MAY_HAVE = {"ada": {"seawall:read", "seawall:write"}, "viewer": {"seawall:read"}}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


class Key:
    """A key pair that signs."""

    def __init__(self, kid: str, alg: str = "RS256", *, bits: int = 2048) -> None:
        self.kid, self.alg = kid, alg
        self.private: Any
        if alg.startswith("ES"):
            self.private = ec.generate_private_key(ec.SECP256R1())
        elif alg == "EdDSA":
            self.private = ed25519.Ed25519PrivateKey.generate()
        else:
            self.private = rsa.generate_private_key(public_exponent=65537, key_size=bits)

    def public(self, **changes: Any) -> dict[str, Any]:
        """The public key as a JWK; a member that is changed to None is left out."""
        signing: Any = jwt.get_algorithm_by_name(self.alg)
        public = json.loads(signing.to_jwk(self.private.public_key()))
        public.pop("key_ops", None)
        said = {**public, "kid": self.kid, "alg": self.alg, "use": "sig", **changes}
        return {name: value for name, value in said.items() if value is not None}

    def sign(self, claims: Mapping[str, Any], **header: Any) -> str:
        """A token; a header that is None is left out."""
        said = {"kid": self.kid, "typ": "at+jwt", **header}
        alg = said.pop("alg", self.alg)
        return jwt.encode(
            {**claims},
            self.private,
            algorithm=alg,
            headers={name: value for name, value in said.items() if value is not None or name == "typ"},
        )


def forged(claims: Mapping[str, Any], header: Mapping[str, Any], secret: bytes = b"") -> str:
    """A token put together by hand: signed with a shared secret, or not at all."""
    signed = ".".join(b64(json.dumps(part).encode()) for part in (header, claims))
    mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest() if secret else b""
    return f"{signed}.{b64(mac)}"


class AuthorizationServer:
    """What it knows, and what happens to it.

    `away` makes it close each connection without an answer.
    """

    def __init__(self) -> None:
        self.keys = [Key("k1")]
        self.away = False
        self.asked: list[str] = []
        self.url = ""

    def answer(self, method: str, path: str, authorization: str, body: str) -> tuple[int, Any]:
        match method, path:
            case "GET", "/.well-known/oauth-authorization-server":
                return 200, {
                    "issuer": self.url,
                    "jwks_uri": f"{self.url}/keys",
                    "token_endpoint": f"{self.url}/token",
                    "authorization_endpoint": f"{self.url}/authorize",
                    "response_types_supported": ["code"],
                    "grant_types_supported": ["client_credentials"],
                    "token_endpoint_auth_methods_supported": ["client_secret_basic"],
                }
            case "GET", "/keys":
                return 200, {"keys": [key.public() for key in self.keys]}
            case "POST", "/token":
                return self._token(authorization, {name: values[-1] for name, values in parse_qs(body).items()})
        return 404, {"error": "not_found"}

    def token(
        self, audience: str, client: str = "ada", scope: str = "seawall:read seawall:write", **claims: Any
    ) -> str:
        """An access token as RFC 9068 wants it."""
        now = int(time.time())
        said = {"iss": self.url, "aud": audience, "sub": client, "client_id": client, "scope": scope}
        return self.keys[0].sign({**said, "iat": now, "exp": now + 300, "jti": b64(str(now).encode()), **claims})

    def _token(self, authorization: str, form: Mapping[str, str]) -> tuple[int, Any]:
        client, _, secret = base64.b64decode(authorization.partition(" ")[2]).decode().partition(":")
        client, secret = unquote(client), unquote(secret)
        if CLIENTS.get(client) != secret:
            return 401, {"error": "invalid_client"}
        if form.get("grant_type") != "client_credentials" or "resource" not in form:
            return 400, {"error": "invalid_request"}
        asked = set(form.get("scope", "").split())
        scope = " ".join(sorted(asked & MAY_HAVE[client]))
        token = self.token(form["resource"], client, scope)
        return 200, {"access_token": token, "token_type": "Bearer", "expires_in": 300, "scope": scope}


@contextmanager
def authorization_server() -> Iterator[AuthorizationServer]:
    """Serve one from a thread."""
    ours = AuthorizationServer()

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            ours.asked.append(self.path)
            if ours.away:
                self.close_connection = True
                return
            body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
            status, told = ours.answer(self.command, self.path, self.headers.get("authorization", ""), body)
            content = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        server.daemon_threads = True
        ours.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield ours
        finally:
            server.shutdown()
            thread.join()

"""Keys of an authorization server: how often it is asked, and what works while it is away."""

from __future__ import annotations

import asyncio
import json
import logging
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from support.authorization import Key
from support.virtual import virtual

from seawall.agents.oauth_keys import Keys, NoKeys, metadata_urls
from seawall.oauth_settings import OAuthSettings
from seawall.simulators.virtual_time import LoopClock

ISSUER, OURS = "https://auth.example.com", "https://seawall.example.com/mcp"


@cache
def key(kid: str = "k1") -> Key:
    return Key(kid)


class Server:
    """Answers with what it is told to, and remembers what it was asked."""

    def __init__(self, **answers: Any) -> None:
        self.keys = [key()]
        self.away = False
        self.takes = 0.0
        self.asked: list[str] = []
        self.answers = {url.replace("_", "-"): answer for url, answer in answers.items()}

    async def __call__(self, url: str) -> tuple[int, bytes]:
        self.asked.append(url)
        await asyncio.sleep(self.takes)
        if self.away:
            raise OSError("connection refused")
        told: Any = {"keys": [one.public() for one in self.keys]} if url.endswith("/keys") else None
        for ending, answer in self.answers.items():
            told = answer if url.endswith(ending) else told
        return (404, b"") if told is None else (200, told if isinstance(told, bytes) else json.dumps(told).encode())


def keys(server: Server, **settings: Any) -> Keys:
    given = {"jwks_url": f"{ISSUER}/keys", **settings}
    return Keys(OAuthSettings(issuer=ISSUER, audience=OURS, **given), server, LoopClock())


def header(kid: str = "k1") -> dict[str, Any]:
    return {"alg": "RS256", "kid": kid}


async def found(known: Keys, kid: str = "k1") -> int:
    return len(await known.of(header(kid)))


@virtual
async def test_server_is_asked_once_for_many_tokens_at_a_time_and_again_when_keys_are_old() -> None:
    server = Server()
    server.takes = 1.0
    known = keys(server)
    assert await asyncio.gather(*(found(known) for _ in range(50))) == [1] * 50
    await asyncio.sleep(599)
    assert await found(known) == 1
    assert len(server.asked) == 1
    await asyncio.sleep(2)
    assert await found(known) == 1
    assert len(server.asked) == 2


@virtual
async def test_new_key_is_found_at_once_and_a_withdrawn_one_is_not_used_again() -> None:
    server = Server()
    known = keys(server)
    assert await found(known) == 1
    await asyncio.sleep(31)
    server.keys = [key("k2")]
    assert await found(known) == 1  # nobody knows yet that it was withdrawn
    assert await found(known, "k2") == 1
    assert await found(known) == 0


@virtual
async def test_unknown_keys_make_no_more_than_one_question_in_a_while() -> None:
    server = Server()
    known = keys(server)
    for second in range(120):
        for one in range(20):
            assert await found(known, f"guessed-{second}-{one}") == 0
        await asyncio.sleep(1)
    assert len(server.asked) <= 5
    assert await found(known) == 1


@virtual
async def test_known_keys_work_while_the_server_is_away_and_others_cannot_be_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = Server()
    known = keys(server)
    assert await found(known) == 1
    server.away = True
    with caplog.at_level(logging.WARNING, "seawall.agents"):
        await asyncio.sleep(601)
        for _ in range(100):
            assert await found(known) == 1
            with pytest.raises(NoKeys):
                await found(known, "k2")
            await asyncio.sleep(10)
        server.away, server.keys = False, [key("k2")]
        await asyncio.sleep(31)
        assert await found(known, "k2") == 1
    lost, came = [record.getMessage() for record in caplog.records]
    assert "known keys still work" in lost
    assert "came again" in came


@virtual
async def test_keys_of_a_server_that_is_away_for_too_long_are_not_used() -> None:
    server = Server()
    known = keys(server, keys_kept=3600)
    assert await found(known) == 1
    server.away = True
    await asyncio.sleep(3599)
    assert await found(known) == 1
    await asyncio.sleep(2)
    with pytest.raises(NoKeys):
        await found(known)


@virtual
async def test_server_that_never_answers_is_waited_for_only_so_long() -> None:
    server = Server()
    server.takes = 1000.0
    known = keys(server)
    started = LoopClock().monotonic()
    with pytest.raises(NoKeys):
        await found(known)
    assert LoopClock().monotonic() - started == pytest.approx(5)
    with pytest.raises(NoKeys):
        await found(known)
    assert LoopClock().monotonic() - started == pytest.approx(5)
    await known.aclose()


@virtual
async def test_caller_that_leaves_stops_the_question_for_nobody() -> None:
    server = Server()
    server.takes = 2.0
    known = keys(server)
    leaving, staying = asyncio.create_task(found(known)), asyncio.create_task(found(known))
    await asyncio.sleep(1)
    leaving.cancel()
    assert await staying == 1
    assert len(server.asked) == 1


@pytest.mark.parametrize("answer", [b"", b"<html>", b"[]", {"keys": []}, {"keys": {}}, {"keys": [1, {"kty": "oct"}]}])
@virtual
async def test_answer_without_keys_replaces_none(answer: Any) -> None:
    server = Server()
    known = keys(server)
    assert await found(known) == 1
    server.answers = {"/keys": answer}
    await asyncio.sleep(601)
    assert await found(known) == 1
    assert len(server.asked) == 2


METADATA = {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"}


@pytest.mark.parametrize("where", ["oauth-authorization-server", "openid-configuration"])
@virtual
async def test_keys_are_found_through_the_metadata_of_either_kind(where: str) -> None:
    server = Server(**{where: METADATA})
    assert await found(keys(server, jwks_url=None)) == 1
    assert server.asked[-1] == f"{ISSUER}/keys"


@pytest.mark.parametrize(
    "metadata",
    [
        {**METADATA, "issuer": f"{ISSUER}/"},
        {**METADATA, "issuer": "https://evil.example.com"},
        {"issuer": ISSUER},
        {**METADATA, "jwks_uri": "http://auth.example.com/keys"},
        {**METADATA, "jwks_uri": "file:///keys"},
        [],
        b"<html>",
    ],
)
@virtual
async def test_metadata_of_somebody_else_or_an_unsafe_address_gives_no_keys(metadata: Any) -> None:
    server = Server(oauth_authorization_server=metadata)
    with pytest.raises(NoKeys):
        await found(keys(server, jwks_url=None))
    assert not any(url.endswith("/keys") for url in server.asked)


def test_metadata_of_an_issuer_with_a_path_is_looked_for_where_the_standards_say() -> None:
    known = "https://auth.example.com/.well-known"
    assert metadata_urls("https://auth.example.com/tenant1") == (
        f"{known}/oauth-authorization-server/tenant1",
        f"{known}/openid-configuration/tenant1",
        "https://auth.example.com/tenant1/.well-known/openid-configuration",
    )
    assert metadata_urls("https://auth.example.com/") == (
        f"{known}/oauth-authorization-server",
        f"{known}/openid-configuration",
    )


@virtual
async def test_keys_in_a_file_are_read_again_when_one_is_not_known(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"keys": [key().public()]}))
    known = keys(Server(), jwks_url=None, jwks_file=str(file))
    assert await found(known) == 1
    file.write_text(json.dumps({"keys": [key("k2").public()]}))
    await asyncio.sleep(31)
    assert await found(known, "k2") == 1
    file.unlink()
    await asyncio.sleep(601)
    assert await found(known, "k2") == 1

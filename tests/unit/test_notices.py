"""Notices to a webhook: signed, told until they are heard, and without what people alone may see."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr, ValidationError
from support.refunds import ADA, EVE, refund_wall
from support.virtual import virtual

from seawall import Pending, Seawall
from seawall.config import ApprovalsConfig
from seawall.notices import Notices, signature

SECRET = "a-shared-secret-of-some-length"


class Hook(httpx.AsyncBaseTransport):
    """Whoever listens."""

    def __init__(self) -> None:
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int | Exception] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = self.answers.pop(0) if self.answers else 204
        if isinstance(answer, Exception):
            raise answer
        self.heard.append((dict(request.headers), await request.aread()))
        return httpx.Response(answer)

    @property
    def statuses(self) -> list[str]:
        return [json.loads(body)["status"] for _, body in self.heard]


def notices(wall: Seawall, hook: Hook) -> Notices:
    config = ApprovalsConfig(webhook="http://127.0.0.1:1/hook", secret=SecretStr(SECRET))
    return Notices(config, wall.ledger, wall.sources, wall.secrets, transport=hook)


async def held(wall: Seawall) -> str:
    outcome = await wall.call("desk.refund", {"order": "o-1", "amount": 90, "note": "for Ann"}, principal=ADA)
    assert isinstance(outcome, Pending)
    assert outcome.approval is not None
    return outcome.approval.approval_id


@virtual
async def test_question_is_told_once_with_a_signature_that_holds(tmp_path: Path) -> None:
    async with refund_wall(tmp_path) as (wall, _):
        hook, approval = Hook(), await held(wall)
        telling = notices(wall, hook)
        assert (await telling.run_once(), await telling.run_once()) == (1, 0)
        ((headers, body),) = hook.heard
        told = json.loads(body)
        assert (told["approval_id"], told["status"], told["action"]) == (approval, "waiting", "desk.refund")
        at, _, signed = headers["seawall-signature"].partition(",v1=")
        assert signed == signature(SECRET.encode(), int(at.removeprefix("t=")), body)
        assert headers["seawall-notice"] == f"{approval}.waiting"
        assert b"Ann" not in body, "arguments are for those who may see them"


@virtual
async def test_what_became_of_it_is_told_too(tmp_path: Path) -> None:
    async with refund_wall(tmp_path) as (wall, _):
        hook, approval = Hook(), await held(wall)
        telling = notices(wall, hook)
        await telling.run_once()
        await wall.sources.clock.sleep(60.0)
        await wall.approvals.approve(approval, by=EVE)
        await wall.pipeline.release.run_once()
        await telling.run_once()
        assert hook.statuses == ["waiting", "spent"]


@virtual
@pytest.mark.parametrize("answer", [500, 302, httpx.ConnectError("away"), httpx.ReadTimeout("slow")])
async def test_webhook_that_does_not_take_it_is_told_again(tmp_path: Path, answer: Any) -> None:
    async with refund_wall(tmp_path) as (wall, _):
        hook = Hook()
        hook.answers = [answer]
        await held(wall)
        telling = notices(wall, hook)
        assert await telling.run_once() == 0
        await wall.sources.clock.sleep(60.0)
        assert await telling.run_once() == 1


@virtual
async def test_approval_whose_content_was_erased_is_told_without_it_and_holds_up_no_other(tmp_path: Path) -> None:
    async with refund_wall(tmp_path) as (wall, _):
        hook, approval = Hook(), await held(wall)
        standing = await wall.approvals.reject(approval, by=EVE, message="no")
        await wall.ledger.erase(standing.operation.id, by=EVE, reason="asked for")
        other = await wall.call("desk.refund", {"order": "o-2", "amount": 1}, principal=ADA)
        assert isinstance(other, Pending)
        assert await notices(wall, hook).run_once() == 2
        assert sorted(hook.statuses) == ["rejected", "waiting"]


def test_webhook_without_a_secret_is_refused() -> None:
    with pytest.raises(ValidationError, match="secret"):
        ApprovalsConfig(webhook="http://127.0.0.1/hook")


@virtual
async def test_webhook_of_a_configuration_is_told_while_the_wall_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = Hook()
    monkeypatch.setattr("seawall.notices.HttpClient", lambda **_: _client(hook))
    approvals = {"webhook": "http://127.0.0.1:1/hook", "secret": SECRET}
    async with refund_wall(tmp_path, background=True, approvals=approvals) as (wall, _):
        await held(wall)
        await wall.sources.clock.sleep(5.0)
        assert hook.statuses == ["waiting"]


def _client(hook: Hook) -> Any:
    from seawall.connectors.http import HttpClient

    return HttpClient(transport=hook)

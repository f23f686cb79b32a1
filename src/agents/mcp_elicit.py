"""The questions of `at_client` over MCP: elicitation, in both of its forms, and the seal on what clients carry."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CallToolRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from .at_client import FORM, Asked, Calling, Form, Said
from .desk import Desk, Grant
from .result import Result

_log = logging.getLogger("seawall.agents")

_KEY = "approval"
_SEALED = 3600.0  # seconds for which a seal can be opened: an answer that is too late is told so, in our words
_AUDIENCE = "seawall"


class Elicitation:
    """Calls tools, and asks the person at the client about a call that people must approve.

    The model neither sees a question nor can answer it: questions go to the client, and an answer counts only for the
    person whom the token or the command line names, under the digest of what was shown.

    Args:
        desk: The dispatchers.
        grant_of: Tells from the transport's request who calls.
    """

    def __init__(self, desk: Desk, grant_of: Callable[[Any], Grant]) -> None:
        self._desk = desk
        self._at_client = desk.at_client
        self._grant_of = grant_of

    def boundary(self, keys: Sequence[str]) -> RequestStateBoundary:
        """Seals what clients carry from a question to its answer: for one call, one principal and one person.

        Args:
            keys: The first seals, all open; without any, one of this process.
        """

        def bound_to(ctx: ServerRequestContext[Any, Any]) -> str:
            grant = self._grant_of(ctx.request)
            return json.dumps([grant.principal, grant.person])

        security = RequestStateSecurity(keys=keys or [os.urandom(32)], ttl=_SEALED, bind_principal=bound_to)
        return RequestStateBoundary(security, default_audience=_AUDIENCE)

    async def call(
        self, ctx: ServerRequestContext[Any, Any], params: CallToolRequestParams, call: Calling
    ) -> Result | InputRequiredResult:
        """Call a tool.

        Args:
            ctx: The request.
            params: Its parameters.
            call: Calls a tool as the agent.

        Returns:
            The result, or a question: then the client makes the same call again, with the answer.
        """
        until = self._at_client.now() + self._at_client.hold
        if params.request_state is not None:
            said = _said((params.input_responses or {}).get(_KEY))
            asked = Asked.of_state(params.request_state)
            if asked is None:
                return await call(params.name, params.arguments)
            return await self._at_client.answered(asked, said, call, params.name, params.arguments, until)
        result = await call(params.name, params.arguments)
        form = await self._form(ctx, params, result)
        if form is None:
            return result
        if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS:
            shown = ElicitRequestFormParams(message=form.message, requested_schema=dict(FORM))
            return InputRequiredResult(
                input_requests={_KEY: ElicitRequest(params=shown)}, request_state=form.asked.to_state()
            )
        said = await self._elicited(ctx, form, until)
        return await self._at_client.answered(form.asked, said, call, params.name, params.arguments, until)

    async def _form(
        self, ctx: ServerRequestContext[Any, Any], params: CallToolRequestParams, result: Result
    ) -> Form | None:
        grant = self._grant_of(ctx.request)
        # Only calls of actions: whoever asks for an operation later is told of it, and nobody else is asked.
        if self._desk.of(grant).reach(params.name, params.arguments) is None or not _can_ask(ctx):
            return None
        try:
            return await self._at_client.form(grant.person, result)
        except Exception:  # noqa: BLE001 -- the call has its result, which is true without anybody being asked here
            _log.exception("a mistake while the person at the client was to be asked")
            return None

    async def _elicited(self, ctx: ServerRequestContext[Any, Any], form: Form, until: float) -> Said:
        """What the person at a client says that can be asked in the middle of a call; nothing in time is nothing."""
        left = min(self._at_client.within, until - self._at_client.now())
        try:
            async with asyncio.timeout(max(0.0, left)):
                answer = await ctx.session.elicit_form(form.message, dict(FORM), related_request_id=ctx.request_id)
        except TimeoutError:
            _log.info("%s did not answer within %.0f s at the client", form.asked.person, left)
            return Said()
        except (MCPError, ValidationError) as unanswered:
            _log.info("%s could not be asked at the client: %s", form.asked.person, type(unanswered).__name__)
            return Said()
        return _said(answer)


def _can_ask(ctx: ServerRequestContext[Any, Any]) -> bool:
    """Whether the client declares forms, and can be asked: in the middle of a call, or by being told to call again."""
    capabilities = ctx.session.client_capabilities
    declared = None if capabilities is None else capabilities.elicitation
    if declared is None or (declared.form is None and declared.url is not None):
        return False
    return ctx.protocol_version in MODERN_PROTOCOL_VERSIONS or ctx.session.can_send_request


def _said(answer: Mapping[str, Any] | object) -> Said:
    if not isinstance(answer, ElicitResult):
        return Said()
    match answer.action:
        case "accept":
            return Said.of(answer.content)
        case "decline":
            return Said("decline")
        case _:
            return Said()

"""Mistakes of connectors: each changes a correct one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from seawall.core.adapter import Absent, Action, Adapter, Attempt, Sent
from seawall.core.errors import (
    Ambiguous,
    BusinessRule,
    GatewayError,
    IntegrationError,
    Throttled,
    UnreadableReply,
)

Spoil = Callable[[Adapter], None]


def sends(change: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Spoil:
    """A connector whose `send` is replaced."""

    def spoil(adapter: Adapter) -> None:
        vars(adapter)["send"] = change(adapter.send)

    return spoil


def retries_without_key(real: Callable[..., Any]) -> Callable[..., Any]:
    async def send(action: Action, attempt: Attempt) -> Sent[Any]:
        try:
            sent: Sent[Any] = await real(action, attempt)
        except IntegrationError:
            sent = await real(action, replace(attempt, key=f"sw-{'z' * 26}"))
        return sent

    return send


def calls_a_504_a_refusal(real: Callable[..., Any]) -> Callable[..., Any]:
    async def send(action: Action, attempt: Attempt) -> Sent[Any]:
        try:
            sent: Sent[Any] = await real(action, attempt)
        except GatewayError as error:
            raise BusinessRule("the server said no", code="refused") from error
        return sent

    return send


def believes_any_page(real: Callable[..., Any]) -> Callable[..., Any]:
    async def send(action: Action, attempt: Attempt) -> Sent[Any]:
        try:
            sent: Sent[Any] = await real(action, attempt)
        except (UnreadableReply, GatewayError):
            sent = Sent(action.reply.model_construct(case_id="500000000000001AAA"), "500000000000001AAA")
        return sent

    return send


def writes_more_than_was_asked(real: Callable[..., Any]) -> Callable[..., Any]:
    async def send(action: Action, attempt: Attempt) -> Sent[Any]:
        request = attempt.request.model_copy(update={"status": "Working"}) if action.writes else attempt.request
        sent: Sent[Any] = await real(action, replace(attempt, request=request))
        return sent

    return send


def names_the_first_record(real: Callable[..., Any]) -> Callable[..., Any]:
    first: list[Sent[Any]] = []

    async def send(action: Action, attempt: Attempt) -> Sent[Any]:
        sent: Sent[Any] = await real(action, attempt)
        first.append(sent)
        return replace(sent, record=first[0].record)

    return send


def names_a_record_of_its_own(real: Callable[..., Any]) -> Callable[..., Any]:
    async def send(action: Action, attempt: Attempt) -> Sent[Any]:
        sent: Sent[Any] = await real(action, attempt)
        return replace(sent, record="500000000000001AAA")

    return send


def describes_what_it_makes(real: Callable[..., Any]) -> Callable[..., Any]:
    async def send(action: Action, attempt: Attempt) -> Sent[Any]:
        request = attempt.request.model_copy(update={"description": "by Seawall"})
        sent: Sent[Any] = await real(action, replace(attempt, request=request))
        return sent

    return send


def looks_by_writing(adapter: Adapter) -> None:
    """A connector whose probe does it again, because its target keeps keys unique."""
    real = adapter.probe

    async def probe(action: Action, attempt: Attempt) -> Any:
        await adapter.send(action, replace(attempt, maybe_applied=True))
        return await real(action, attempt)

    vars(adapter)["probe"] = probe


def drops_a_field(real: Callable[..., Any]) -> Callable[..., Any]:
    async def send(action: Action, attempt: Attempt) -> Sent[Any]:
        request = attempt.request.model_copy(update={"priority": None}) if action.writes else attempt.request
        sent: Sent[Any] = await real(action, replace(attempt, request=request))
        return sent

    return send


def never_knows_at_first(real: Callable[..., Any]) -> Callable[..., Any]:
    left = [6]  # more than one call has attempts

    async def send(action: Action, attempt: Attempt) -> Sent[Any]:
        sent: Sent[Any] = await real(action, attempt)
        if action.writes and left[0]:
            left[0] -= 1
            raise Ambiguous("who knows", code="who_knows", transient=False)
        return sent

    return send


def is_never_sure(real: Callable[..., Any]) -> Callable[..., Any]:
    async def send(action: Action, attempt: Attempt) -> Sent[Any]:
        try:
            sent: Sent[Any] = await real(action, attempt)
        except IntegrationError as error:
            raise Ambiguous("who knows", code="who_knows", transient=False) from error
        return sent

    return send


def doubts_everything(real: Callable[..., Any]) -> Callable[..., Any]:
    async def send(action: Action, attempt: Attempt) -> Sent[Any]:
        sent: Sent[Any] = await real(action, attempt)
        if action.writes:
            raise Ambiguous("who knows", code="who_knows", transient=False)
        return sent

    return send


def storms(real: Callable[..., Any]) -> Callable[..., Any]:
    async def send(action: Action, attempt: Attempt) -> Sent[Any]:
        for _ in range(6):
            try:
                await real(action, attempt)
            except IntegrationError:
                continue
        sent: Sent[Any] = await real(action, attempt)
        return sent

    return send


def repeats_what_fails(real: Callable[..., Any]) -> Callable[..., Any]:
    async def send(action: Action, attempt: Attempt) -> Sent[Any]:
        try:
            sent: Sent[Any] = await real(action, attempt)
        except IntegrationError:
            sent = await real(action, attempt)
        return sent

    return send


def hides(**what: Any) -> Callable[..., Any]:
    """A connector whose errors do not say something that they know."""

    def change(real: Callable[..., Any]) -> Callable[..., Any]:
        async def send(action: Action, attempt: Attempt) -> Sent[Any]:
            try:
                sent: Sent[Any] = await real(action, attempt)
            except IntegrationError as error:
                vars(error).update(what)
                raise
            return sent

        return send

    return change


def waits_for_nothing(real: Callable[..., Any]) -> Callable[..., Any]:
    """A connector that repeats what was throttled a little later, whenever it was asked to come back."""

    async def send(action: Action, attempt: Attempt) -> Sent[Any]:
        while True:
            try:
                sent: Sent[Any] = await real(action, attempt)
            except Throttled:
                await asyncio.sleep(0.1)
            else:
                return sent

    return send


def tells_a_secret(real: Callable[..., Any]) -> Callable[..., Any]:
    async def send(action: Action, attempt: Attempt) -> Sent[Any]:
        raise BusinessRule("wrong token for c2Vhd2FsbC1zZWNyZXQ", code="token")

    return send


def keeps_a_secret(real: Callable[..., Any]) -> Callable[..., Any]:
    async def send(action: Action, attempt: Attempt) -> Sent[Any]:
        raise BusinessRule("wrong token", code="token", evidence={"token": "kept-by-the-ledger"})

    return send


def holds_on(real: Callable[..., Any]) -> Callable[..., Any]:
    async def send(action: Action, attempt: Attempt) -> Sent[Any]:
        until = asyncio.get_running_loop().time() + 100
        while (left := until - asyncio.get_running_loop().time()) > 0:
            try:
                await asyncio.sleep(left)
            except asyncio.CancelledError:
                continue
        sent: Sent[Any] = await real(action, attempt)
        return sent

    return send


def tidies_up_too_much(adapter: Adapter) -> None:
    real = adapter.send

    async def send(action: Action, attempt: Attempt) -> Sent[Any]:
        sent = await real(action, attempt)
        if action.name == "create_credit_memo":
            delete = adapter.actions["delete_credit_memo"]
            await real(delete, replace(attempt, request=delete.request.model_validate({"credit_memo_id": sent.record})))
        return sent

    vars(adapter)["send"] = send


def changes_the_case_too(adapter: Adapter) -> None:
    """A connector that comments on a case, and sets the case's status as well."""
    real = adapter.send

    async def send(action: Action, attempt: Attempt) -> Sent[Any]:
        sent: Sent[Any] = await real(action, attempt)
        if action.name == "add_case_comment":
            get, update = adapter.actions["get_case"], adapter.actions["update_case"]
            case = {"case_id": attempt.request.case_id}  # type: ignore[attr-defined]
            seen: Sent[Any] = await real(get, replace(attempt, request=get.request.model_validate(case)))
            change = update.request.model_validate({**case, "version": seen.value.version, "status": "Working"})
            await real(update, replace(attempt, request=change))
        return sent

    vars(adapter)["send"] = send


def lies_when_it_looks(adapter: Adapter) -> None:
    async def probe(action: Action, attempt: Attempt) -> Absent:
        return Absent()

    vars(adapter)["probe"] = probe


def collapses_batches(adapter: Adapter) -> None:
    real = adapter.send_batch

    async def send_batch(action: Action, request: Any, items: Any) -> Any:
        answers = await real(action, request, items)
        good = next(answer for answer in answers if isinstance(answer, Sent))
        return [answer if isinstance(answer, Sent) else good for answer in answers]

    vars(adapter)["send_batch"] = send_batch


def knows_no_priority(adapter: Adapter) -> None:
    """A connector that drops a field when it writes, and does not miss it when it looks."""
    real_send, real_batch, real_probe = adapter.send, adapter.send_batch, adapter.probe

    def cut(attempt: Attempt) -> Attempt:
        return replace(attempt, request=attempt.request.model_copy(update={"priority": None}))

    async def send(action: Action, attempt: Attempt) -> Any:
        return await real_send(action, cut(attempt))

    async def send_batch(action: Action, request: Any, items: Any) -> Any:
        return await real_batch(action, request, [cut(one) for one in items])

    async def probe(action: Action, attempt: Attempt) -> Any:
        return await real_probe(action, cut(attempt))

    vars(adapter).update(send=send, send_batch=send_batch, probe=probe)

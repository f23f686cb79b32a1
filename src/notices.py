"""Telling a webhook what people are asked, and what became of it: signed, at least once, and never in the way of calls.

The body is JSON. The header `Seawall-Signature` is `t=<seconds since the epoch>,v1=<HMAC-SHA256 in hexadecimal>` over
`<t>.<body>` with the shared secret; `Seawall-Notice` is the same for every delivery of one notice, so that a receiver
can tell a repetition. The newest state of an approval is told; states that passed meanwhile are left out.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
from typing import TYPE_CHECKING, Any

from .connectors._http import HttpClient, Transport
from .core.approval import moment
from .core.clock import Sources
from .core.errors import IntegrationError, LedgerUnavailable
from .core.ledger.approval_records import Approval
from .core.redaction import Secrets

if TYPE_CHECKING:
    from .config import ApprovalsConfig
    from .core.ledger import Ledger

_log = logging.getLogger("seawall.notices")

_TIMEOUT = 10.0  # seconds for one delivery; less than the time for which others leave a notice to us


class Notices:
    """Tells the webhook of a configuration.

    Args:
        config: Its address and secret.
        ledger: Where it stands what was told.
        sources: The clock.
        secrets: Removed from what is told.
        transport: Carries the requests instead of the network.
    """

    def __init__(
        self,
        config: ApprovalsConfig,
        ledger: Ledger,
        sources: Sources,
        secrets: Secrets,
        transport: Transport | None = None,
    ) -> None:
        assert config.webhook is not None
        assert config.secret is not None
        self._url = config.webhook
        self._secret = config.secret.get_secret_value().encode()
        self._pause = max(config.interval, 1.0)
        self._ledger = ledger
        self._clock = sources.clock
        self._secrets = secrets
        self._client = HttpClient(max_connections=2, max_response_bytes=65536, transport=transport)

    async def run(self) -> None:
        """Tell what is new, again and again, until cancelled. What cannot be delivered is tried again later."""
        try:
            while True:
                try:
                    await self.run_once()
                except LedgerUnavailable as error:
                    _log.warning("notices wait for the ledger: %s", error)
                except Exception:  # noqa: BLE001 -- whatever it was, the next round must come
                    _log.exception("a round of notices failed; the next one goes on")
                await self._clock.sleep(self._pause)
        finally:
            await self._client.close()

    async def run_once(self) -> int:
        """Tell what is new.

        Returns:
            How many notices were delivered.
        """
        found = await self._ledger.approvals.untold()
        return sum(await asyncio.gather(*(self._told(approval) for approval in found)))

    async def _told(self, approval: Approval) -> bool:
        try:
            return await self._tell(approval)
        except LedgerUnavailable as error:
            _log.warning("%s was told to the webhook, and may be again: %s", approval.id, error)
        except Exception:  # noqa: BLE001 -- one that fails must not hold up the others
            _log.exception("%s could not be told to the webhook; it is tried again", approval.id)
        return False

    async def _tell(self, approval: Approval) -> bool:
        notice = f"{approval.id}.{approval.status}"
        body = json.dumps(self._secrets.scrub_all(told_of(approval)), ensure_ascii=False).encode()
        at = int(self._clock.now())
        headers = {
            "Content-Type": "application/json",
            "Seawall-Notice": notice,
            "Seawall-Signature": f"t={at},v1={signature(self._secret, at, body)}",
        }
        try:
            reply = await self._client.send("POST", self._url, timeout=_TIMEOUT, headers=headers, content=body)
        except IntegrationError as error:
            _log.warning("%s could not be told to the webhook; it is tried again: %s", notice, error.message)
            return False
        if not 200 <= reply.status < 300:
            _log.warning("the webhook answered %s to %s; it is tried again", reply.status, notice)
            return False
        await self._ledger.approvals.told(approval.id, approval.status)
        return True


def signature(secret: bytes, at: int, body: bytes) -> str:
    """What the header `Seawall-Signature` must say.

    Args:
        secret: The shared secret.
        at: Seconds since the epoch, as the header has it; a receiver refuses what is too old.
        body: The body.
    """
    return hmac.new(secret, f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def told_of(approval: Approval) -> dict[str, Any]:
    """What a webhook is told of an approval. Arguments of the request and records are not among it.

    Args:
        approval: The approval.
    """
    shown = json.loads(approval.shown)
    return {
        "approval_id": approval.id,
        "operation_id": approval.operation_id,
        "status": str(approval.status),
        "action": f"{shown['system']}.{shown['action']}" if shown else None,  # None: it was erased
        "principal": shown.get("principal"),
        "role": approval.role,
        "quorum": approval.quorum,
        "reason": approval.reason,
        "expires": moment(approval.expires_at),
        "replaces": approval.replaces,
        "digest": approval.digest,
    }

"""The simulator: an ASGI application that behaves like HubSpot's CRM API, faults included."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..effects import Cause
from ..exchange import RolledBack
from ..faults import Plan
from ..http_simulator import HttpSimulator
from ..injector import RequestFacts
from ..journal import Journal
from ..kinds import Lane
from ..request import HttpRequest, json_reply
from ..vocabulary import Traits
from ..wire import Reply
from .batches import BATCHES, batch_size
from .call import Call
from .errors import HubSpotError, locked, search_throttled, throttled, unauthenticated
from .portal import Portal
from .records import Records
from .routes import OPEN, RESPONDERS, NoRoute, route, scopes
from .sessions import check_scopes
from .settings import HubSpotSettings
from .transaction import touched

OPERATIONS: Mapping[str, Lane] = {name: lane for name, (lane, _) in RESPONDERS.items()}
"""The names that a plan can match on, and the lane of each."""

TRAITS: Traits = {"http": None, "json": None, "transactions": None, "search": ("search",)}
"""What kinds of fault it can show."""


class HubSpotSimulator(HttpSimulator[Call]):
    """One simulated portal.

    Run it with `seawall.simulators.server.serve` or behind `InProcessTransport`. Clients see what the vendor's
    documentation describes; the effect log, the faults and the records are for judges only.

    What HubSpot makes of some kinds of fault: ``throttle`` is always a 429, whatever status the plan names;
    ``lock_error`` is a 423 for the whole call; ``session_expired`` ends an OAuth token, and is a passing 401 for the
    token of a private app, which has no end.

    Args:
        settings: The portal.
        plan: Faults; None for none.
        seed: Seed in place of the plan's own.
        effects_path: File that the effect log is also written to.
        data_path: File that keeps the records over a restart; None keeps them in memory only.
        now: Clock in seconds since 1970; the system's by default.

    Raises:
        PlanError: The plan holds a fault that can never befall this system.
    """

    def __init__(
        self,
        settings: HubSpotSettings | None = None,
        plan: Plan | None = None,
        seed: int | None = None,
        effects_path: str | Path | None = None,
        data_path: str | Path | None = None,
        now: Callable[[], float] | None = None,
    ) -> None:
        self.settings = settings or HubSpotSettings()
        super().__init__(
            plan,
            system=self.settings.system,
            operations=OPERATIONS,
            batches=BATCHES,
            traits=TRAITS,
            seed=seed,
            effects_path=effects_path,
            now=now,
        )
        journal = None if data_path is None else Journal(data_path)
        self.portal = Portal.build(self.settings, self.effects, self.now, journal, self.faults.plan.seed)
        for fault in self.faults.own:
            if fault.kind == "search_lag":
                self.portal.records.remember(fault.param("seconds"))

    @property
    def records(self) -> Records:
        """The portal's records, for judges and tests."""
        return self.portal.records

    def close(self) -> None:
        """Close the files."""
        super().close()
        self.portal.records.close()

    def add_record(self, object_name: str, properties: Mapping[str, Any]) -> str:
        """Put a record there as if another user had; it is not in the effect log. The answer is its id.

        Raises:
            HubSpotError: The portal's rules refuse it.
        """
        with self.records.transaction(logged=False) as tx:
            return self.portal.writer.create(tx, self.portal.schema.objects[object_name], properties).id

    def change_record(self, object_name: str, record_id: str, properties: Mapping[str, Any]) -> None:
        """Change a record as if another user had; it is not in the effect log.

        Raises:
            HubSpotError: There is no such record, or the portal's rules refuse the change.
        """
        obj = self.portal.schema.objects[object_name]
        with self.records.transaction(logged=False) as tx:
            self.portal.writer.update(tx, obj, self.portal.writer.live(obj, record_id), properties)

    def delete_record(self, object_name: str, record_id: str) -> None:
        """Archive a record as if another user had; it is not in the effect log.

        Raises:
            HubSpotError: There is no such record.
        """
        obj = self.portal.schema.objects[object_name]
        with self.records.transaction(logged=False) as tx:
            tx.archive(obj, self.portal.writer.live(obj, record_id))

    def admit(self, request: HttpRequest) -> tuple[Call, RequestFacts] | Reply:
        """What a request asks for, or the refusal of a call that never gets to the data."""
        try:
            call = route(request)
            if call.operation not in OPEN:
                session = self.portal.sessions.check(bearer(request))
                self.portal.limits.count(session.app, searching=call.operation == "search")
                check_scopes(session, scopes(call, self.portal.schema.names))
        except NoRoute as nowhere:
            return nowhere.reply()
        except HubSpotError as error:
            return self._refused(request, error)
        return call, self.facts(call.operation, request, batch_size(call))

    def perform(self, call: Call, *, cause: Cause = "request", failing: Mapping[int, str] | None = None) -> Reply:
        """Apply a call, commit, and word the answer."""
        if failing:
            call = replace(call, failing=failing)
        responder = RESPONDERS[call.operation][1]
        try:
            with self.records.transaction(call.request.number, cause) as tx:
                reply = responder(self.portal, call, tx)
        except HubSpotError as error:
            return self._refused(call.request, error)
        return self._finished(call, reply)

    def rehearse(self, call: Call) -> None:
        """Apply a call and roll it back."""
        with suppress(RolledBack, HubSpotError), self.records.transaction(call.request.number) as tx:
            RESPONDERS[call.operation][1](self.portal, call, tx)
            raise RolledBack

    def perform_lagging(self, call: Call, seconds: float) -> Reply:
        """Answer a search as it would have been so many seconds ago."""
        with self.records.lagging(seconds):
            return self.perform(call)

    def locked(self, call: Call) -> Reply:
        """423, for a batch as a whole too."""
        return self._refused(call.request, locked())

    def throttled(self, call: Call, status: int) -> Reply:  # noqa: ARG002 - HubSpot throttles with 429 only
        """429 in the words of the limit that the call falls under."""
        searching = call.operation == "search"
        return self._refused(call.request, search_throttled() if searching else throttled("TEN_SECONDLY_ROLLING"))

    def outage(self, status: int) -> Reply:
        """The API's own answer when it is not itself."""
        text = "Portal is being migrated. Please try again later" if status == 477 else "internal error"
        return json_reply(status, self._spare({"status": "error", "message": text, "correlationId": self._id(0)}))

    def expire_session(self, call: Call) -> Reply:
        """End an OAuth token for good; the token of a private app is refused this once."""
        token = bearer(call.request)
        try:
            error = unauthenticated()
            if self.portal.sessions.end(token):
                self.portal.sessions.check(token)
        except HubSpotError as refusal:
            error = refusal
        return self._refused(call.request, error)

    def lock_rows(self, call: Call) -> Callable[[], None]:
        """Lock the records, and the unique values, that a call is about to change."""
        return self.records.locks.hold(_touched_by(self.portal, call))

    def _finished(self, call: Call, reply: Reply) -> Reply:
        headers = [(b"x-hubspot-correlation-id", self._id(call.request.number).encode())]
        if call.operation not in OPEN and call.operation != "search":
            headers += self._limit_headers(call.request)
        return reply.with_headers(headers)

    def _refused(self, request: HttpRequest, error: HubSpotError) -> Reply:
        body = self._spare(error.body(self._id(request.number)))
        headers = [(b"x-hubspot-correlation-id", self._id(request.number).encode())]
        if error.status == 429:
            if request.path[-1:] != ("search",):
                headers += self._limit_headers(request)
            if self.settings.retry_after is not None:
                headers.append((b"retry-after", self.settings.retry_after.encode()))
        return json_reply(error.status, body).with_headers(headers)

    def _limit_headers(self, request: HttpRequest) -> list[tuple[bytes, bytes]]:
        try:
            return self.portal.limits.headers(self.portal.sessions.check(bearer(request)).app)
        except HubSpotError:
            return []

    def _spare(self, body: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in body.items() if name not in self.settings.omitted_error_fields}

    def _id(self, number: int) -> str:
        return self.portal.correlation_id(number)


def bearer(request: HttpRequest) -> str:
    """The access token of a request, or an empty string."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _touched_by(portal: Portal, call: Call) -> list[str]:
    obj = portal.schema.get(call.args[0]) if call.args else None
    if obj is None or call.operation not in ("create", "update", "archive", *BATCHES):
        return []
    try:
        body: Any = json.loads(call.request.body or b"{}")
        items = body.get("inputs", [{**body, "id": call.args[1] if len(call.args) > 1 else ""}])
        names: list[str] = []
        for item in items:
            record_id, id_property = str(item.get("id") or ""), item.get("idProperty")
            id_property = id_property or call.request.query.get("idProperty")
            written = dict(item.get("properties") or {})
            if id_property:
                written[str(id_property)] = record_id
                found = portal.records.find(obj, obj.properties[id_property], record_id)
                record_id = "" if found is None else found.id
            names += touched(obj, record_id, written)
    except (ValueError, TypeError, AttributeError, KeyError):
        return []
    return names

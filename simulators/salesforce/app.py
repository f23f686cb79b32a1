"""The simulator: an ASGI application that behaves like the REST API of a Salesforce org, faults included."""

from __future__ import annotations

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
from .composite import composite
from .errors import ApiError, MultipleMatches, expired_session, lock_error
from .locks import rows_of
from .org import Org
from .records import Records
from .replies import ambiguous, refused
from .routes import OPEN, RESPONDERS, Responder, route
from .sessions import bearer, limit_exceeded
from .settings import SalesforceSettings
from .values import as_id

_ALL: Mapping[str, tuple[Lane, Responder]] = {**RESPONDERS, "composite": ("write", composite)}

OPERATIONS: Mapping[str, Lane] = {name: lane for name, (lane, _) in _ALL.items()}
"""The names that a plan can match on, and the lane of each."""

TRAITS: Traits = {
    "http": None,
    "json": tuple(name for name in OPERATIONS if name != "soap_login"),
    "transactions": None,
}
"""What kinds of fault it can show."""

MOST_URI = 16_384
"""Longest URI in bytes, as documented; a longer one is a 414."""


class SalesforceSimulator(HttpSimulator[Call]):
    """One simulated org.

    Run it with `seawall.simulators.server.serve` or behind `InProcessTransport`. Clients see what the vendor's
    documentation describes; the effect log, the faults and the records are for judges only.

    Args:
        settings: The org.
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
        settings: SalesforceSettings | None = None,
        plan: Plan | None = None,
        seed: int | None = None,
        effects_path: str | Path | None = None,
        data_path: str | Path | None = None,
        now: Callable[[], float] | None = None,
    ) -> None:
        self.settings = settings or SalesforceSettings()
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
        self.org = Org.build(self.settings, self.effects, self.now, journal)

    @property
    def records(self) -> Records:
        """The org's records, for judges and tests."""
        return self.org.records

    def close(self) -> None:
        """Close the files."""
        super().close()
        self.org.records.close()

    def add_record(self, object_name: str, fields: Mapping[str, Any]) -> str:
        """Put a record there as if another user had; it is not in the effect log. The answer is its id.

        Raises:
            ApiError: The org's rules refuse it.
        """
        with self.org.records.transaction(logged=False) as tx:
            return str(self.org.writer.create(tx, self.org.schema.objects[object_name], fields)["Id"])

    def change_record(self, object_name: str, record_id: str, fields: Mapping[str, Any]) -> None:
        """Change a record as if another user had; it is not in the effect log.

        Raises:
            ApiError: There is no such record, or the org's rules refuse the change.
        """
        obj = self.org.schema.objects[object_name]
        with self.org.records.transaction(logged=False) as tx:
            self.org.writer.update(tx, obj, self.org.writer.live(obj, record_id), fields)

    def admit(self, request: HttpRequest) -> tuple[Call, RequestFacts] | Reply:
        """What a request asks for, or the refusal of a call that never gets to the data."""
        try:
            if len(request.target) > MOST_URI:
                raise ApiError("URI_TOO_LONG", f"The URI exceeds the {MOST_URI}-byte limit", 414)
            call = route(request)
            if call.operation not in OPEN:
                self.org.sessions.check(request)
                self.org.usage.count()
        except ApiError as error:
            return self._finished(refused(error))
        return call, self.facts(call.operation, request, batch_size(call))

    def perform(self, call: Call, *, cause: Cause = "request", failing: Mapping[int, str] | None = None) -> Reply:
        """Apply a call, commit, and word the answer."""
        if failing:
            call = replace(call, failing=failing)
        responder = _ALL[call.operation][1]
        try:
            with self.org.records.transaction(call.request.number, cause) as tx:
                reply = responder(self.org, call, tx)
        except ApiError as error:
            reply = refused(error)
        except MultipleMatches as matches:
            reply = ambiguous(call, matches)
        return self._finished(reply) if call.version else reply

    def rehearse(self, call: Call) -> None:
        """Apply a call and roll it back."""
        with (
            suppress(RolledBack, ApiError, MultipleMatches),
            self.org.records.transaction(call.request.number) as tx,
        ):
            _ALL[call.operation][1](self.org, call, tx)
            raise RolledBack

    def locked(self, call: Call) -> Reply:
        """The refusal of a write whose row is locked; batches and actions word it in their results."""
        if items := batch_size(call):
            return self.perform(call, failing=dict.fromkeys(range(items), "UNABLE_TO_LOCK_ROW"))
        if call.operation == "invoke":
            item = {"actionName": call.args[-1], "errors": [lock_error().item()], "isSuccess": False}
            return self._finished(json_reply(400, [{**item, "outputValues": None}]))
        record_id = call.args[1] if call.operation in ("update", "delete") else ""
        return self._finished(refused(lock_error(record_id)))

    def throttled(self, call: Call, status: int) -> Reply:
        """The refusal of one call too many; the token endpoint words it in its own way."""
        if OPERATIONS[call.operation] == "auth":
            return json_reply(status, {"error": "invalid_grant", "error_description": "login rate exceeded"})
        return self._finished(refused(limit_exceeded(status)))

    def outage(self, status: int) -> Reply:
        """The org's own answer when it is not itself."""
        if status == 500:
            message = "An unexpected error occurred. Please include this ErrorId if you contact support: 1-1 (1)"
            return self._finished(refused(ApiError("UNKNOWN_EXCEPTION", message, status)))
        return self._finished(refused(ApiError("SERVER_UNAVAILABLE", "Server too busy or unavailable", status)))

    def expire_session(self, call: Call) -> Reply:
        """End the session of the call for good."""
        self.org.sessions.end(bearer(call.request))
        return self._finished(refused(expired_session()))

    def lock_rows(self, call: Call) -> Callable[[], None]:
        """Lock the rows that a call for a single record is about to change, and their parents."""
        return self.org.records.locks.hold(_rows_touched(self.org, call))

    def _finished(self, reply: Reply) -> Reply:
        return reply.with_headers([self.org.usage.header])


def _rows_touched(org: Org, call: Call) -> list[str]:
    obj = org.schema.get(call.args[0]) if call.args else None
    if obj is None or call.operation not in ("create", "update", "upsert", "delete"):
        return []
    try:
        body = call.json_object() if call.request.body else {}
    except ApiError:
        return []
    if call.operation == "create":
        return rows_of(obj, body)
    if len(call.args) == 2:
        return rows_of(obj, body, as_id(call.args[1]) or call.args[1])
    field = obj.field(call.args[1])
    matches = org.records.find(obj, field, call.args[2]) if field is not None and field.indexed else []
    return rows_of(obj, {**body, call.args[1]: call.args[2]}, matches[0]["Id"] if matches else "")

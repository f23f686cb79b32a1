"""The simulator: an ASGI application with both APIs of a SuiteCRM instance on one database, faults included."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..effects import Cause
from ..exchange import GATEWAY_PAGE
from ..faults import Plan
from ..http_simulator import HttpSimulator
from ..injector import RequestFacts
from ..journal import Journal
from ..request import HttpRequest
from ..vocabulary import Traits
from ..wire import HTML, Reply
from .admission import Admission
from .beans import Bean
from .call import Call, plain_json, text_reply, v4_reply, v8_error
from .database import Database, Origin
from .errors import (
    BadRequest,
    DatabaseFailure,
    FatalError,
    HookException,
    OAuthError,
    Refusal,
    SuiteError,
    Unauthorized,
)
from .routes import BATCHES, OPERATIONS, V4, V8, is_v4
from .settings import SuiteCrmSettings
from .suite import Suite

TRAITS: Traits = {"http": None, "json": None}
"""What kinds of fault it can show."""


class SuiteCrmSimulator(HttpSimulator[Call]):
    """One simulated instance.

    Run it with `seawall.simulators.server.serve` or behind `InProcessTransport`. Clients see what the vendor's source
    does; the effect log, the faults and the records are for judges only.

    Args:
        settings: The instance.
        plan: Faults; None for none.
        seed: Seed in place of the plan's own.
        effects_path: File that the effect log is also written to.
        data_path: File that keeps the records and the v8 tokens over a restart; None keeps them in memory only.
        now: Clock in seconds since 1970; the system's by default.

    Raises:
        PlanError: The plan holds a fault that can never befall this system.
    """

    def __init__(
        self,
        settings: SuiteCrmSettings | None = None,
        plan: Plan | None = None,
        seed: int | None = None,
        effects_path: str | Path | None = None,
        data_path: str | Path | None = None,
        now: Callable[[], float] | None = None,
    ) -> None:
        self.settings = settings or SuiteCrmSettings()
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
        self.suite = Suite.build(self.settings, self.effects, self.now, journal)
        self._admission = Admission(self.suite)

    @property
    def records(self) -> Database:
        """The instance's records, for judges and tests."""
        return self.suite.database

    def close(self) -> None:
        """Close the files."""
        super().close()
        self.suite.database.close()

    def add_record(self, module_name: str, fields: Mapping[str, Any]) -> str:
        """Put a record there as if another user had; it is not in the effect log. The answer is its id.

        Raises:
            SuiteError: There is a record with its id.
        """
        bean = Bean(self.suite.modules[module_name])
        for name, value in {**fields, "new_with_id": "id" in fields}.items():
            bean.set(name, value)
        return self._save(bean)

    def change_record(self, module_name: str, record_id: str, fields: Mapping[str, Any]) -> None:
        """Change a record, or with ``deleted`` delete it, as if another user had; it is not in the effect log.

        Raises:
            KeyError: There is no such record.
        """
        bean = self.suite.beans.retrieve(self.suite.modules[module_name], record_id)
        if bean.row is None:
            raise KeyError(record_id)
        for name, value in fields.items():
            bean.set(name, value)
        self._save(bean)

    def admit(self, request: HttpRequest) -> tuple[Call, RequestFacts] | Reply:
        """What a request asks for, or the refusal of a call that never gets to the data."""
        try:
            call = self._admission.admit(request)
        except SuiteError as error:
            return self._worded(error, legacy=is_v4(request))
        if isinstance(call, int):
            return _no_route(call)
        return call, self.facts(call.operation, request, _items(call))

    def perform(self, call: Call, *, cause: Cause = "request", failing: Mapping[int, str] | None = None) -> Reply:
        """Apply a call, statement by statement, and word the answer."""
        call = replace(call, failing=failing or {}, origin=call.from_cause(cause))
        if cause == "duplicate_delivery":
            call = self._admission.asked_again(call)
        try:
            if call.legacy:
                return v4_reply(V4[call.operation](self.suite, call))
            return V8[call.operation][1](self.suite, call)
        except SuiteError as error:
            return self._worded(error, legacy=call.legacy)

    def locked(self, call: Call) -> Reply:
        """The end of a write whose row is locked: the database's wait was over."""
        return self._worded(DatabaseFailure(), legacy=call.legacy)

    def throttled(self, _call: Call, status: int) -> Reply:
        """The refusal of one call too many. SuiteCRM itself has none: it is the web server's page."""
        reasons = {403: "Forbidden", 429: "Too Many Requests", 503: "Service Unavailable"}
        return Reply(status, GATEWAY_PAGE.format(status=status, reason=reasons[status]).encode(), HTML)

    def outage(self, status: int) -> Reply:
        """The instance when it is not itself; a 500 is the text of a database failure, whichever API is asked."""
        if status == 500:
            return self._broken_off(DatabaseFailure())
        return plain_json(status, {"message": "Slim Application Error"})

    def expire_session(self, call: Call) -> Reply:
        """End the session or the token of the call for good."""
        if call.legacy:
            self.suite.sessions.end(call.args.get("session"))
            return v4_reply(Refusal("invalid_session").body)
        self.suite.tokens.revoke(call.request.headers.get("authorization", ""))
        return self._worded(Unauthorized("Access token has been revoked"), legacy=False)

    def lock_rows(self, call: Call) -> Callable[[], None]:
        """Lock the row that a call for a single record is about to write."""
        row = self._admission.written_row(call)
        return (lambda: None) if row is None else self.suite.database.locks.hold(*row)

    def _save(self, bean: Bean) -> str:
        return self.suite.beans.save(Origin(logged=False), self.settings.users[0], bean)

    def _worded(self, error: SuiteError, *, legacy: bool) -> Reply:
        match error:
            case Refusal():
                return v4_reply(error.body)
            case Unauthorized():
                return plain_json(401, error.body)
            case OAuthError():
                return plain_json(error.status, error.body)
            case _ if legacy:
                return self._broken_off(error)
            case DatabaseFailure():
                # The text that was printed comes behind the JSON in which the exception is worded.
                reply = v8_error(str(error))
                return replace(reply, body=reply.body + str(error).encode())
            case BadRequest() | HookException():
                return v8_error(str(error))
        return plain_json(500, {"message": "Slim Application Error"})

    def _broken_off(self, error: SuiteError) -> Reply:
        printed = str(error) if isinstance(error, DatabaseFailure) else ""
        if self.settings.dies_with == 200:
            what = str(error) if isinstance(error, FatalError) else f"Uncaught Exception: {error}"
            printed += f"<br />\n<b>Fatal error</b>:  {what}<br />\n"
        return text_reply(self.settings.dies_with, printed)


def _items(call: Call) -> int:
    name = {"set_entries": "name_value_lists", "set_relationships": "module_names"}.get(call.operation)
    items = call.args[name] if name is not None else None
    return len(items) if isinstance(items, list) else 0


def _no_route(status: int) -> Reply:
    reason = {404: "Page Not Found", 405: "Method not allowed"}[status]
    return text_reply(status, f"<html><head><title>{reason}</title></head><body><h1>{reason}</h1></body></html>")

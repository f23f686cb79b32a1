"""A simulated system that speaks JSON over HTTP, for authors of adapters.

Say what each route does; faults on both sides of the commit, late commits, locks, roll-backs and the effect log come
from here. Write it from the system's documentation and never from the connector: a shared misreading would hide.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

from .effects import Cause, Kind
from .exchange import RolledBack
from .faults import Plan
from .http_simulator import HttpSimulator
from .injector import RequestFacts
from .kinds import Lane
from .request import HttpRequest, json_reply
from .vocabulary import Traits
from .wire import Reply

TRAITS: Final[Traits] = {"http": None, "json": None, "transactions": None}
"""What kinds of fault such a system can show."""


class Refusal(Exception):
    """The system says no; nothing of the call remains.

    Args:
        status: HTTP status.
        code: The system's own code.
        message: For people.
    """

    def __init__(self, status: int, code: str, message: str = "") -> None:
        super().__init__(message or code)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class Route:
    """One thing that can be asked for.

    Args:
        name: What plans match on, such as `create_order`.
        method: HTTP method.
        path: Its path; `{…}` stands for one segment, such as `/orders/{order_id}`.
        lane: `read`, `write` or `auth`.
    """

    name: str
    method: str
    path: str
    lane: Lane

    def arguments(self, request: HttpRequest) -> tuple[str, ...] | None:
        """The segments that stand where the path has `{…}`; None if the request is for something else."""
        pattern = [segment for segment in self.path.split("/") if segment]
        if request.method != self.method or len(pattern) != len(request.path):
            return None
        pairs = list(zip(pattern, request.path, strict=True))
        if any(wanted != given for wanted, given in pairs if not wanted.startswith("{")):
            return None
        return tuple(given for wanted, given in pairs if wanted.startswith("{"))


@dataclass(frozen=True, slots=True)
class Call:
    """One request for a route.

    Args:
        request: The HTTP request.
        route: The route.
        args: The path's arguments.
    """

    request: HttpRequest
    route: Route
    args: tuple[str, ...]

    def json(self) -> dict[str, Any]:
        """The body, a JSON object.

        Raises:
            Refusal: It is something else.
        """
        try:
            body = json.loads(self.request.body)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise Refusal(400, "MALFORMED", "the body is no JSON object")
        return body


class Transaction:
    """Changes that are whole or nothing, and are in the effect log once they are committed. A context manager.

    Args:
        rows: The records, by kind and id.
        commit: Given each effect at the end.
    """

    def __init__(self, rows: dict[str, dict[str, dict[str, Any]]], commit: Callable[..., object]) -> None:
        self._rows = rows
        self._commit = commit
        self._undo: list[tuple[str, str, dict[str, Any] | None]] = []
        self._effects: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            for effect in self._effects:
                self._commit(**effect)
            return
        for object_name, record_id, old in reversed(self._undo):
            rows = self._rows[object_name]
            if old is None:
                rows.pop(record_id, None)
            else:
                rows[record_id] = old

    def of(self, object_name: str) -> Mapping[str, Mapping[str, Any]]:
        """The records of a kind by id."""
        return self._rows.setdefault(object_name, {})

    def insert(self, object_name: str, record_id: str, fields: Mapping[str, Any], **by_the_system: Any) -> None:
        """Add a record: what the request set, and what the system adds."""
        self._put(object_name, record_id, {**fields, **by_the_system})
        self._note("insert", object_name, record_id, fields, tuple(fields))

    def update(self, object_name: str, record_id: str, fields: Mapping[str, Any], **by_the_system: Any) -> None:
        """Change a record: what the request set, and what the system adds."""
        old = self._rows[object_name][record_id]
        self._put(object_name, record_id, {**old, **fields, **by_the_system})
        changed = tuple(name for name, value in fields.items() if old.get(name) != value)
        self._note("update", object_name, record_id, fields, changed)

    def delete(self, object_name: str, record_id: str) -> None:
        """Take a record away."""
        self._put(object_name, record_id, None)
        self._note("delete", object_name, record_id, {}, ())

    def invoke(self, what: str, run_id: str, inputs: Mapping[str, Any]) -> None:
        """Something that leaves the system, such as a message to somebody."""
        self._note("invoke", what, run_id, inputs, ())

    def keep(self, object_name: str, record_id: str, fields: Mapping[str, Any]) -> None:
        """Write down what the system needs for itself, such as the keys that it has seen; that is no effect."""
        self._put(object_name, record_id, dict(fields))

    def _note(self, kind: Kind, name: str, record_id: str, fields: Mapping[str, Any], changed: tuple[str, ...]) -> None:
        effect = {"kind": kind, "object": name, "record_id": record_id, "fields": dict(fields), "changed": changed}
        self._effects.append(effect)

    def _put(self, object_name: str, record_id: str, row: dict[str, Any] | None) -> None:
        rows = self._rows.setdefault(object_name, {})
        self._undo.append((object_name, record_id, rows.get(record_id)))
        if row is None:
            del rows[record_id]
        else:
            rows[record_id] = row


class RestSimulator(HttpSimulator[Call]):
    """One simulated system. Run it with `seawall.simulators.server.serve` or behind `InProcessTransport`.

    Args:
        plan: Faults; None for none.
        now: Clock in seconds since 1970; the system's by default.

    Raises:
        PlanError: The plan holds a fault that can never befall this system.
    """

    system: ClassVar[str]
    """The name that plans match on."""
    routes: ClassVar[tuple[Route, ...]]
    """What can be asked for; the first route that fits is the one."""

    def __init__(self, plan: Plan | None = None, now: Callable[[], float] | None = None) -> None:
        lanes = {route.name: route.lane for route in self.routes}
        super().__init__(plan, system=self.system, operations=lanes, traits=TRAITS, now=now)
        self._rows: dict[str, dict[str, dict[str, Any]]] = {}
        self._numbers: Counter[str] = Counter()
        self._held: Counter[str] = Counter()

    # What a system says for itself ------------------------------------------------------------------------------

    @abstractmethod
    def respond(self, call: Call, tx: Transaction) -> Reply:
        """Apply a call and word the answer.

        Raises:
            Refusal: The system says no.
        """

    def authenticate(self, request: HttpRequest) -> None:
        """Check who calls.

        Raises:
            Refusal: Nobody that it knows.
        """

    def touched(self, call: Call) -> tuple[str, ...]:
        """Names of what a write is about to change, for locks; the address unless it says otherwise."""
        return ("/".join(call.request.path),)

    def worded(self, refusal: Refusal) -> Reply:
        """A refusal as the system words it."""
        return json_reply(refusal.status, {"code": refusal.code, "message": str(refusal)})

    # For judges and tests ---------------------------------------------------------------------------------------

    def next_id(self, object_name: str) -> str:
        """A new id; ids are never used twice."""
        self._numbers[object_name] += 1
        return str(1000 + self._numbers[object_name])

    def add_record(self, object_name: str, fields: Mapping[str, Any]) -> str:
        """Put a record there as if another user had; it is not in the effect log. The answer is its id."""
        record_id = self.next_id(object_name)
        self._rows.setdefault(object_name, {})[record_id] = dict(fields)
        return record_id

    def change_record(self, object_name: str, record_id: str, fields: Mapping[str, Any]) -> None:
        """Change a record as if another user had; it is not in the effect log."""
        self._rows[object_name][record_id] = {**self._rows[object_name][record_id], **fields}

    def delete_record(self, object_name: str, record_id: str) -> None:
        """Take a record away as if another user had; it is not in the effect log."""
        del self._rows[object_name][record_id]

    def records(self, object_name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The records of a kind with their ids."""
        yield from self._rows.get(object_name, {}).items()

    # The same for all -------------------------------------------------------------------------------------------

    def admit(self, request: HttpRequest) -> tuple[Call, RequestFacts] | Reply:
        """The first route that fits, or the refusal of who is not known and what is not there."""
        try:
            self.authenticate(request)
            for route in self.routes:
                args = route.arguments(request)
                if args is not None:
                    return Call(request, route, args), self.facts(route.name, request)
            raise Refusal(404, "NO_ROUTE", f"{request.method} {'/'.join(request.path)} is not known here")
        except Refusal as refusal:
            return self.worded(refusal)

    def perform(self, call: Call, *, cause: Cause = "request", failing: Mapping[int, str] | None = None) -> Reply:  # noqa: ARG002 -- it has no batches
        """Apply a call, commit, and word the answer."""
        try:
            if call.route.lane == "write" and any(self._held[name] for name in self.touched(call)):
                return self.locked(call)
            with self._transaction(call, cause) as tx:
                return self.respond(call, tx)
        except Refusal as refusal:
            return self.worded(refusal)

    def rehearse(self, call: Call) -> None:
        """Apply a call and roll it back."""
        with suppress(RolledBack, Refusal), self._transaction(call) as tx:
            self.respond(call, tx)
            raise RolledBack

    def locked(self, call: Call) -> Reply:  # noqa: ARG002 -- for those that word it by the call
        """The refusal of a write whose record is locked."""
        return self.worded(Refusal(409, "LOCKED", "the record is locked by another request"))

    def throttled(self, call: Call, status: int) -> Reply:  # noqa: ARG002 -- see `locked`
        """The refusal of one call too many."""
        return self.worded(Refusal(status, "THROTTLED", "too many calls"))

    def outage(self, status: int) -> Reply:
        """The system's own answer when it is not itself."""
        return self.worded(Refusal(status, "UNAVAILABLE", "something went wrong"))

    def expire_session(self, call: Call) -> Reply:  # noqa: ARG002 -- see `locked`
        """Refuse the call's credentials, this once: a system with sessions ends them here."""
        return self.worded(Refusal(401, "TOKEN_EXPIRED", "log in again"))

    def lock_rows(self, call: Call) -> Callable[[], None]:
        """Lock what a call is about to change."""
        held: Counter[str] = Counter()
        if call.route.lane == "write":
            with suppress(Refusal):  # what is malformed changes nothing
                held.update(set(self.touched(call)))
        self._held.update(held)
        return lambda: self._held.subtract(held)

    def _transaction(self, call: Call, cause: Cause = "request") -> Transaction:
        def commit(**effect: Any) -> None:
            self.effects.append(at=self.now(), request_id=call.request.number, cause=cause, **effect)

        return Transaction(self._rows, commit)

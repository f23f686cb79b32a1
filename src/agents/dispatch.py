"""Calling tools from plain Python: every call ends with a result, within the hold window."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..core.errors import Denied
from ..core.identity import Unidentifiable, identify
from ..core.ledger.records import Status
from ..core.outcome import Outcome, Rejected
from .arguments import Unfit, invalid, request_of
from .browsing import describe, search
from .hints import Reach
from .operations import Operations, policy_told
from .own_arguments import Asked, asked_of
from .own_tools import CALLS, DESCRIBE, MINE, SEARCH
from .result import Fault, Next, Result, Retry
from .telling import CANCEL, GET, WAIT, Call, in_progress, tell, unknown
from .tool import Tool
from .tools import Bound, Toolbox

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ..core.policy import Decision
    from ..core.repeat import Repeat
    from ..wall import Seawall

_log = logging.getLogger("seawall.agents")

Waiting = Callable[[float], Awaitable[None]]
"""Told, now and then, for how many seconds a call has been waited for."""

_TELL_EVERY = 5.0  # seconds
_READING = 0.9  # of the hold window: a read is answered inside it, because nobody could ask for it later

_going_on: set[asyncio.Task[Outcome[Any]]] = set()
"""Calls that go on whether or not anybody waits for them; the event loop alone would forget them."""


class Dispatcher:
    """The tools of one principal, and the way to call them.

    Args:
        wall: The open wall.
        principal: Who asks.
        scopes: How far its calls may reach, whatever the policy allows beyond that.
        hold: Seconds within which a call answers; as configured if None.
        bound: What `tools.bound_in` found, where several dispatchers share it.
        ending: Once it is set, whoever waits is answered at once; what was begun goes on.
    """

    def __init__(
        self,
        wall: Seawall,
        principal: str,
        *,
        scopes: Collection[Reach] = tuple(Reach),
        hold: float | None = None,
        bound: Mapping[str, Bound] | None = None,
        ending: asyncio.Event | None = None,
    ) -> None:
        self._wall = wall
        self._principal = principal
        self._scopes = frozenset(scopes)
        self._hold = wall.config.agents.hold if hold is None else hold
        self._ending = ending
        self._toolbox = Toolbox(wall, principal, bound)
        self._operations = Operations(wall, self._toolbox, principal)

    @property
    def tools(self) -> tuple[Tool, ...]:
        """The tools, always in the same order."""
        return self._toolbox.listed

    def reach(self, name: str, arguments: Mapping[str, Any] | None = None) -> Reach | None:
        """How far a call would reach; None for the tools that need no scope, and for what there is not.

        Args:
            name: The tool.
            arguments: Its arguments, of which the dispatchers by effect class need `action`.
        """
        action = (arguments or {}).get("action")
        if name in {tool.name for tool in CALLS.values()}:
            bound = self._toolbox.by_target.get(action) if isinstance(action, str) else None
        else:
            bound = self._toolbox.all.get(name)
        return None if bound is None else bound.reach

    async def call(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        trace_id: str = "",
        waiting: Waiting | None = None,
    ) -> Result:
        """Call a tool. Nothing that a tool did raises here.

        Whoever cancels this cancels the wait; a write that was begun goes on.

        Args:
            name: The tool.
            arguments: Its arguments.
            trace_id: The caller's trace.
            waiting: Told every few seconds that it still waits.
        """
        telemetry = self._wall.telemetry
        trace_id = trace_id or ("" if telemetry is None else telemetry.current_trace())
        trace_id = trace_id or self._wall.sources.new_id("trace")
        try:
            result = await self._called(name, dict(arguments or {}), trace_id, waiting)
        except Unfit as unfit:
            result = invalid(name, unfit)
        except Exception as mistake:  # noqa: BLE001 -- whatever it was, it is a result
            _log.exception("a mistake while %s was called", name)
            result = _mistaken(mistake)
        return self._shown(replace(result, trace_id=result.trace_id or trace_id))

    def refused(self, name: str, unfit: Unfit, *, trace_id: str = "") -> Result:
        """The result for a call whose arguments cannot be read. Nothing is begun.

        Args:
            name: The tool.
            unfit: What is wrong with them.
            trace_id: The caller's trace.
        """
        return self._shown(replace(invalid(name, unfit), trace_id=trace_id or self._wall.sources.new_id("trace")))

    async def _called(self, name: str, arguments: dict[str, Any], trace_id: str, waiting: Waiting | None) -> Result:
        own = {tool.name: tool for tool in self._toolbox.own}
        if name in own:
            return await self._own(name, asked_of(own[name], arguments), waiting)
        if self._toolbox.compact:
            for reach, tool in CALLS.items():
                if name == tool.name:
                    return await self._through(reach, asked_of(tool, arguments), trace_id, waiting)
        # What is not permitted is not listed, but can be named: then the policy denies it, and that is recorded.
        bound = None if self._toolbox.compact else self._toolbox.all.get(name)
        if bound is None:
            known = [tool.name for tool in self.tools]
            raise Unfit({"field": "name", "rule": f"there is no tool {name[:100]!r}", "allowed": known})
        return await self._act(bound, arguments, trace_id, waiting)

    async def _own(self, name: str, asked: Asked, waiting: Waiting | None) -> Result:
        match name:
            case _ if name == SEARCH:
                return search(self._toolbox, asked.text("query"), asked.whole("limit", 10))
            case _ if name == DESCRIBE:
                return describe(self._toolbox, self._named(asked.text("action"), permitted=True))
            case _ if name == MINE:
                status = asked.given.get("status")
                return await self._operations.mine(
                    None if status is None else Status(status), asked.given.get("action"), asked.whole("limit", 20)
                )
            case _ if name == WAIT:
                seconds = min(asked.given.get("seconds", self._hold), self._hold)
                asking = self._operations.wait(asked.text("operation_id"), seconds)
                return await self._watched(asking, asked.text("operation_id"), waiting)
            case _ if name == CANCEL:
                asking = self._operations.cancel(asked.text("operation_id"), self._hold)
                return await self._watched(asking, asked.text("operation_id"), waiting)
            case _:
                assert name == GET
                return await self._operations.get(asked.text("operation_id"))

    async def _through(self, reach: Reach, asked: Asked, trace_id: str, waiting: Waiting | None) -> Result:
        bound = self._named(asked.text("action"))
        if bound.reach not in reach.includes:
            right = f"call_{bound.reach}"
            unfit = Unfit({"field": "action", "rule": f"{bound.target} reaches further: it needs {right}"})
            return replace(invalid(right, unfit), next=Next(right, asked.given))
        return await self._act(bound, asked.given["arguments"], trace_id, waiting)

    def _named(self, target: str, *, permitted: bool = False) -> Bound:
        bound = self._toolbox.by_target.get(target)
        if bound is None or (permitted and bound not in self._toolbox.permitted):
            rule = f"there is no action {target[:100]!r}; actions_search finds those that there are"
            raise Unfit({"field": "action", "rule": rule})
        return bound

    async def _act(self, bound: Bound, arguments: Mapping[str, Any], trace_id: str, waiting: Waiting | None) -> Result:
        call = Call(
            system=bound.system,
            action=bound.action,
            request=arguments,
            same=self._toolbox.call_of(bound, arguments),
            now=self._wall.sources.clock.now(),
            policy=None,  # told as soon as the pipeline has decided
            trace_id=trace_id,
        )
        if bound.reach not in self._scopes:
            why = f"{self._principal} comes without the scope {bound.reach!r} that {bound.target} needs"
            return tell(Rejected(Denied(why, code="insufficient_scope")), call)
        request, repeat = request_of(bound, arguments)
        return await self._held(bound, request, repeat, call, waiting)

    async def _held(
        self, bound: Bound, request: BaseModel, repeat: Repeat | None, call: Call, waiting: Waiting | None
    ) -> Result:
        """Call it, and wait for it as long as the hold window goes."""
        writes = bound.action.writes
        settings = self._wall.systems[bound.system].settings
        decided: list[Decision] = []
        task = asyncio.create_task(
            self._wall.call(
                bound.target,
                request,
                principal=self._principal,
                deadline=None if writes else min(settings.deadline, self._hold * _READING),
                trace_id=call.trace_id or "",
                repeat=repeat,
                on_decision=decided.append,
            )
        )
        _going_on.add(task)
        task.add_done_callback(_ended)
        try:
            await self._wait(task, waiting)
        except asyncio.CancelledError:
            if not writes:
                task.cancel()  # nobody is there to read it
            raise
        if decided:
            last = decided[-1]
            told = policy_told({"decision": last.decision, "rule": last.rule, "version": last.version})
            call = replace(call, policy=told)
        if not task.done():
            if not writes and not self._goes_on:
                task.cancel()
                return _cut_short(call)
            return in_progress(call, self._operation_id(bound, request, repeat))
        try:
            return await self._permitted(tell(task.result(), call), call)
        except (Exception, asyncio.CancelledError) as ended:  # noqa: BLE001 -- whatever it was, it is a result
            _log.error("%s ended without an outcome: %s", bound.target, type(ended).__name__)
            if not writes:
                return _unanswered(call)
            return unknown(call, self._operation_id(bound, request, repeat), None, None)

    async def _permitted(self, told: Result, call: Call) -> Result:
        """A result whose next step is open to this principal: what another one asked for is told by no tool."""
        if told.operation_id is None or told.next is None or told.next.tool not in (GET, WAIT):
            return told
        if await self._operations.is_of_another(told.operation_id):
            said = (
                "Another principal asked for it first, so only the same request, made later, tells what became of it."
            )
            return replace(told, next=call.same, summary=f"{told.summary} {said}")
        return told

    async def _watched(self, asking: Coroutine[Any, Any, Result], operation_id: str, waiting: Waiting | None) -> Result:
        """Wait for an answer about an operation, which ends with the hold window at the latest."""
        task = asyncio.create_task(asking)
        try:
            await self._wait(task, waiting)
            if self._goes_on or task.done():
                return await task
            return await self._operations.get(operation_id)
        finally:
            task.cancel()

    @property
    def _goes_on(self) -> bool:
        return self._ending is None or not self._ending.is_set()

    async def _wait(self, task: asyncio.Task[Any], waiting: Waiting | None) -> None:
        ending = None if self._ending is None else asyncio.create_task(self._ending.wait())
        try:
            await self._wait_until(task, ending, waiting)
        finally:
            if ending is not None:
                ending.cancel()

    async def _wait_until(
        self, task: asyncio.Task[Any], ending: asyncio.Task[Any] | None, waiting: Waiting | None
    ) -> None:
        clock = self._wall.sources.clock
        started = clock.monotonic()
        either = {task} if ending is None else {task, ending}
        while not task.done() and (left := self._hold - (clock.monotonic() - started)) > 0:
            await asyncio.wait(either, timeout=min(left, _TELL_EVERY), return_when=asyncio.FIRST_COMPLETED)
            if ending is not None and ending.done():
                return
            if waiting is None or task.done() or left <= _TELL_EVERY:
                continue
            try:
                await waiting(clock.monotonic() - started)
            except Exception as gone:  # noqa: BLE001 -- that nobody hears of the wait changes nothing of it
                _log.debug("progress could not be told: %s", type(gone).__name__)
                waiting = None

    def _operation_id(self, bound: Bound, request: BaseModel, repeat: Repeat | None) -> str:
        """The operation of a request that is under way in this process; empty where it is not known."""
        if bound.action.batch is not None:
            return ""
        try:
            key = identify(bound.system, bound.action, request, None if repeat is None else repeat.distinct_from).key
        except Unidentifiable:
            return ""
        running = self._wall.pipeline.running.get((bound.system, key))
        return "" if running is None else running.operation_id

    def _shown(self, result: Result) -> Result:
        """A result without secrets, and with text that can be written down."""
        clean = self._wall.secrets.scrub_all
        return replace(
            result,
            summary=clean(result.summary),
            data=clean(result.data),
            records=tuple(clean(record) for record in result.records),
            error=None if result.error is None else replace(result.error, fields=tuple(clean(result.error.fields))),
        )


def _ended(task: asyncio.Task[Outcome[Any]]) -> None:
    _going_on.discard(task)
    if not task.cancelled():
        task.exception()  # told by whoever waits; if nobody does, the ledger knows


def _mistaken(mistake: Exception) -> Result:
    return Result(
        status="outcome_unknown",
        effect="unknown",
        retry=Retry("same_operation_only"),
        next=Next(MINE, {}),
        error=Fault("internal", "internal"),
        summary=(
            f"It is not known whether this was applied. Do not create it again. Seawall itself failed "
            f"({type(mistake).__name__}); {MINE} tells what was begun. Report it."
        ),
    )


def _unanswered(call: Call) -> Result:
    return call.told(
        status="failed",
        effect="not_applied",
        error=Fault("internal", "internal"),
        summary=f"Not answered: {call.target} ended by a mistake of Seawall. Nothing was changed; report it.",
    )


def _cut_short(call: Call) -> Result:
    return call.told(
        status="failed",
        effect="not_applied",
        retry=Retry("same_request"),
        next=call.same,
        error=Fault("ending", "transport"),
        summary=f"Not answered: this Seawall is ending. Nothing was changed; {call.target} may be asked again.",
    )

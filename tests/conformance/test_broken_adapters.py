"""The kit on trial: adapters that are broken on purpose, each of which fails the test that names its fault."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import count
from typing import Any, ClassVar

import pytest
from support.broken_adapters import (
    GoneIsAbsent,
    IdentityOfTheSecond,
    KeyOfTheDay,
    LastWriterWins,
    OwnClock,
    OwnIds,
    SharedAcrossActions,
    SharedAnswer,
    SharedProbe,
    SharedRequest,
    TakesTheirs,
)
from support.planted import Passing, planted, tried

from seawall.connectors.salesforce import models
from seawall.core.adapter import (
    Absent,
    Action,
    Adapter,
    Attempt,
    EffectClass,
    Finding,
    ItemResult,
    NoDedupe,
    Present,
    Secrets,
    Sent,
    Surroundings,
)
from seawall.core.errors import (
    Ambiguous,
    ConnectFailed,
    ConnectionLost,
    GatewayError,
    IntegrationError,
    Refused,
    Throttled,
    UnreadableReply,
)
from seawall.simulators.chaos.subject import Sample, Sampler, Subject
from seawall.simulators.chaos.subjects.salesforce import SalesforceMarkerSubject
from seawall.simulators.conformance.trial import Trial

_READ: Mapping[str, Any] = {
    "effect": EffectClass.READ,
    "identity": (),
    "dedupe": NoDedupe(),
    "probe": None,
    "horizon": None,
}


class KeyPerAttempt(Passing):
    """Makes a key of its own each time, and persists none."""

    def __init__(self, inner: Adapter, target: Any, around: Surroundings) -> None:
        super().__init__(inner, target, around)
        self.numbers = count(1)

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        return await self.inner.send(action, replace(attempt, key=f"{attempt.key[:-3]}{next(self.numbers):03d}"))


class BlindRetry(Passing):
    """Sends again by itself when a reply is lost."""

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        try:
            return await self.inner.send(action, attempt)
        except Ambiguous:
            return await self.inner.send(action, attempt)


class LyingProbe(Passing):
    """Takes what it does not find at once for what is not there."""

    async def probe(self, action: Action, attempt: Attempt) -> Finding:
        return Absent()


class GreedyProbe(Passing):
    """Takes whatever it finds for its own."""

    async def probe(self, action: Action, attempt: Attempt) -> Finding:
        found = await self.inner.probe(action, attempt)
        if isinstance(found, Absent) and action.name == "create_case":
            return Present(models.CaseCreated(case_id="500000000000001AAA"), "500000000000001AAA")
        return found


class GatewayIsRefusal(Passing):
    """Believes a gateway that says 504."""

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        try:
            return await self.inner.send(action, attempt)
        except GatewayError as error:
            raise Refused(error.message, transient=True) from None


class ReplyNotValidated(Passing):
    """Takes any page for an acknowledgement."""

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        try:
            return await self.inner.send(action, attempt)
        except UnreadableReply:
            return Sent(models.CaseCreated(case_id="500000000000001AAA"), "500000000000001AAA")


class ItemsSwallowed(Passing):
    """A batch that came back is a batch that went well."""

    async def send_batch(self, action: Action, request: Any, items: Sequence[Attempt]) -> Sequence[ItemResult]:
        answers = await self.inner.send_batch(action, request, items)
        good = next(one for one in answers if isinstance(one, Sent))
        return [good if isinstance(one, IntegrationError) else one for one in answers]


class RefusalIsOutage(Passing):
    """Takes a target that says no for one that is away."""

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        try:
            return await self.inner.send(action, attempt)
        except Throttled as error:
            error.outage = True
            raise


class RetryAfterDropped(Passing):
    """Does not read the header."""

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        try:
            return await self.inner.send(action, attempt)
        except Throttled as error:
            error.retry_after = None
            raise


class EverythingInDoubt(Passing):
    """Never says that nothing was sent, although it knows."""

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        try:
            return await self.inner.send(action, attempt)
        except ConnectFailed as error:
            raise ConnectionLost(error.message) from None


class Fearless(Passing):
    """Does not ask whether it may still send."""

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        return await self.inner.send(action, replace(attempt, may_send=lambda: True))


class NeverEnds(Passing):
    """Goes on although it is cancelled."""

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        sending = asyncio.ensure_future(self.inner.send(action, attempt))
        while True:
            try:
                return await asyncio.shield(sending)
            except asyncio.CancelledError:
                if sending.done():
                    raise


class ForgetsFacts(Passing):
    """Works, and answers a read with something else than what is there."""

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        sent = await self.inner.send(action, attempt)
        if action.name != "get_case":
            return sent
        return replace(sent, value=sent.value.model_copy(update={"subject": ""}))


class NoHorizon(Passing):
    """Says that the target commits nothing late."""

    @property
    def actions(self) -> Mapping[str, Action]:
        return {name: self.at_once(action) for name, action in self.inner.actions.items()}

    @staticmethod
    @cache
    def known() -> dict[str, Action]:
        return {}

    def at_once(self, action: Action) -> Action:
        if not action.writes or action.batch is not None or action.probe is None:
            return action
        return self.known().setdefault(action.name, replace(action, horizon=0.0))


class Redeclared(Passing):
    """Works, and says something of its actions that is not so."""

    facts: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    @property
    def actions(self) -> Mapping[str, Action]:
        return {name: replace(action, **self.facts.get(name, {})) for name, action in self.inner.actions.items()}


class WriteIsRead(Redeclared):
    """Says that a write is a read, so that nobody looks at its effects."""

    facts: ClassVar = {"create_case": _READ}


class OverwriteIsCreate(Redeclared):
    """Says that what overwrites a record makes one."""

    facts: ClassVar = {"update_case": {"effect": EffectClass.CREATE}}


class CreateIsSet(Redeclared):
    """Says that what makes a record each time overwrites one."""

    facts: ClassVar = {"add_case_comment": {"effect": EffectClass.SET, "version": "body"}}


class MessageIsCreate(Redeclared):
    """Says that what leaves the system stays in it."""

    facts: ClassVar = {"trigger_workflow": {"effect": EffectClass.CREATE}}


class ReadTouches(Passing):
    """Leaves a note on each case that it reads."""

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        sent = await self.inner.send(action, attempt)
        if action.name == "get_case":
            case_id = attempt.request.model_dump()["case_id"]
            note = models.AddCaseComment(case_id=case_id, reference="seen", body="was read")
            await self.inner.send(self.inner.actions["add_case_comment"], replace(attempt, request=note))
        return sent


class SecretsToItself(Passing):
    """Registers its secrets where nobody looks."""


class ToItself(SalesforceMarkerSubject):
    """Its adapter registers its secrets where nobody looks."""

    def adapter(self, target: Any, around: Surroundings) -> Adapter:
        return super().adapter(target, replace(around, secrets=Secrets()))


class AsFields(SalesforceMarkerSubject):
    """Gives the fields of cases alone, for a model that is another one."""

    def samples(self, target: Any) -> Mapping[str, Sampler]:
        made = super().samples(target)["create_case"]
        return {"create_case": lambda n: _as_fields(made(n))}


def _as_fields(sample: Sample) -> Sample:
    return replace(sample, request=sample.request.model_dump(), reworded=None)


def broken(adapter: type[Passing]) -> Trial:
    subjects: dict[type[Passing], type[Subject]] = {SecretsToItself: ToItself, IdentityOfTheSecond: AsFields}
    return planted(subjects.get(adapter, SalesforceMarkerSubject), adapter)


@cache
def sound() -> Trial:
    return planted(SalesforceMarkerSubject)


FAULTS: Sequence[tuple[type[Passing], str, str, str]] = (
    (KeyPerAttempt, "ambiguity_retry", "create_case-committed_no_reply", "2 effects are there"),
    (KeyPerAttempt, "ambiguity_crash", "create_case-committed_no_reply", "2 effects are there"),
    (KeyOfTheDay, "ambiguity_crash", "create_case-over_midnight", "2 effects are there"),
    (IdentityOfTheSecond, "schemas", "create_case", "has another key when it is asked for again"),
    (OwnClock, "calm", "create_case", "time.monotonic was called in a simulation, at "),
    (OwnIds, "probe_honesty", "create_case-fresh", "uuid.uuid4 was called in a simulation, at "),
    (SharedRequest, "side_by_side", "create_case-at_once", "its effect is not there"),
    (SharedAnswer, "side_by_side", "create_case-at_once", "which is that of the other request"),
    (SharedAnswer, "side_by_side", "get_case-at_once", "beside another request"),
    (SharedAcrossActions, "side_by_side", "add_case_comment-beside-create_follow_up", "its content is another"),
    (SharedProbe, "side_by_side", "create_case-probes", "beside another one"),
    (LastWriterWins, "overtaken", "update_case-before", "overwrites what others wrote"),
    (LastWriterWins, "overtaken", "update_case-unsent", "overwrites what others wrote"),
    (TakesTheirs, "overtaken", "update_case-unsent_alike", "its effect is not there"),
    (GoneIsAbsent, "overtaken", "update_case-lost_reply_overwritten", "and its effect is there"),
    (BlindRetry, "ambiguity_retry", "create_case-committed_no_reply", "2 effects are there"),
    (BlindRetry, "error_map", "create_case-status", "2 effects are there"),
    (LyingProbe, "probe_honesty", "create_case-fresh", "says absent"),
    (LyingProbe, "ambiguity_retry", "create_case-committed_no_reply", "a probe of create_case says absent"),
    (GreedyProbe, "probe_honesty", "create_case-not_there", "finds what was never sent"),
    (GreedyProbe, "probe_honesty", "create_case-look_alike", "takes somebody else's record for ours"),
    (GatewayIsRefusal, "error_map", "create_case-status", "says that there is no effect, and the attempt had one"),
    (ReplyNotValidated, "error_map", "create_case-html_200", "is told as record"),
    (ReplyNotValidated, "ambiguity_retry", "create_case-reply_truncated", "is told as record"),
    (ItemsSwallowed, "error_map", "create_cases-partial_batch", "its effect is not there"),
    (RefusalIsOutage, "breaker", "stays_closed_on-throttle", "the breaker opened because of it"),
    (RetryAfterDropped, "retry_after", "create_case-seconds", "it was asked again"),
    (RetryAfterDropped, "retry_after", "create_case-date", "it was asked again"),
    (EverythingInDoubt, "ambiguity_retry", "trigger_workflow-before_send", "was given up"),
    (Fearless, "fence", "create_case", "ask attempt.may_send()"),
    (NeverEnds, "cancellation", "create_case-attempt", "goes on although it was cancelled"),
    (ForgetsFacts, "calm", "get_case", "answers subject="),
    (NoHorizon, "ambiguity_retry", "create_case-late_commit", "2 effects are there"),
    (WriteIsRead, "facts", "create_case", "is declared as read, and made an insert of Case"),
    (ReadTouches, "facts", "get_case", "is declared as read, and made an insert of CaseComment"),
    (OverwriteIsCreate, "facts", "update_case", "is declared as create, and inserted nothing"),
    (CreateIsSet, "facts", "add_case_comment", "is declared as set, and can only insert"),
    (MessageIsCreate, "facts", "trigger_workflow", "is declared as create, and inserted nothing"),
    (SecretsToItself, "secrets", "create_case-unforeseen", "a secret is in"),
)
named = pytest.mark.parametrize(
    ("adapter", "check", "case", "says"), FAULTS, ids=[f"{one[0].__name__}-{one[1]}-{one[2]}" for one in FAULTS]
)


@named
def test_broken_adapter_fails_the_test_that_names_its_fault(
    adapter: type[Passing], check: str, case: str, says: str
) -> None:
    result = tried(broken(adapter), check, case)
    assert (result.state, says in result.reason) == ("failed", True), result.reason


@named
def test_the_same_adapter_without_its_fault_passes_that_test(
    adapter: type[Passing], check: str, case: str, says: str
) -> None:
    result = tried(sound(), check, case)
    assert result.state == "done", result.reason

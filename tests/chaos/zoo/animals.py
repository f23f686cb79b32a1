"""Bugs planted on purpose, one at a time: each is to be caught by exactly the invariant that names it.

An animal is a mistake in a connector (a wrapper around a correct one), in Seawall itself (a rule replaced), or in what
both are told. Its scenario is chosen so that nothing else breaks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from seawall.core.action import Done
from seawall.core.adapter import Absent, Action, Adapter, Attempt, Present, Sent, Surroundings
from seawall.core.breaker import Breaker
from seawall.core.decide import Doubt, Park, ProvenAbsent, SendAgain, Step, next_step
from seawall.core.errors import (
    Ambiguous,
    BusinessRule,
    CircuitOpen,
    GatewayError,
    IntegrationError,
    Throttled,
    UnreadableReply,
)
from seawall.core.held import Held
from seawall.core.lane import Lane
from seawall.core.ledger import approvals
from seawall.core.ledger.approval_reads import by_id as approval_by_id
from seawall.core.ledger.approval_records import ApprovalStatus, Released
from seawall.core.ledger.reads import by_id as operation_by_id
from seawall.core.ledger.records import Operation, Status
from seawall.core.ledger.statements import CLAIMED
from seawall.core.policy import Decision, Policy
from seawall.core.release import Release
from seawall.core.retry import Backoff
from seawall.simulators.chaos.recording import RecordedAdapter
from seawall.simulators.chaos.scenario import Mishap, People, PlannedCall, Scenario
from seawall.simulators.chaos.subject import Subject
from seawall.simulators.chaos.subjects import load_subject
from seawall.simulators.chaos.verdicts import Invariant
from seawall.simulators.faults import Plan

Plant = Callable[[pytest.MonkeyPatch], None]
Spoil = Callable[[Adapter], None]


@dataclass(frozen=True)
class Animal:
    """One planted bug.

    Args:
        name: What is wrong.
        caught_by: The invariant that must break, and no other.
        scenario: What is played.
        spoil: Breaks the connector.
        plant: Breaks Seawall.
        says: What a witness must say, where the invariant names more than one bug.
    """

    name: str
    caught_by: Invariant
    scenario: Scenario
    spoil: Spoil | None = None
    plant: Plant | None = None
    says: str = ""

    def subject(self) -> Subject:
        """The scenario's subject, its connector broken if it is to be."""
        made = load_subject(self.scenario.subject)
        if self.spoil is not None:
            spoil, real = self.spoil, made.adapter

            def adapter(target: Any, around: Surroundings) -> Adapter:
                opened = real(target, around)
                spoil(opened)
                return opened

            vars(made)["adapter"] = adapter
        return made


def scenario(subject: str, *calls: PlannedCall, faults: tuple[dict[str, Any], ...] = (), **how: Any) -> Scenario:
    """A scenario with faults that each strike once, unless they say otherwise."""
    plan = Plan.model_validate(
        {"faults": [{"id": f"f{n}", "trigger": {"nth": 1}, **fault} for n, fault in enumerate(faults)]}
    )
    return Scenario(subject=subject, plan=plan, calls=calls, **how)


def once(action: str, **how: Any) -> PlannedCall:
    """One call."""
    return PlannedCall(action=action, sample=1, **how)


def on_write(point: str, kind: str, **params: Any) -> dict[str, Any]:
    """A fault of a write."""
    return {"match": {"lane": "write"}, "point": point, "kind": kind, "params": params}


ALL_READS = {"match": {"lane": "read"}, "point": "send", "kind": "reset", "trigger": {"first": 100}}
A_DATE = "Tue, 01 Jan 2030 00:00:00 GMT"


# Connectors ---------------------------------------------------------------------------------------------------------


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


# Seawall itself -----------------------------------------------------------------------------------------------------


def decides(rule: Callable[[Doubt, Any], Step]) -> Plant:
    """Another rule for what follows from a finding."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        patch.setattr("seawall.core.write.next_step", rule)
        patch.setattr("seawall.core.examination.next_step", rule)

    return plant


def trusts_any_absence(doubt: Doubt, finding: Any) -> Step:
    return ProvenAbsent("it is not there") if isinstance(finding, Absent) else next_step(doubt, finding)


def ignores_late_commits(doubt: Doubt, finding: Any) -> Step:
    return SendAgain("it is not there") if isinstance(finding, Absent) else next_step(doubt, finding)


def asks_people_what_it_knows(doubt: Doubt, finding: Any) -> Step:
    return Park("it is there") if isinstance(finding, Present) else next_step(doubt, finding)


def attempts(change: Callable[..., Any]) -> Plant:
    """Something between Seawall and the connector."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        real = RecordedAdapter.send

        async def send(self: RecordedAdapter, action: Action, attempt: Attempt) -> Sent[Any]:
            sent: Sent[Any] = await change(self, real, action, attempt)
            return sent

        patch.setattr(RecordedAdapter, "send", send)

    return plant


async def a_key_for_each_attempt(self: Any, real: Any, action: Action, attempt: Attempt) -> Any:
    again = f"{attempt.key[:-2]}{self._journal.attempts:02d}" if attempt.key else ""
    return await real(self, action, replace(attempt, key=again))


async def sends_what_nobody_wrote_down(self: Any, real: Any, action: Action, attempt: Attempt) -> Any:
    return await real(self, action, replace(attempt, operation_id="op_early") if action.writes else attempt)


async def hides_it_behind_the_breaker(self: Any, real: Any, action: Action, attempt: Attempt) -> Any:
    try:
        return await real(self, action, attempt)
    except IntegrationError as error:
        if error.effect == "maybe":
            raise CircuitOpen("the circuit is open", transient=False) from error
        raise


def has_no_fence(patch: pytest.MonkeyPatch) -> None:
    async def fence(self: Held) -> None:
        return

    patch.setattr(Held, "fence", fence)
    patch.setattr(Held, "_may_send", lambda self: True)


def has_no_breaker(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Breaker, "_settle", lambda *_, **__: None)


def never_gives_up(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Backoff, "exhausted", lambda *_: False)


def never_recovers(patch: pytest.MonkeyPatch) -> None:
    async def run(self: Lane) -> None:
        return

    patch.setattr(Lane, "run", run)


def undoes_at_once(patch: pytest.MonkeyPatch) -> None:
    async def still_there(self: Any, system: Any, action: Action, operation: Any, deadline_at: float) -> Done:
        from seawall.core.replay import outcome_of

        recorded: Any = outcome_of(operation, action, self.clock.now())
        return Done(action.request.model_validate_json(operation.request), recorded.value, recorded.receipt.record)

    patch.setattr("seawall.core.compensation._Undo._still_there", still_there)


def spends_approvals_twice(patch: pytest.MonkeyPatch) -> None:
    """Processes that look at the same time, and a ledger that does not ask whether an approval was spent."""
    real_release, real_lost = approvals.release, Release._lost

    async def slowly(self: Release, *args: Any) -> Any:
        await asyncio.sleep(1.0)
        return await real_lost(self, *args)

    async def release(db: Any, approval_id: str, seen: Operation, holder: str, *args: Any) -> Released:
        released = await real_release(db, approval_id, seen, holder, *args)
        standing, found = await approval_by_id(db, approval_id), await operation_by_id(db, seen.id)
        if released.operation is not None or standing is None or standing.status is not ApprovalStatus.SPENT:
            return released
        assert found is not None
        mine = replace(found, status=Status.RUNNING, holder=holder, epoch=found.epoch + 1)
        claim = db.sql.claim
        await db.run(claim, claim.values(which=mine.id, **{name: getattr(mine, name) for name in CLAIMED}))
        return Released(mine)

    patch.setattr(Release, "_lost", slowly)
    patch.setattr(approvals, "release", release)


def asks_nobody(patch: pytest.MonkeyPatch) -> None:
    real = Policy.decide

    def decide(self: Policy, *args: Any) -> Decision:
        decision = real(self, *args)
        return replace(decision, decision="allow", approval=None) if decision.approval is not None else decision

    patch.setattr(Policy, "decide", decide)


ANIMALS = [
    Animal(
        "a connector acknowledges, and then tidies the record away",
        Invariant.NO_LOST_WRITE,
        scenario("netsuite", once("create_credit_memo")),
        spoil=tidies_up_too_much,
    ),
    Animal(
        "a connector retries without the key",
        Invariant.NO_DUPLICATE,
        scenario("salesforce-marker", once("create_case"), faults=(on_write("after_commit", "reset"),)),
        spoil=sends(retries_without_key),
    ),
    Animal(
        "a connector changes a record that nobody asked it to change",
        Invariant.NO_DUPLICATE,
        scenario("salesforce", once("add_case_comment")),
        spoil=changes_the_case_too,
        says="was changed in salesforce, and nobody asked for it",
    ),
    Animal(
        "Seawall ignores late commits",
        Invariant.NO_DUPLICATE,
        scenario(
            "salesforce-marker",
            once("create_case"),
            faults=(on_write("later", "late_commit", delay=40, reply="reset"),),
        ),
        plant=decides(ignores_late_commits),
    ),
    Animal(
        "a connector believes any page",
        Invariant.NO_PHANTOM_SUCCESS,
        scenario("salesforce", once("create_case"), faults=(on_write("admit", "status", status=502, body="html"),)),
        spoil=sends(believes_any_page),
    ),
    Animal(
        "a connector names the record of another operation",
        Invariant.NO_PHANTOM_SUCCESS,
        scenario("salesforce", once("create_case"), PlannedCall(action="create_case", sample=2)),
        spoil=sends(names_the_first_record),
    ),
    Animal(
        "a connector makes up the record that it names",
        Invariant.NO_PHANTOM_SUCCESS,
        scenario("salesforce", once("create_case")),
        spoil=sends(names_a_record_of_its_own),
        says="of nothing that it made or changed",
    ),
    Animal(
        "a connector makes a record with fields that nobody asked for",
        Invariant.NO_PHANTOM_SUCCESS,
        scenario("salesforce", once("create_case")),
        spoil=sends(describes_what_it_makes),
        says="nobody had asked to write Description",
    ),
    Animal(
        "a connector writes fields that nobody asked it to change",
        Invariant.NO_PHANTOM_SUCCESS,
        scenario("salesforce", once("update_case")),
        spoil=sends(writes_more_than_was_asked),
    ),
    Animal(
        "a probe writes",
        Invariant.KEY_DISCIPLINE,
        scenario("salesforce", once("create_case"), faults=(on_write("apply", "reset"),)),
        spoil=looks_by_writing,
    ),
    Animal(
        "a connector drops a field",
        Invariant.NO_PHANTOM_SUCCESS,
        scenario("salesforce", once("create_case")),
        spoil=sends(drops_a_field),
    ),
    Animal(
        "a connector drops a field, and only recovery hears of it",
        Invariant.NO_PHANTOM_SUCCESS,
        scenario(
            "salesforce",
            once("create_case"),
            faults=({"point": "after_send", "kind": "crash", "match": {"system": "salesforce"}},),
        ),
        spoil=knows_no_priority,
        says="the ledger calls it applied, and the content is not what was asked for",
    ),
    Animal(
        "a connector drops a field of an item, and only recovery hears of it",
        Invariant.EXACT_PARTIALS,
        scenario(
            "salesforce",
            once("create_cases"),
            faults=({"point": "after_send", "kind": "crash", "match": {"system": "salesforce"}},),
        ),
        spoil=knows_no_priority,
        says="item: the ledger calls it applied, and the content is not what was asked for",
    ),
    Animal(
        "a connector calls a 504 a refusal",
        Invariant.NO_PHANTOM_FAILURE,
        scenario(
            "salesforce", once("create_case"), faults=(on_write("after_commit", "status", status=504, body="html"),)
        ),
        spoil=sends(calls_a_504_a_refusal),
    ),
    Animal(
        "an error of the breaker hides a write",
        Invariant.NO_PHANTOM_FAILURE,
        scenario("salesforce", once("create_case"), faults=(on_write("after_commit", "reset"),)),
        plant=attempts(hides_it_behind_the_breaker),
    ),
    Animal(
        "Seawall trusts an absence in a lagging index",
        Invariant.NO_PHANTOM_FAILURE,
        scenario("hubspot-text", once("create_ticket"), faults=(on_write("after_commit", "reset"),)),
        plant=decides(trusts_any_absence),
    ),
    Animal(
        "a connector says unknown although it knows",
        Invariant.NO_UNEXPLAINED_OUTCOME,
        scenario("hubspot", once("upsert_contact")),
        spoil=sends(never_knows_at_first),
    ),
    Animal(
        "a connector says unknown although it could not connect",
        Invariant.NO_UNEXPLAINED_OUTCOME,
        scenario(
            "hubspot", once("upsert_contact"), faults=({**on_write("connect", "refused"), "trigger": {"first": 8}},)
        ),
        spoil=sends(is_never_sure),
    ),
    Animal(
        "a connector leaves everything to people although it knows",
        Invariant.NO_UNEXPLAINED_OUTCOME,
        scenario("salesforce", once("trigger_workflow")),
        spoil=sends(doubts_everything),
        says="although the target had answered clearly",
    ),
    Animal(
        "a connector collapses batches",
        Invariant.EXACT_PARTIALS,
        scenario(
            "salesforce",
            once("create_cases"),
            faults=({**on_write("apply", "partial_batch", k=2, code="FIELD_CUSTOM_VALIDATION_EXCEPTION")},),
        ),
        spoil=collapses_batches,
    ),
    Animal(
        "Seawall trusts an absence in a lagging index, for items",
        Invariant.EXACT_PARTIALS,
        scenario("hubspot-text", once("create_tickets"), faults=(on_write("after_commit", "reset"),)),
        plant=decides(trusts_any_absence),
        says="item",
    ),
    Animal(
        "a connector repeats by itself, again and again",
        Invariant.BOUNDED_AMPLIFICATION,
        scenario("hubspot", once("upsert_contact")),
        spoil=sends(storms),
    ),
    Animal(
        "a connector repeats a read that was lost",
        Invariant.BOUNDED_AMPLIFICATION,
        scenario("salesforce", once("get_case"), faults=(ALL_READS | {"trigger": {"nth": 1}},)),
        spoil=sends(repeats_what_fails),
        says="again after reset: the adapter repeats by itself",
    ),
    Animal(
        "a connector repeats a write that could not be sent",
        Invariant.BOUNDED_AMPLIFICATION,
        scenario("salesforce", once("create_case"), faults=(on_write("connect", "refused"),)),
        spoil=sends(repeats_what_fails),
        says="again after refused: the adapter repeats by itself",
    ),
    Animal(
        "Seawall has no breaker",
        Invariant.BOUNDED_AMPLIFICATION,
        scenario("salesforce", *(once("get_case") for _ in range(3)), faults=(ALL_READS,)),
        plant=has_no_breaker,
        says="its breaker is not open",
    ),
    Animal(
        "a connector keeps outages to itself",
        Invariant.BOUNDED_AMPLIFICATION,
        scenario("salesforce", *(once("get_case") for _ in range(3)), faults=(ALL_READS,)),
        spoil=sends(hides(outage=False)),
        says="its breaker is not open",
    ),
    Animal(
        "Seawall repeats reads without end",
        Invariant.BOUNDED_AMPLIFICATION,
        scenario("salesforce", once("get_case"), faults=(ALL_READS,)),
        plant=never_gives_up,
        says="attempts in one call",
    ),
    Animal(
        "a connector does not read Retry-After",
        Invariant.BOUNDED_AMPLIFICATION,
        scenario("salesforce", once("create_case"), faults=(on_write("apply", "throttle", retry_after="20"),)),
        spoil=sends(hides(retry_after=None)),
        says="before it was asked to",
    ),
    Animal(
        "a connector does not wait for what a date in Retry-After asks for",
        Invariant.BOUNDED_AMPLIFICATION,
        scenario("salesforce", once("create_case"), faults=(on_write("apply", "throttle", retry_after=A_DATE),)),
        spoil=sends(waits_for_nothing),
        says="before it was asked to",
    ),
    Animal(
        "Seawall does not recover",
        Invariant.EVENTUAL_RESOLUTION,
        scenario("salesforce-marker", once("create_case"), faults=(on_write("apply", "reset"),)),
        plant=never_recovers,
    ),
    Animal(
        "Seawall lets people decide what it has found",
        Invariant.EVENTUAL_RESOLUTION,
        scenario("salesforce", once("create_case"), faults=(on_write("after_commit", "reset"),)),
        plant=decides(asks_people_what_it_knows),
        says="although it could be found out",
    ),
    Animal(
        "Seawall sends before it writes down",
        Invariant.KEY_DISCIPLINE,
        scenario("salesforce", once("create_case")),
        plant=attempts(sends_what_nobody_wrote_down),
        says="before its intent was written down",
    ),
    Animal(
        "Seawall makes a key for each attempt",
        Invariant.KEY_DISCIPLINE,
        scenario("salesforce", once("create_case", again=2), faults=(on_write("apply", "reset"),)),
        plant=attempts(a_key_for_each_attempt),
    ),
    Animal(
        "a stale holder writes",
        Invariant.KEY_DISCIPLINE,
        scenario(
            "salesforce",
            once("create_case", deadline=2000.0),
            faults=({"point": "after_journal", "kind": "pause", "params": {"seconds": 900}, "times": 1},),
            workers=2,
        ),
        plant=has_no_fence,
    ),
    Animal(
        "a connector swallows cancellation",
        Invariant.DEADLINE,
        scenario("salesforce", once("create_case", deadline=5.0)),
        spoil=sends(holds_on),
    ),
    Animal(
        "a connector swallows cancellation, while another process stands still",
        Invariant.DEADLINE,
        scenario(
            "salesforce",
            once("create_case", deadline=5.0),
            workers=2,
            mishaps=(Mishap(what="pause", at=0.0, worker=1, seconds=300.0),),
        ),
        spoil=sends(holds_on),
    ),
    Animal(
        "a probe lies",
        Invariant.READ_HONESTY,
        scenario("salesforce", once("create_case", again=2), faults=(on_write("after_commit", "reset"),)),
        spoil=lies_when_it_looks,
    ),
    Animal(
        "an approval is spent twice",
        Invariant.KEY_DISCIPLINE,
        scenario("salesforce", once("create_case"), people=People(), workers=2),
        plant=spends_approvals_twice,
        says="was spent twice",
    ),
    Animal(
        "Seawall sends what people should have approved",
        Invariant.KEY_DISCIPLINE,
        scenario("salesforce", once("create_case"), people=People()),
        plant=asks_nobody,
        says="nobody had approved it",
    ),
]
"""Those that are played as a scenario; `test_zoo` has the others, which need a stage of their own."""

"""What a call of a tool comes to, judged by what happened in the target."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from support.agents import ADA, BOB, toy_agent
from support.toy import variant
from support.virtual import virtual

from seawall.agents import Dispatcher, Reach, Result
from seawall.agents.result import EFFECTS

ADD, NOTE = "toy__add_note", {"reference": "R-1"}


def facts(result: Result) -> tuple[str, str, bool]:
    return result.status, result.effect, result.is_error


@virtual
async def test_write_that_is_applied_succeeds_with_its_record(tmp_path: Path) -> None:
    async with toy_agent(tmp_path) as (agent, target, wall):
        result = await agent.call(ADD, NOTE, trace_id="t-1")
        assert facts(result) == ("succeeded", "applied", False)
        assert result.records == ({"system": "toy", "type": "note", "id": "n1"},)
        assert result.to_json()["data"] == {
            "untrusted": True,
            "source": "toy",
            "content": {"id": "n1", "text": "hello"},
        }
        assert result.policy == {
            "decision": "allow",
            "rule": "everything",
            "version": wall.policy.version,
            "approval_id": None,
        }
        assert (result.trace_id, result.next, result.retry.allowed) == ("t-1", None, "no")
        assert len(target.effects) == 1


@pytest.mark.case(26)
@virtual
async def test_doubled_calls_and_reworded_repeats_have_one_effect(tmp_path: Path) -> None:
    async with toy_agent(tmp_path, script=["slow:2"]) as (agent, target, wall):
        later = Dispatcher(wall, ADA)  # another session of the same agent
        first, doubled = await asyncio.gather(agent.call(ADD, NOTE), later.call(ADD, NOTE))
        reworded = await later.call(ADD, {**NOTE, "text": "Hello, as I said before"})
        assert facts(first) == ("succeeded", "applied", False)
        assert facts(doubled) == ("replayed", "applied", False)
        assert facts(reworded) == ("conflict", "not_applied", True)
        assert doubled.summary.startswith("Already done earlier; this is that result.")
        assert first.operation_id == doubled.operation_id == reworded.operation_id
        assert len(target.effects) == 1


@virtual
async def test_conflict_tells_the_difference_and_leads_to_the_earlier_operation(tmp_path: Path) -> None:
    async with toy_agent(tmp_path) as (agent, _, wall):
        first = await agent.call(ADD, NOTE)
        told = (await agent.call(ADD, {**NOTE, "text": "other"})).to_json()
        assert told["summary"].startswith("Same request identity, different content")
        (field,) = told["error"]["fields"]
        assert (field["field"], field["earlier"], field["now"]) == ("text", "hello", "other")
        assert told["next"] == {"tool": "operation_get", "arguments": {"operation_id": first.operation_id}}
        others = (await Dispatcher(wall, BOB).call(ADD, {**NOTE, "text": "other"})).to_json()
        assert "earlier" not in others["error"]["fields"][0]
        assert others["next"] is None


@pytest.mark.case(52)
@pytest.mark.parametrize("name", ["marker, no horizon", "nothing", "client id, no probe"])
@virtual
async def test_unknown_outcome_cannot_be_read_as_success(tmp_path: Path, name: str) -> None:
    async with toy_agent(tmp_path, script=["lost before"] * 9, action=variant(name)) as (agent, target, _):
        result = await agent.call(ADD, NOTE)
        told = result.to_json()
        assert facts(result) == ("outcome_unknown", "unknown", True)
        assert told["summary"].startswith("It is not known whether this was applied. Do not create it again.")
        assert (told["data"], told["records"]) == (None, [])
        assert told["retry"]["allowed"] == "same_operation_only"
        assert told["next"] == {"tool": "operation_get", "arguments": {"operation_id": result.operation_id}}
        asked = await agent.call("operation_get", {"operation_id": result.operation_id})
        assert (asked.status, asked.effect) == ("outcome_unknown", "unknown")
        again = await agent.call(ADD, NOTE)
        assert again.effect == "unknown"
        assert not target.effects


@pytest.mark.case(52)
def test_no_result_can_be_made_that_claims_more_than_its_status_proves() -> None:
    for status, effects in EFFECTS.items():
        for effect in ("applied", "not_applied", "unknown", "partial"):
            if effect in effects:
                continue
            with pytest.raises(ValueError, match="cannot have the effect"):
                Result(status=status, effect=effect, summary="")


@virtual
async def test_call_beyond_the_hold_window_is_in_progress_and_goes_on(tmp_path: Path) -> None:
    async with toy_agent(
        tmp_path, script=["slow:60"], agents={"hold": 5}, attempt_timeout=100, deadline=100, **LONG
    ) as (agent, target, _):
        result = await agent.call(ADD, NOTE)
        assert facts(result) == ("in_progress", "unknown", False)
        assert result.summary.startswith("Still running; result not known")
        assert result.operation_id
        assert result.to_json()["next"] == {
            "tool": "operation_wait",
            "arguments": {"operation_id": result.operation_id},
        }
        assert target.effects == []
        waited = await agent.call("operation_wait", {"operation_id": result.operation_id, "seconds": 1000})
        assert waited.status == "in_progress"
        await asyncio.sleep(60)
        done = await agent.call("operation_wait", {"operation_id": result.operation_id})
        assert facts(done) == ("succeeded", "applied", False)
        assert target.sends == 1


LONG: dict[str, Any] = {"breaker": {"probe_lease": 200}}


@virtual
async def test_whoever_stops_waiting_cancels_the_wait_and_never_the_write(tmp_path: Path) -> None:
    async with toy_agent(tmp_path, script=["slow:5"]) as (agent, target, _):
        call = asyncio.create_task(agent.call(ADD, NOTE))
        await target.entered.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        again = await agent.call(ADD, NOTE)
        assert facts(again) == ("replayed", "applied", False)
        assert target.sends == 1


@virtual
async def test_progress_is_told_while_it_waits_and_a_listener_that_went_away_changes_nothing(tmp_path: Path) -> None:
    heard: list[float] = []

    async def listen(seconds: float) -> None:
        heard.append(seconds)
        if len(heard) == 2:
            raise ConnectionError("gone")

    async with toy_agent(tmp_path, script=["slow:18"], attempt_timeout=20, deadline=25) as (agent, target, _):
        result = await agent.call(ADD, NOTE, waiting=listen)
        assert result.status == "succeeded"
        assert heard == pytest.approx([5.0, 10.0])


@virtual
async def test_refusal_of_the_target_is_quoted_and_its_text_cannot_end_the_quotes(tmp_path: Path) -> None:
    async with toy_agent(tmp_path, script=["refused"]) as (agent, _, _):
        result = await agent.call(ADD, NOTE)
        assert facts(result) == ("failed", "not_applied", True)
        assert 'toy said "the target does not want it"' in result.summary
        assert "permanent" in result.summary
        assert result.error is not None
        assert (result.error.code, result.error.kind) == ("RULE", "rule")


@virtual
async def test_passing_failure_says_when_the_same_request_may_be_made_again(tmp_path: Path) -> None:
    async with toy_agent(tmp_path, script=["throttled:100"] * 5) as (agent, target, _):
        result = await agent.call(ADD, NOTE)
        assert facts(result) == ("failed", "not_applied", True)
        assert result.retry.allowed == "same_request"
        assert (result.retry.after_ms or 0) > 60_000
        assert result.next is not None
        assert (result.next.tool, result.next.arguments) == (ADD, NOTE)


@virtual
async def test_open_breaker_is_unavailable_until_a_time(tmp_path: Path) -> None:
    script = ["no connection"] * 10
    async with toy_agent(tmp_path, script=script, breaker={"failures": 2}) as (agent, target, _):
        await agent.call(ADD, NOTE)
        result = await agent.call(ADD, {"reference": "R-2"})
        assert facts(result) == ("unavailable", "not_applied", True)
        assert result.summary.startswith("Nothing was sent. Writes to toy pause until ")
        assert "Do not make this change by another route; report it." in result.summary
        assert target.effects == []


@pytest.mark.parametrize(
    ("act", "said"),
    [
        ("pause", "Nothing was sent. Writes to toy are paused by ann (it doubles invoices)."),
        ("trip", "Nothing was sent. Calls to toy are paused by ann (it doubles invoices)."),
        ("stop", "Nothing was sent. All calls to all systems are stopped by ann (it doubles invoices)."),
    ],
)
def test_what_a_person_paused_is_unavailable_and_says_who_and_why(tmp_path: Path, act: str, said: str) -> None:
    @virtual
    async def scenario() -> None:
        async with toy_agent(tmp_path) as (agent, target, wall):
            named = () if act == "stop" else ("toy",)
            await getattr(wall.overrides, act)(*named, by="ann", reason="it doubles invoices")
            result = await agent.call(ADD, NOTE)
            assert facts(result) == ("unavailable", "not_applied", True)
            assert result.summary == f"{said} Do not make this change by another route; report it."
            assert result.error is not None
            assert (result.error.kind, result.retry.allowed) == ("paused", "same_request")
            assert target.sends == 0

    scenario()


@virtual
async def test_batch_of_which_nothing_may_be_sent_is_unavailable_as_a_whole(tmp_path: Path) -> None:
    async with toy_agent(tmp_path) as (agent, target, wall):
        await wall.overrides.pause("toy", by="ann", reason="it doubles invoices", lasts=60.0)
        result = await agent.call("toy__add_notes", {"notes": [NOTE, {"reference": "R-2"}]})
        assert facts(result) == ("unavailable", "not_applied", True)
        assert result.summary.startswith("Nothing was sent. Writes to toy are paused until ")
        assert (result.retry.allowed, result.retry.after_ms) == ("same_request", 60_000)
        assert target.effects == []


@virtual
async def test_denied_by_policy_is_recorded_and_nothing_is_executed(tmp_path: Path) -> None:
    reads = [{"name": "reads", "decision": "allow", "effects": ["read"]}]
    async with toy_agent(tmp_path, policy=reads) as (agent, target, wall):
        result = await agent.call(ADD, NOTE)
        assert facts(result) == ("denied", "not_applied", True)
        assert "nothing was executed" in result.summary
        assert target.sends == 0
        assert [tool.name for tool in agent.tools if tool.name.startswith("toy")] == ["toy__get_note"]


@virtual
async def test_policy_part_tells_the_decision_of_the_pipeline_and_asks_for_no_other(tmp_path: Path) -> None:
    policy = [
        {"name": "loud", "decision": "deny", "where": {"priority": {"is": "high", "present": True}}},
        {"name": "two", "decision": "allow", "rate": {"calls": 2, "per": "1h"}},
    ]
    async with toy_agent(tmp_path, policy=policy) as (agent, target, wall):
        made: list[str] = []
        new_id = wall.policy._new_id

        def counted(prefix: str) -> str:
            made.append(prefix)
            return new_id(prefix)

        wall.policy._new_id = counted
        result = await agent.call(ADD, NOTE)
        (operation,) = await wall.ledger.find()
        recorded = json.loads(operation.policy)
        assert result.policy is not None
        assert (result.policy["rule"], result.policy["version"]) == (recorded["rule"], recorded["version"])
        assert made == ["decision"]
        denied = await agent.call(ADD, {"reference": "R-2", "priority": "high"})
        assert denied.policy is not None
        assert (denied.status, denied.policy["decision"], denied.policy["rule"]) == ("denied", "deny", "loud")
        await agent.call(ADD, {"reference": "R-3"})
        beyond = await agent.call(ADD, {"reference": "R-4"})
        assert beyond.policy is not None
        assert (beyond.status, beyond.policy["rule"]) == ("denied", "default")
        assert target.sends == 2


@virtual
async def test_scope_that_is_missing_denies_whatever_the_policy_allows(tmp_path: Path) -> None:
    async with toy_agent(tmp_path, scopes=(Reach.READ,)) as (agent, target, _):
        result = await agent.call(ADD, NOTE)
        assert facts(result) == ("denied", "not_applied", True)
        assert result.error is not None
        assert result.error.code == "insufficient_scope"
        assert target.sends == 0
        assert (await agent.call("toy__get_note", {"note_id": "n1"})).status == "succeeded"


@pytest.mark.parametrize(
    ("arguments", "field", "allowed"),
    [
        ({}, "reference", {"type": "string"}),
        ({**NOTE, "text": 5}, "text", {"type": "string"}),
        ({**NOTE, "colour": "red"}, "colour", ["distinct_from", "priority", "reference", "text"]),
        ({**NOTE, "distinct_from": "op_1"}, "distinct_from", None),
        ({**NOTE, "distinct_from": {"operation_id": "op_1", "reason": " "}}, "distinct_from", None),
    ],
)
@virtual
async def test_invalid_arguments_are_told_field_by_field(
    tmp_path: Path, arguments: dict[str, Any], field: str, allowed: Any
) -> None:
    async with toy_agent(tmp_path) as (agent, target, _):
        result = await agent.call(ADD, arguments)
        assert facts(result) == ("invalid", "not_applied", True)
        assert result.error is not None
        told = result.error.fields[0]
        assert told["field"] == field
        assert told["rule"]
        assert told.get("allowed") == allowed
        assert target.sends == 0


@virtual
async def test_unknown_tool_is_a_result_that_names_those_there_are(tmp_path: Path) -> None:
    async with toy_agent(tmp_path) as (agent, _, _):
        result = await agent.call("toy__no_such", {})
        assert facts(result) == ("invalid", "not_applied", True)
        assert result.error is not None
        assert ADD in result.error.fields[0]["allowed"]


@virtual
async def test_deliberate_repeat_is_a_second_effect_once(tmp_path: Path) -> None:
    async with toy_agent(tmp_path) as (agent, target, _):
        first = await agent.call(ADD, NOTE)
        earlier = {"operation_id": first.operation_id}
        second = await agent.call(ADD, {**NOTE, "distinct_from": {**earlier, "reason": "asked for two"}})
        again = await agent.call(ADD, {**NOTE, "distinct_from": {**earlier, "reason": "as I said"}})
        assert [result.status for result in (first, second, again)] == ["succeeded", "succeeded", "replayed"]
        assert len(target.effects) == 2
        made_up = {**NOTE, "distinct_from": {"operation_id": "op_made_up", "reason": "again"}}
        refused = await agent.call(ADD, made_up)
        assert (refused.status, refused.effect) == ("invalid", "not_applied")
        assert refused.error is not None
        assert refused.error.fields[0]["field"] == "distinct_from"
        assert len(target.effects) == 2


@virtual
async def test_batch_is_told_item_by_item_and_its_effect_is_partial(tmp_path: Path) -> None:
    async with toy_agent(tmp_path) as (agent, target, wall):
        adapter: Any = wall.systems["toy"].adapter
        adapter.item_script["b"] = ["rejected"]
        result = await agent.call("toy__add_notes", {"notes": [{"reference": "a"}, {"reference": "b"}]})
        assert facts(result) == ("failed", "partial", True)
        items = result.data["items"]
        assert [(item["status"], item["effect"]) for item in items] == [
            ("succeeded", "applied"),
            ("failed", "not_applied"),
        ]
        assert len(result.records) == 1
        whole = await agent.call("toy__add_notes", {"notes": [{"reference": "c"}]})
        assert facts(whole) == ("succeeded", "applied", False)


@virtual
async def test_batch_with_an_item_that_is_not_known_is_not_known(tmp_path: Path) -> None:
    async with toy_agent(tmp_path, action=variant("marker, no horizon")) as (agent, _, wall):
        adapter: Any = wall.systems["toy"].adapter
        adapter.item_script["b"] = ["lost"]
        result = await agent.call("toy__add_notes", {"notes": [{"reference": "a"}, {"reference": "b"}]})
        assert facts(result) == ("outcome_unknown", "unknown", True)
        assert result.next is not None
        assert result.next.arguments == {"operation_id": result.data["items"][1]["operation_id"]}


@virtual
async def test_batch_whose_items_wait_for_people_is_not_told_as_failed(tmp_path: Path) -> None:
    asks: dict[str, Any] = {
        "name": "ask",
        "decision": "require_approval",
        "actions": ["toy.add_note"],
        "where": {"reference": {"in": ["b", "c", "d"]}},
        "approval": {"role": "lead"},
    }
    policy = [asks, {"name": "rest", "decision": "allow"}]
    async with toy_agent(tmp_path, policy=policy) as (agent, target, wall):
        held = await agent.call("toy__add_notes", {"notes": [{"reference": "b"}, {"reference": "c"}]})
        assert facts(held) == ("pending_approval", "not_applied", False)
        assert held.summary.startswith("NOT ALL DONE YET.")
        assert held.error is None
        assert held.next is not None
        assert held.next.arguments == {"operation_id": held.data["items"][0]["operation_id"]}
        partly = await agent.call("toy__add_notes", {"notes": [{"reference": "a"}, {"reference": "b"}]})
        assert facts(partly) == ("pending_approval", "partial", False)
        adapter: Any = wall.systems["toy"].adapter
        adapter.item_script["e"] = ["rejected"]
        mixed = await agent.call("toy__add_notes", {"notes": [{"reference": "d"}, {"reference": "e"}]})
        assert facts(mixed) == ("failed", "not_applied", True)
        assert "1 are not, 1 wait for people" in mixed.summary
        assert len(target.effects) == 1


@virtual
async def test_secrets_and_unwritable_text_never_reach_an_agent(tmp_path: Path) -> None:
    async with toy_agent(tmp_path) as (agent, _, wall):
        wall.secrets.add("canary-4711")
        result = await agent.call(ADD, {"reference": "R-9", "text": "canary-4711 \ud800"})
        assert "canary-4711" not in str(result.to_json())
        "".join(result.to_texts()).encode()


@virtual
async def test_mistake_of_a_connector_is_a_result_and_no_exception(tmp_path: Path) -> None:
    async with toy_agent(tmp_path, script=["bug"], action=variant("nothing")) as (agent, target, _):
        result = await agent.call(ADD, NOTE)
        assert facts(result) == ("outcome_unknown", "unknown", True)
        assert len(target.effects) == 1


@virtual
async def test_read_that_hangs_is_answered_inside_the_hold_window(tmp_path: Path) -> None:
    async with toy_agent(tmp_path, script=["hang"] * 9, agents={"hold": 5}) as (agent, _, wall):
        started = wall.sources.clock.monotonic()
        result = await agent.call("toy__get_note", {"note_id": "n1"})
        assert (result.status, result.effect) == ("failed", "not_applied")
        assert wall.sources.clock.monotonic() - started < 5


@virtual
async def test_read_that_nobody_waits_for_is_given_up(tmp_path: Path) -> None:
    async with toy_agent(tmp_path, script=["hang"]) as (agent, target, _):
        call = asyncio.create_task(agent.call("toy__get_note", {"note_id": "n1"}))
        await target.entered.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        started = asyncio.get_running_loop().time()
        assert (await agent.call("toy__get_note", {"note_id": "n1"})).status == "succeeded"
        assert asyncio.get_running_loop().time() - started < 1

"""What holds in every framework, each with its real package and a scripted model, judged by the org's effect log."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from support.agents import toy_agent
from support.frameworks import ASK, CASE, CREATE, GET_CASE, LOST, NOTHING_FOUND_OUT, Ask, Drive, cases, crm_agent
from support.frameworks.anthropic import drive_anthropic
from support.frameworks.langchain import drive_langchain
from support.frameworks.openai import drive_chat, drive_responses
from support.frameworks.openai_agents import drive_openai_agents
from support.frameworks.pydantic_ai import drive_pydantic_ai
from support.virtual import virtual

from seawall.agents import Dispatcher, Reach

DRIVES: dict[str, Drive] = {
    "anthropic": drive_anthropic,
    "langgraph": drive_langchain,
    "openai-agents": drive_openai_agents,
    "openai-chat": drive_chat,
    "openai-responses": drive_responses,
    "pydantic-ai": drive_pydantic_ai,
}
everywhere = pytest.mark.parametrize("name", list(DRIVES))


def marks(seen: Any) -> set[bool | None]:
    """Whether results were marked as errors; None where the framework marks nothing."""
    return {told.marked for told in seen.told}


@everywhere
@virtual
async def test_tools_seen_by_a_model_are_those_of_the_dispatcher_at_each_turn(tmp_path: Path, name: str) -> None:
    async with crm_agent(tmp_path) as (agent, _):
        seen = await DRIVES[name](agent, [Ask("c1", ASK, {"operation_id": "op_none"})])
        given = {tool.name: tool.input_schema for tool in agent.tools}
        assert [list(tools) for tools in seen.tools] == [list(given), list(given)]
        assert seen.tools[0] == seen.tools[1]
        for tool, schema in seen.tools[0].items():
            assert list(schema["properties"]) == list(given[tool]["properties"])
            assert schema.get("required", []) == given[tool].get("required", [])
            assert schema["additionalProperties"] is False


@everywhere
@virtual
async def test_case_that_is_opened_is_read_and_asked_for(tmp_path: Path, name: str) -> None:
    async with crm_agent(tmp_path) as (agent, org):
        seen = await DRIVES[name](agent, [Ask("c1", CREATE, CASE)])
        (opened,) = seen.told
        assert opened.call_id == "c1"
        assert opened.facts == ("succeeded", "applied")
        case_id = opened.envelope["records"][0]["id"]
        asked = {"operation_id": opened.envelope["operation_id"]}
        later = await DRIVES[name](agent, [Ask("c2", GET_CASE, {"case_id": case_id})], [Ask("c3", ASK, asked)])
        read, found = later.told
        assert (read.facts, found.facts) == (("succeeded", "applied"), ("succeeded", "applied"))
        assert '<untrusted-data source="crm">' in read.text
        assert "Parcel lost" in read.text.partition("<untrusted-data")[2]
        assert read.envelope["trace_id"]
        assert read.envelope["trace_id"] != opened.envelope["trace_id"]
        assert marks(seen) | marks(later) <= {False, None}
        assert cases(org) == ["Parcel lost"]


@pytest.mark.case(26)
@everywhere
@virtual
async def test_same_call_under_other_ids_and_reworded_has_one_effect(tmp_path: Path, name: str) -> None:
    reworded = {**CASE, "subject": "A parcel was lost"}
    async with crm_agent(tmp_path) as (agent, org):
        seen = await DRIVES[name](
            agent,
            [Ask("c1", CREATE, CASE), Ask("c2", CREATE, CASE)],
            [Ask("c3", CREATE, CASE)],
            [Ask("c4", CREATE, reworded)],
        )
        assert [told.call_id for told in seen.told] == ["c1", "c2", "c3", "c4"]
        assert sorted(told.facts[0] for told in seen.told[:2]) == ["replayed", "succeeded"]
        assert seen.told[2].facts == ("replayed", "applied")
        assert seen.told[3].facts == ("conflict", "not_applied")
        assert seen.told[3].marked in (True, None)
        assert len({told.envelope["operation_id"] for told in seen.told}) == 1
        assert cases(org) == ["Parcel lost"]


@pytest.mark.case(52)
@everywhere
@virtual
async def test_lost_reply_is_told_as_not_known_and_has_one_effect(tmp_path: Path, name: str) -> None:
    async with crm_agent(tmp_path, LOST, NOTHING_FOUND_OUT) as (agent, org):
        seen = await DRIVES[name](agent, [Ask("c1", CREATE, CASE)], [Ask("c2", CREATE, CASE)])
        for told in seen.told:
            assert told.facts == ("outcome_unknown", "unknown")
            assert told.text.startswith('{"status": "outcome_unknown"')
            assert "It is not known whether this was applied. Do not create it again." in told.text
            assert "succeeded" not in told.text
            assert told.marked in (True, None)
            assert told.envelope["next"]["tool"] == ASK
        assert cases(org) == ["Parcel lost"]


@everywhere
@virtual
async def test_what_policy_or_scopes_deny_is_told_and_not_done(tmp_path: Path, name: str) -> None:
    reads = [{"name": "reads", "decision": "allow", "effects": ["read"]}]
    scopes = (Reach.READ,)
    async with crm_agent(tmp_path, scopes=scopes) as (agent, org):
        seen = await DRIVES[name](agent, [Ask("c1", CREATE, CASE)])
        assert seen.told[0].facts == ("denied", "not_applied")
        assert seen.told[0].envelope["error"]["code"] == "insufficient_scope"
        assert seen.told[0].marked in (True, None)
        assert cases(org) == []
    (tmp_path / "other").mkdir()
    async with crm_agent(tmp_path / "other", policy=reads) as (agent, org):
        seen = await DRIVES[name](agent, [Ask("c2", ASK, {"operation_id": "op_none"})])
        assert CREATE not in seen.tools[0]
        assert GET_CASE in seen.tools[0]


@everywhere
@virtual
async def test_arguments_that_do_not_fit_are_told_field_by_field(tmp_path: Path, name: str) -> None:
    wrong = {"subject": 5, "colour": "red", "principal": "agent:root"}
    async with crm_agent(tmp_path) as (agent, org):
        seen = await DRIVES[name](agent, [Ask("c1", CREATE, wrong)], [Ask("c2", CREATE, CASE)])
        invalid, mended = seen.told
        assert invalid.facts == ("invalid", "not_applied")
        told = {field["field"]: field for field in invalid.envelope["error"]["fields"]}
        assert set(told) == {"reference", "subject", "colour", "principal"}
        assert "reference" in told["colour"]["allowed"]
        assert invalid.marked in (True, None)
        assert mended.facts == ("succeeded", "applied")
        assert cases(org) == ["Parcel lost"]


@everywhere
@virtual
async def test_calls_of_one_turn_go_on_at_once_and_are_answered_in_their_order(tmp_path: Path, name: str) -> None:
    slow = {"kind": "slow", "point": "apply", "match": {"operation": "create"}, "params": {"seconds": 4}}
    asks = [Ask(f"c{n}", CREATE, {"reference": f"order-{n}", "subject": f"Parcel {n}"}) for n in range(3)]
    async with crm_agent(tmp_path, {**slow, "trigger": {"first": 3}}) as (agent, org):
        started = asyncio.get_running_loop().time()
        seen = await DRIVES[name](agent, asks)
        assert asyncio.get_running_loop().time() - started < 8
        assert [told.call_id for told in seen.told] == ["c0", "c1", "c2"]
        assert {told.facts for told in seen.told} == {("succeeded", "applied")}
        opened = {effect.record_id: effect.fields["Subject"] for effect in org.effects}
        told_of = [opened[told.envelope["records"][0]["id"]] for told in seen.told]
        assert told_of == ["Parcel 0", "Parcel 1", "Parcel 2"]
        assert len(cases(org)) == 3


@everywhere
@virtual
async def test_whoever_stops_the_framework_stops_the_wait_and_never_the_write(tmp_path: Path, name: str) -> None:
    async with toy_agent(tmp_path, script=["slow:5"]) as (agent, target, wall):
        note = {"reference": "R-1"}
        run = asyncio.create_task(DRIVES[name](agent, [Ask("c1", "toy__add_note", note)]))
        await target.entered.wait()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        assert target.effects == []
        again = await DRIVES[name](agent, [Ask("c2", "toy__add_note", note)])
        assert again.told[0].facts == ("replayed", "applied")
        assert (len(target.effects), target.sends) == (1, 1)


@everywhere
@virtual
async def test_many_actions_are_called_through_the_dispatchers_by_effect(tmp_path: Path, name: str) -> None:
    async with crm_agent(tmp_path, agents={"typed_tools": 3}) as (agent, org):
        seen = await DRIVES[name](
            agent,
            [Ask("c1", "actions_search", {"query": "open case"}), Ask("c2", "call_read", call_of("crm.create_case"))],
            [Ask("c3", "call_write", call_of("crm.create_case"))],
        )
        assert list(seen.tools[0])[:3] == ["call_read", "call_write", "call_destructive"]
        assert CREATE not in seen.tools[0]
        found, refused, done = seen.told
        assert "crm.create_case" in found.text
        assert refused.facts == ("invalid", "not_applied")
        assert done.facts == ("succeeded", "applied")
        assert cases(org) == ["Parcel lost"]


def call_of(action: str) -> dict[str, Any]:
    return {"action": action, "arguments": CASE}


@everywhere
@virtual
async def test_principal_is_the_one_that_the_application_chose(tmp_path: Path, name: str) -> None:
    async with toy_agent(tmp_path) as (ada, _, wall):
        bob = Dispatcher(wall, "agent:bob")
        first = await DRIVES[name](ada, [Ask("c1", "toy__add_note", {"reference": "R-1"})])
        asked = {"operation_id": first.told[0].envelope["operation_id"]}
        seen = await DRIVES[name](bob, [Ask("c2", ASK, asked), Ask("c3", "operations_mine", {})])
        assert seen.told[0].facts[1] == "not_applied"
        assert "R-1" not in seen.told[1].text

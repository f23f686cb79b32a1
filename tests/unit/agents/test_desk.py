"""Dispatchers of many callers, and what they do when the server ends."""

from __future__ import annotations

import asyncio
from pathlib import Path

from support.agents import toy_agent
from support.virtual import virtual

from seawall.agents.desk import Desk, Grant
from seawall.agents.hints import Reach


@virtual
async def test_desk_keeps_those_who_called_last_and_no_more(tmp_path: Path) -> None:
    async with toy_agent(tmp_path) as (_, _, wall):
        desk = Desk(wall, kept=3)
        first = desk.of(Grant("agent:0"))
        for number in range(1, 100):
            desk.of(Grant(f"agent:{number}"))
            assert desk.of(Grant("agent:0")) is first
        assert len(desk._made) == 3
        assert desk.of(Grant("agent:0", frozenset({Reach.READ}))) is not first


@virtual
async def test_operation_is_found_by_a_dispatcher_that_was_made_anew(tmp_path: Path) -> None:
    async with toy_agent(tmp_path, script=["slow:20"], attempt_timeout=25, deadline=60) as (_, target, wall):
        desk = Desk(wall, kept=1)
        ada = Grant("agent:ada")
        begun = asyncio.create_task(desk.of(ada).call("toy__add_note", {"reference": "r1", "text": "once"}))
        await asyncio.sleep(1)
        desk.of(Grant("agent:bob"))
        again = await desk.of(ada).call("toy__add_note", {"reference": "r1", "text": "once"})
        assert ((await begun).status, again.status) == ("succeeded", "replayed")
        assert len(target.effects) == 1


@virtual
async def test_agents_that_wait_are_answered_when_the_server_ends_and_their_writes_go_on(tmp_path: Path) -> None:
    script = ["slow:20"]
    async with toy_agent(tmp_path, script=script, attempt_timeout=25, deadline=60) as (_, target, wall):
        desk = Desk(wall)
        agent = desk.of(Grant("agent:ada"))
        writing = asyncio.create_task(agent.call("toy__add_note", {"reference": "r1", "text": "once"}))
        await asyncio.sleep(1)
        (listed,) = (await agent.call("operations_mine")).data["operations"]
        waiting = asyncio.create_task(agent.call("operation_wait", {"operation_id": listed["operation_id"]}))
        await asyncio.sleep(1)
        assert not writing.done()
        assert not waiting.done()
        desk.end()
        told, waited = await asyncio.wait_for(asyncio.gather(writing, waiting), 1)
        assert (told.status, told.effect, told.operation_id) == ("in_progress", "unknown", listed["operation_id"])
        assert waited.status == "in_progress"
        await asyncio.sleep(30)
        assert len(target.effects) == 1
        assert (await agent.call("operation_get", {"operation_id": told.operation_id})).status == "succeeded"

"""What people see of a record before they approve a change to it, with every connector that declares it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.refunds import EVE, PEOPLE
from support.salesforce_world import World, in_an_org
from support.virtual import sources

from seawall import Config, Pending, Seawall
from seawall.connectors import BUILT_IN, load_connector
from seawall.core.action import Action
from seawall.core.adapter import Adapter, Surroundings
from seawall.core.ledger.approval_records import ApprovalStatus


def _adapters() -> Iterator[Adapter]:
    for kind in sorted(BUILT_IN):
        connector = load_connector(kind)
        for settings in connector.examples.values():
            yield connector.open(connector.settings_model.model_validate(settings), Surroundings("example"))


SEEN = [
    pytest.param(adapter.actions, action, id=f"{adapter.kind} {action.name} {number}")
    for number, adapter in enumerate(_adapters())
    for action in adapter.actions.values()
    if action.observation is not None
]


@pytest.mark.parametrize(("actions", "action"), SEEN)
def test_observation_names_a_read_whose_reply_has_the_version(actions: dict[str, Action], action: Action) -> None:
    seen = action.observation
    assert seen is not None
    reading = actions[seen.by]
    assert not reading.writes
    assert seen.version in reading.reply.model_fields


def test_every_overwrite_of_a_record_that_has_a_version_can_be_seen_beforehand() -> None:
    blind = [
        f"{adapter.kind}.{action.name}"
        for adapter in _adapters()
        for action in adapter.actions.values()
        if adapter.kind not in ("soap", "sql") and action.version is not None and action.observation is None
    ]
    assert blind == []


@pytest.mark.case(48)
def test_case_that_changed_after_the_approval_is_asked_for_anew_in_a_simulated_org(tmp_path: Path) -> None:
    async def script(world: World) -> None:
        async with wall_around(world, tmp_path) as wall:
            case = await world.seen()
            asked = {"case_id": world.case_id, "version": case.version, "priority": "High"}
            outcome = await wall.call("crm.update_case", asked, principal="agent:ada")
            assert isinstance(outcome, Pending)
            assert outcome.approval is not None
            approval = outcome.approval.approval_id
            shown = (await wall.approvals.show(approval)).shown
            assert shown["observed"]["fields"]["priority"] == case.priority
            await wall.approvals.approve(approval, by=EVE)
            before = world.truth("Case")
            world.org.change_record("Case", world.case_id, {"Status": "Escalated"})
            await wall.pipeline.release.run_once()
            assert world.truth("Case") == before, "nothing was sent"
            assert (await wall.approvals.show(approval)).approval.status is ApprovalStatus.REPLACED
            (fresh,) = await wall.approvals.find(status=ApprovalStatus.WAITING)
            assert fresh.shown["observed"]["fields"]["status"] == "Escalated"

    in_an_org(script)


def wall_around(world: World, folder: Path) -> Seawall:
    rule = {"name": "ask", "decision": "require_approval", "actions": ["crm.update_case"]}
    config: dict[str, Any] = {
        "ledger": {"path": str(folder / "ledger.db"), "lease": 30.0},
        "systems": {"crm": {"connector": "salesforce"}},
        "people": PEOPLE,
        "policy": [{**rule, "approval": {"role": "support-lead"}}, {"name": "rest", "decision": "allow"}],
    }
    return Seawall(
        Config.model_validate(config),
        adapters={"crm": world.crm},
        sources=sources(),
        recovery=False,
        inline_ledger=True,
    )

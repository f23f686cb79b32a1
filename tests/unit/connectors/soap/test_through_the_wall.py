"""Credit memos through the whole of Seawall, in virtual time: recovery finds out, waits, and makes one of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.soap_erp import CREATE
from support.soap_world import ERP_URL, TOKEN, WSDLS, plan_of

from seawall import Applied, Config, Partial, Seawall, Unknown
from seawall.connectors.soap.netsuite import models
from seawall.connectors.soap.netsuite.adapter import NetSuiteAdapter
from seawall.connectors.soap.netsuite.settings import NetSuiteSettings
from seawall.core.adapter import Surroundings
from seawall.core.clock import Sources
from seawall.simulators.inprocess import InProcessTransport
from seawall.simulators.soap import ErpSimulator
from seawall.simulators.virtual_time import LoopClock, run

CONFIG = {
    "systems": {"erp": {"connector": "netsuite", "deadline": 20.0}},
    "policy": [{"name": "agents", "decision": "allow", "principals": ["agent:*"], "actions": ["erp.*"]}],
}


def late(operation: str, delay: float) -> dict[str, Any]:
    match = {"operation": operation}
    return {
        "kind": "late_commit",
        "point": "later",
        "params": {"delay": delay},
        "match": match,
        "trigger": {"first": 1},
    }


@pytest.mark.case(3)
@pytest.mark.case(45)
@pytest.mark.parametrize("commits_after", [900, None])
@pytest.mark.parametrize("lists", [True, False])
def test_what_commits_late_or_never_becomes_one_of_each(
    tmp_path: Path, commits_after: float | None, lists: bool
) -> None:
    operation = "upsertList" if lists else "add"
    lost = {"kind": "reset", "point": "apply", "match": {"operation": operation}, "trigger": {"first": 1}}

    async def main() -> None:
        clock = LoopClock()
        sources = Sources(clock=clock)
        target = ErpSimulator(
            plan=plan_of(lost if commits_after is None else late(operation, commits_after)), now=clock.now
        )
        customer = target.add_record("Customer", {"companyName": "Acme"})
        settings = NetSuiteSettings.model_validate(
            {"wsdl": str(WSDLS / "erp.wsdl"), "url": ERP_URL, "auth": TOKEN, "lists": lists}
        )
        erp = NetSuiteAdapter.open(
            settings, Surroundings("erp", sources), transport=InProcessTransport(target), inline=True
        )
        config = Config.model_validate({**CONFIG, "ledger": {"path": str(tmp_path / "ledger.db")}})
        one = CREATE.model_copy(update={"customer_id": customer})
        asked = [one.model_copy(update={"reference": f"r{number}"}) for number in range(3 if lists else 1)]
        async with Seawall(config, adapters={"erp": erp}, sources=sources, inline_ledger=True) as wall:

            async def ask() -> list[Any]:
                if not lists:
                    return [await wall.erp.create_credit_memo(asked[0], principal="agent:ada")]
                batch = models.CreateCreditMemos(credit_memos=tuple(asked))
                outcome: Any = await wall.erp.create_credit_memos(batch, principal="agent:ada")
                assert isinstance(outcome, Partial)
                return list(outcome.items)

            first = await ask()
            # What is only ever added may be sent again at once: the late original is refused by the account itself.
            assert all(isinstance(one, Unknown if lists else Applied) for one in first)
            await clock.sleep(3 * 3600)
            again = await ask()
            assert all(isinstance(one, Applied) for one in again), again
            assert sorted(one.receipt.record for one in again) == sorted(effect.record_id for effect in target.effects)
            assert len({effect.record_id for effect in target.effects}) == len(target.effects) == len(asked)

    run(main())

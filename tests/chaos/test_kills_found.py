"""The judge of the kills is tested itself: bugs planted in workers, and every broken promise in made-up evidence."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from chaos.kills.campaign import Campaign
from chaos.kills.crew import crew
from chaos.kills.judge import Evidence, judge
from chaos.kills.records import Arrival, Ask, Claim, Effect, Recorded, Strike
from seawall.core.ledger.records import Operation, Status


@pytest.mark.slow
@pytest.mark.parametrize(
    ("planted", "trap", "found"),
    [
        ("no fence", ("intent", "SIGSTOP"), "stale_sends"),
        ("sends again at once", ("sent", "SIGKILL"), "duplicates"),
        ("no doubt", ("recorded", "SIGKILL"), "phantom_failures"),
    ],
)
def test_campaign_finds_a_planted_bug(kills_folder: Path, planted: str, trap: tuple[str, str], found: str) -> None:
    async def run(seed: int) -> Evidence:
        ledger = {"path": str(kills_folder / f"ledger{seed}.db"), "busy_timeout": 1.0}
        async with crew(kills_folder, ledger, seed=seed) as workers:
            evidence, _ = await Campaign(workers, kills=6, seed=seed, traps=[trap], planted=planted).run()
            return evidence

    # What coincides with what is the machine's: a bug may need more than one short campaign to show itself.
    assert any(getattr(judge(asyncio.run(run(seed))), found) for seed in range(1, 13))


def operation(status: Status, **facts: Any) -> Operation:
    return Operation(
        **{
            "id": "op_1", "system": "target", "action": "marked", "key": "k", "identity": "{}",
            "request": json.dumps({"reference": "R"}), "digest": "d", "entity": None, "principal": "p",
            "adapter_version": "1", "policy": "{}", "trace_id": "", "batch_id": None, "atomic": False,
            "deadline_at": 0.0, "undoes": None, "status": status, "outcome": None, "error": None, "holder": None,
            "epoch": 1, "created_at": 0.0, "updated_at": 0.0, "sent_at": None, "last_sent_at": None,
            "next_check_at": None, "checks": 0, "parked_because": None,
        }
        | facts
    )  # fmt: skip


def ask(word: Any = None, *, asked: float = 1.0, told: float | None = 2.0, number: int = 1, op: str = "op_1") -> Ask:
    text = "text" if word == "applied" else ""
    return Ask(number, "marked", "R", "text", 1, asked, told, word, op, "", text)


def effect(at: float, text: str = "text") -> Effect:
    return Effect("R", "k", text, at, at)


def recorded(life: int = 1, *, epoch: int = 1, began: float = 12.1, final: bool = True) -> Recorded:
    return Recorded(life, "op_1", epoch, final, began, 12.2)


def evidence(**given: Any) -> Evidence:
    nothing: dict[str, Any] = dict.fromkeys(Evidence.__dataclass_fields__, ())
    return Evidence(**{**nothing, **given})


APPLIED, REJECTED = operation(Status.APPLIED), operation(Status.REJECTED)
STOP = Strike(1, "fenced", "SIGSTOP", "op_1", "1-1", 10.0, 12.0)
BEGUN, TAKEN = Claim(1, "op_1", 1, 9.0), Claim(2, "op_1", 2, 11.0)
ONCE = {"effects": [effect(1.5)], "operations": [APPLIED]}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (ONCE, []),
        (ONCE | {"asks": [ask("applied")]}, []),
        ({"effects": [effect(1.5), effect(1.6)], "operations": [APPLIED]}, ["duplicates"]),
        ({"operations": [APPLIED]}, ["lost"]),
        (ONCE | {"asks": [ask("applied", told=1.4)]}, ["lost"]),
        ({"effects": [effect(1.5, "other")], "operations": [APPLIED], "asks": [ask("applied")]}, ["lost"]),
        ({"effects": [effect(1.5)], "operations": [REJECTED]}, ["phantom_failures"]),
        (ONCE | {"asks": [ask("rejected")]}, ["phantom_failures"]),
        (ONCE | {"asks": [ask("rejected", told=1.2)]}, ["phantom_failures"]),
        (ONCE | {"asks": [ask("rejected", told=1.2), ask("applied", asked=1.3, number=2)]}, []),
        (ONCE | {"asks": [ask("rejected", told=1.2), ask(None, asked=1.3, told=None, number=2)]}, []),
        (ONCE | {"asks": [ask("applied"), ask("rejected", asked=3.0, told=4.0, number=2)]}, ["phantom_failures"]),
        (ONCE | {"asks": [ask("applied"), ask("rejected", asked=3.0, told=4.0, number=2, op="")]}, []),
        (ONCE | {"asks": [ask("rejected", op="")]}, ["phantom_failures"]),
        ({"operations": [operation(Status.UNKNOWN)]}, ["unresolved"]),
        ({"operations": [operation(Status.RUNNING)]}, ["unresolved"]),
        ({"operations": [operation(Status.PARKED)]}, ["unresolved"]),
        ({"operations": [operation(Status.PARKED, parked_because="nobody can know")]}, []),
        ({"effects": [effect(1.5)]}, ["unaccounted"]),
        ({"asks": [ask("unknown")]}, ["unaccounted"]),
        (
            ONCE
            | {"strikes": [STOP], "claims": [BEGUN, TAKEN]}
            | {"arrivals": [Arrival(1, "1-1", "op_1", "R", first=True, at=12.1)]},
            ["stale_sends"],
        ),
        (
            ONCE | {"strikes": [STOP], "arrivals": [Arrival(1, "1-1", "op_1", "R", first=True, at=12.1)]},
            [],
        ),
        (
            ONCE
            | {
                "strikes": [STOP],
                "claims": [BEGUN, TAKEN, Claim(1, "op_1", 3, 12.05)],
                "arrivals": [Arrival(1, "1-2", "op_1", "R", first=False, at=12.1)],
                "recorded": [recorded(epoch=3)],
            },
            [],
        ),
        (ONCE | {"strikes": [STOP], "claims": [BEGUN, TAKEN], "recorded": [recorded()]}, ["stale_records"]),
        (ONCE | {"strikes": [STOP], "claims": [BEGUN, TAKEN], "recorded": [recorded(began=9.9)]}, ["stale_records"]),
        (ONCE | {"strikes": [STOP], "claims": [BEGUN, TAKEN], "recorded": [recorded(final=False)]}, ["stale_records"]),
        (ONCE | {"strikes": [STOP], "claims": [BEGUN, TAKEN], "recorded": [recorded(began=9.9, final=False)]}, []),
        (ONCE | {"strikes": [STOP], "claims": [BEGUN, TAKEN], "recorded": [recorded(2, epoch=2)]}, []),
        # The other was stopped in its claim, lost the operation to this one, and told of its claim only then.
        (ONCE | {"strikes": [STOP], "claims": [Claim(1, "op_1", 3, 9.0), TAKEN], "recorded": [recorded(epoch=3)]}, []),
    ],
)  # fmt: skip
def test_judge_finds_each_broken_promise_and_nothing_else(given: dict[str, Any], expected: list[str]) -> None:
    verdict = judge(evidence(**given))
    assert [name for name, found in vars(verdict).items() if found] == expected
    assert len(verdict.found()) == len(expected)

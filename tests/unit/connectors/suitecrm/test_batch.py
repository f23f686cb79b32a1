"""`set_entries`: a list of ids that is shorter, shifted, or never comes; each record is asked for by its own id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx
import pytest
import respx
from support.suitecrm import (
    BORN,
    REST,
    V8,
    RestDouble,
    adapter,
    attempt,
    case_record,
    entries,
    numbered,
)

from seawall.connectors.suitecrm import models
from seawall.connectors.suitecrm.ids import record_id
from seawall.core.adapter import ItemResult, Sent
from seawall.core.errors import (
    Ambiguous,
    ContractBroken,
    Forbidden,
    IntegrationError,
    NotSent,
    ReplyTimeout,
    Unauthenticated,
    UnreadableReply,
)

CASES = tuple(models.CreateCase(reference=f"r{n}", subject=f"Case {n}") for n in range(4))
BATCH = models.CreateCases(cases=CASES)
KEYS = [f"sw-{n:026d}" for n in range(4)]
IDS = [record_id(key) for key in KEYS]
FAILURE = httpx.Response(200, text="Database failure. Please refer to suitecrm.log for details.")


def there(place: int, **changes: Any) -> dict[str, Any]:
    return case_record(**{"id": IDS[place], "name": f"Case {place}", "date_modified": BORN, **changes})


def answered(*records: dict[str, Any], gone: Sequence[int] = ()) -> dict[str, Any]:
    """What `get_entries` answers."""
    listed: dict[str, Any] = entries(*records)
    warning = [{"name": "warning", "value": "denied"}, {"name": "deleted", "value": "1"}]
    listed["entry_list"] += [{"id": IDS[place], "name_value_list": warning} for place in gone]
    return listed


async def sent(suite: respx.MockRouter, rest: RestDouble, **how: Any) -> Sequence[ItemResult]:
    suite.post(REST).mock(side_effect=rest)
    crm = adapter()
    items = [attempt(case, key, **how) for case, key in zip(CASES, KEYS, strict=True)]
    try:
        return await crm.send_batch(crm.actions["create_cases"], BATCH, items)
    finally:
        await crm.close()


def told(results: Sequence[ItemResult]) -> list[Any]:
    """For each item its record, or its error and what that says of the effect."""
    return [one.record if isinstance(one, Sent) else (type(one), one.code, one.effect) for one in results]


async def test_all_are_sent_in_one_call_and_read_back_in_one(suite: respx.MockRouter) -> None:
    rest = RestDouble(set_entries={"ids": IDS}, get_entries=answered(*map(there, range(4))))
    assert told(await sent(suite, rest)) == IDS
    ((_, module, lists),) = rest.arguments("set_entries")
    assert module == "Cases"
    assert [{pair["name"]: pair["value"] for pair in pairs}["id"] for pairs in lists] == IDS
    assert [method for method, _ in rest.calls] == ["login", "set_entries", "get_entries"]


@pytest.mark.case(45)
async def test_what_is_left_out_of_a_shortened_list_is_refused_and_its_neighbours_are_not_shifted(
    suite: respx.MockRouter,
) -> None:
    rest = RestDouble(set_entries={"ids": [IDS[3], IDS[0]]}, get_entries=answered(there(3), there(0), gone=[2, 1]))
    refused = (Forbidden, "left_out", "none")
    assert told(await sent(suite, rest)) == [IDS[0], refused, refused, IDS[3]]


async def test_what_is_left_out_but_there_is_there(suite: respx.MockRouter) -> None:
    rest = RestDouble(set_entries={"ids": IDS[:3]}, get_entries=answered(*map(there, range(4))))
    results = await sent(suite, rest)
    assert told(results) == IDS
    assert [one.facts["acknowledged"] for one in results if isinstance(one, Sent)] == [True, True, True, False]


async def test_what_is_named_but_not_there_is_a_phantom(suite: respx.MockRouter) -> None:
    rest = RestDouble(set_entries={"ids": IDS}, get_entries=answered(*map(there, range(3)), gone=[3]))
    assert told(await sent(suite, rest)) == [*IDS[:3], (ContractBroken, "phantom", "maybe")]


@pytest.mark.case(43)
@pytest.mark.case(45)
async def test_a_batch_that_broke_off_is_told_item_by_item(suite: respx.MockRouter) -> None:
    rest = RestDouble(set_entries=FAILURE, get_entries=answered(there(0), there(1), gone=[2, 3]))
    results = await sent(suite, rest)
    doubt = (UnreadableReply, "unreadable", "maybe")
    assert told(results) == [IDS[0], IDS[1], doubt, doubt]
    assert results[2] is not results[3]


async def test_an_item_with_other_content_is_told_alone(suite: respx.MockRouter) -> None:
    rest = RestDouble(
        set_entries={"ids": IDS}, get_entries=answered(there(0), there(1, name="Case"), there(2), there(3))
    )
    results = await sent(suite, rest)
    assert told(results) == [IDS[0], (ContractBroken, "content", "maybe"), IDS[2], IDS[3]]


@pytest.mark.parametrize("answer", [numbered(40), {"entry_list": []}, httpx.ReadTimeout("late"), answered(there(0))])
async def test_a_read_back_that_fails_leaves_every_item_in_doubt(suite: respx.MockRouter, answer: Any) -> None:
    rest = RestDouble(set_entries={"ids": IDS}, get_entries=answer)
    assert told(await sent(suite, rest)) == [(Ambiguous, "read_back", "maybe")] * 4


@pytest.mark.parametrize(
    ("answer", "error", "effect"),
    [
        (numbered(40), Forbidden, "none"),
        (httpx.ReadTimeout("late"), ReplyTimeout, "maybe"),
        ({"name": "x"}, ContractBroken, "maybe"),
        ({"ids": None}, ContractBroken, "maybe"),
    ],
)
async def test_an_error_of_the_whole_call_is_raised_for_all(
    suite: respx.MockRouter, answer: Any, error: type[IntegrationError], effect: str
) -> None:
    with pytest.raises(error) as raised:
        await sent(suite, RestDouble(set_entries=answer))
    assert raised.value.effect == effect


async def test_a_session_that_ended_is_not_renewed_when_an_item_may_have_landed(suite: respx.MockRouter) -> None:
    rest = RestDouble(set_entries=numbered(11))
    with pytest.raises(Unauthenticated):
        await sent(suite, rest, maybe_applied=True)
    assert len(rest.arguments("set_entries")) == 1


async def test_nothing_is_sent_when_one_of_the_operations_was_lost(suite: respx.MockRouter) -> None:
    rest = RestDouble()
    suite.post(REST).mock(side_effect=rest)
    crm = adapter()
    items = [
        attempt(case, key, may_send=lambda place=place: place != 2)
        for place, (case, key) in enumerate(zip(CASES, KEYS, strict=True))
    ]
    with pytest.raises(NotSent) as raised:
        await crm.send_batch(crm.actions["create_cases"], BATCH, items)
    await crm.close()
    assert raised.value.code == "lost_lease"
    assert rest.arguments("set_entries") == []


async def test_v8_has_no_batch() -> None:
    crm = adapter(**V8)
    assert "create_cases" not in crm.actions
    await crm.close()

"""The adapter's facts, and what `check` finds."""

from __future__ import annotations

from typing import Any

import pytest
import respx
from support.suitecrm import (
    MARKED,
    MARKS,
    REST,
    ROOT,
    V4_1,
    V8,
    RestDouble,
    adapter,
    numbered,
    refusal,
    settings,
)

from seawall.connectors import load_connector
from seawall.connectors.suitecrm.actions import declare
from seawall.connectors.suitecrm.adapter import SuiteCrmAdapter
from seawall.connectors.suitecrm.kinds import KINDS
from seawall.core.adapter import ClientId, EffectClass, Marker, NaturalKey

READS = {"get_case", "find_cases", "get_contact", "find_contacts"}
CREATES = {"create_case", "create_contact", "log_call", "add_note"}
CHANGES = {"update_case", "close_case"}
NONE: dict[str, Any] = {"entry_list": []}
WIRES = pytest.mark.parametrize("wire", [V4_1, V8], ids=["v4_1", "v8"])


def test_the_kind_is_built_in() -> None:
    assert load_connector("suitecrm") is SuiteCrmAdapter


@pytest.mark.parametrize(("wire", "more"), [(V4_1, {"create_cases"}), (V8, set())], ids=["v4_1", "v8"])
def test_the_actions_are_the_same_on_both_wires_but_for_the_batch(wire: dict[str, Any], more: set[str]) -> None:
    assert set(declare(settings(**wire))) == READS | CREATES | CHANGES | more


@WIRES
def test_what_is_created_has_an_id_of_ours_and_may_be_sent_again(wire: dict[str, Any]) -> None:
    actions = declare(settings(**wire, late_commit_horizon=77))
    for name in CREATES:
        action = actions[name]
        assert (action.effect, action.dedupe, action.resend) == (EffectClass.CREATE, ClientId("id"), "same_key")
        assert action.probe is not None
        assert not action.probe.absent_is_final
        assert action.horizon == 77


@WIRES
def test_a_change_is_sent_again_only_after_a_proven_absence(wire: dict[str, Any]) -> None:
    actions = declare(settings(**wire))
    for name in CHANGES:
        action = actions[name]
        assert (action.effect, action.version, action.entity) == (EffectClass.SET, "version", "case_id")
        assert isinstance(action.dedupe, NaturalKey)
        assert action.dedupe.pre_image
        assert action.resend == "after_absence"


@WIRES
def test_a_marker_field_is_the_stronger_means(wire: dict[str, Any]) -> None:
    actions = declare(settings(**wire, **MARKED))
    assert {actions[name].dedupe for name in CHANGES} == {Marker(MARKS)}


def test_a_batch_stands_for_single_cases() -> None:
    actions = declare(settings(**V4_1))
    batch = actions["create_cases"].batch
    assert batch is not None
    assert (batch.of, batch.items, batch.max_size, batch.atomic) == (actions["create_case"], "cases", 100, None)


def test_every_action_that_creates_has_a_kind() -> None:
    assert set(KINDS) == CREATES


def described(**more: Any) -> dict[str, Any]:
    """Fields of all modules alike."""
    names = {name for kind in KINDS.values() for name in kind.fields()}
    return {name: {"name": name, "type": "varchar", "len": "255"} for name in names} | more


async def problems(**changes: Any) -> list[str]:
    crm = adapter(**changes)
    try:
        return await crm.check()
    finally:
        await crm.close()


async def test_check_finds_nothing_to_say_where_all_is_there(suite: respx.MockRouter) -> None:
    rest = RestDouble(
        get_entry_list=NONE,
        get_module_fields={"module_fields": described(**{MARKS: {"type": "varchar", "len": "255"}})},
    )
    suite.post(REST).mock(side_effect=rest)
    assert await problems(**MARKED) == []
    assert [arguments[1] for arguments in rest.arguments("get_module_fields")] == [
        "Cases",
        "Contacts",
        "Calls",
        "Notes",
    ]


async def test_check_names_what_is_missing(suite: respx.MockRouter) -> None:
    fields = described()
    del fields["resolution"]
    suite.post(REST).mock(side_effect=RestDouble(get_entry_list=NONE, get_module_fields={"module_fields": fields}))
    assert await problems(**MARKED) == [
        "Cases.resolution does not exist.",
        f"Cases.{MARKS} does not exist, or this user may not see it: make it a text field of 255 characters.",
    ]


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ({"type": "int"}, "is of type int: use a text field."),
        ({"type": "varchar", "len": "100"}, "takes 100 characters only: it needs 255."),
        ({"type": "text", "len": ""}, None),
    ],
)
async def test_check_looks_at_the_marker_field(
    suite: respx.MockRouter, field: dict[str, Any], told: str | None
) -> None:
    answer = {"data": {"type": "fields", "attributes": described(**{MARKS: field})}}
    suite.get(path__startswith=f"{ROOT}/meta/fields/").respond(json=answer)
    suite.get(path__startswith=f"{ROOT}/module/").respond(json={"data": []})
    assert await problems(**V8, **MARKED) == ([f"Cases.{MARKS} {told}"] if told else [])


async def test_check_looks_whether_a_case_can_have_the_closed_status(suite: respx.MockRouter) -> None:
    options = {"Open_New": {"name": "Open_New", "value": "New"}}
    fields = described(status={"type": "enum", "options": options})
    suite.post(REST).mock(side_effect=RestDouble(get_entry_list=NONE, get_module_fields={"module_fields": fields}))
    assert await problems() == ["Cases.status has no value 'Closed_Closed', which close_case sets; it has: Open_New."]


async def test_a_system_whose_cases_have_no_state_says_so_in_its_settings(suite: respx.MockRouter) -> None:
    fields = described()
    del fields["state"]
    suite.post(REST).mock(side_effect=RestDouble(get_entry_list=NONE, get_module_fields={"module_fields": fields}))
    assert await problems() == ["Cases.state does not exist."]
    assert await problems(closed_state=None) == []


async def test_check_tells_what_this_user_may_not_see(suite: respx.MockRouter) -> None:
    answers = [{"module_fields": described()}, numbered(40, "Access Denied", "You do not have access")]
    rest = RestDouble(get_entry_list=NONE, get_module_fields=[*answers, *([{"module_fields": described()}] * 2)])
    suite.post(REST).mock(side_effect=rest)
    assert await problems() == ["Contacts cannot be described: Access Denied: You do not have access."]


async def test_check_tells_what_this_user_may_not_list(suite: respx.MockRouter) -> None:
    answers = [NONE, numbered(40, "Access Denied", "no list"), NONE]
    rest = RestDouble(get_entry_list=answers, get_module_fields={"module_fields": described()})
    suite.post(REST).mock(side_effect=rest)
    (problem,) = await problems()
    assert problem.startswith("Contacts cannot be listed (Access Denied: no list): ")


async def test_check_tells_it_of_v8_too(suite: respx.MockRouter) -> None:
    suite.get(path__startswith=f"{ROOT}/meta/fields/").mock(return_value=refusal("[AccessDeniedException] "))
    assert len(await problems(**V8)) == 4

from __future__ import annotations

import json

import pytest

from seawall.core import errors
from seawall.core.errors import Ambiguous, ContractBroken, IntegrationError, NotSent, Refused

LEAVES = [
    cls
    for cls in vars(errors).values()
    if isinstance(cls, type) and issubclass(cls, IntegrationError) and cls is not IntegrationError
]


@pytest.mark.parametrize("cls", LEAVES)
def test_error_of_each_class_claims_the_effect_of_its_branch(cls: type[IntegrationError]) -> None:
    expected = "none" if issubclass(cls, NotSent | Refused) else "maybe"
    assert cls("message").effect == expected


@pytest.mark.parametrize("cls", LEAVES)
def test_error_read_back_from_its_record_is_the_same_error(cls: type[IntegrationError]) -> None:
    error = cls("message", code="C", retry_after=2.5, evidence={"status": 503}).at("crm", "create", 2)
    again = IntegrationError.from_record(json.loads(json.dumps(error.to_record())))
    assert type(again) is cls
    assert again.to_record() == error.to_record()


def test_record_of_a_class_nobody_knows_reads_as_ambiguous() -> None:
    record = NotSent("message").to_record() | {"type": "AddedLater", "effect": "maybe"}
    assert type(IntegrationError.from_record(record)) is Ambiguous


def test_only_local_errors_and_refusals_leave_the_breaker_uncharged() -> None:
    charged = {cls.__name__ for cls in LEAVES if cls("message").outage}
    assert charged == {
        "ConnectFailed",
        "Ambiguous",
        "ReplyTimeout",
        "ConnectionLost",
        "GatewayError",
        "CommitUnknown",
        "UnreadableReply",
    }


def test_docstring_tree_names_every_class() -> None:
    assert errors.__doc__ is not None
    assert [cls.__name__ for cls in LEAVES if cls.__name__ not in errors.__doc__] == []


def test_lowered_effect_keeps_its_proof() -> None:
    error = ContractBroken("message").without_effect("probe: absent")
    assert (error.effect, error.evidence["no_effect_because"]) == ("none", "probe: absent")


def test_place_that_was_said_is_not_overwritten() -> None:
    error = NotSent("message").at("crm", "create", 1).at("erp", "add", 2)
    assert (error.system, error.action, error.attempt) == ("crm", "create", 1)

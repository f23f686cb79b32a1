"""Conditions on fields: what counts as what, and what cannot be compared."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr, ValidationError
from support.asking import Customer, Kind, Line, Order

from seawall.core.policy import Condition
from seawall.core.policy.values import Verdict, all_of, found_at


def verdict(condition: dict[str, Any], value: Any, principal: str = "agent:ada") -> Verdict:
    return all_of([one for _, one in Condition.model_validate(condition).tests(value, principal)])


@pytest.mark.parametrize(
    ("condition", "value", "expected"),
    [
        ({"min": 5}, 5, True),
        ({"above": 5}, 5, False),
        ({"max": "99.90"}, "99.90", True),
        ({"max": 99.9}, Decimal("99.90"), True),
        ({"below": "99.90"}, 99.9, False),
        ({"max": "0.3"}, 0.1 + 0.2, False),
        ({"max": 10}, "9", True),
        ({"max": 10}, " 9 ", True),
        ({"max": 10}, "9e0", None),
        ({"max": 10}, "٣", None),
        ({"max": 10}, "1_0", None),
        ({"max": 10}, True, None),
        ({"max": 10}, None, None),
        ({"max": 10}, float("nan"), None),
        ({"max": 10}, Decimal("-Infinity"), None),
        ({"max": 10}, [1], None),
        ({"min": 1, "max": 10}, 11, False),
        ({"is": "gift"}, Kind.GIFT, True),
        ({"is": "gift"}, "Gift", False),
        ({"is": "5"}, 5, None),
        ({"is": 5}, "5.0", True),
        ({"is": 5}, "x", None),
        ({"is": True}, True, True),
        ({"is": True}, 1, None),
        ({"is": 1}, True, None),
        ({"is": "2026-12-31"}, date(2026, 12, 31), True),
        ({"is": "00000000-0000-0000-0000-000000000001"}, UUID(int=1), True),
        ({"is": "**********"}, SecretStr("x"), None),
        ({"in": ["gift", "sale"]}, Kind.SALE, True),
        ({"in": ["gift"]}, "sale", False),
        ({"in": ["gift"]}, 5, None),
        ({"not_in": ["gift"]}, "sale", True),
        ({"not_in": ["gift"]}, "gift", False),
        ({"not_in": ["gift"]}, None, None),
        ({"not_in": ["gift"]}, 5, None),
        ({"matches": "DE-*"}, "DE-1", True),
        ({"matches": "DE-*"}, "de-1", False),
        ({"matches": ["A*", "B*"]}, "B1", True),
        ({"matches": "*"}, 5, None),
        ({"present": True}, None, False),
        ({"present": True}, "", True),
        ({"present": False}, None, True),
        ({"present": False}, 0, False),
        ({"present": True, "is": "x"}, None, False),
    ],
)
def test_condition_on_a_value(condition: dict[str, Any], value: Any, expected: Verdict) -> None:
    assert verdict(condition, value) is expected


@pytest.mark.parametrize(
    ("principal", "owner", "expected"),
    [
        ("agent:ada", "agent:ada", True),
        ("agent:ada", "ada", True),
        ("agent:ada", "Ada", False),
        ("agent:ada", "agent", False),
        ("agent:ada", "bob", False),
        ("agent:ada:2", "ada:2", True),
        ("agent:ada:2", "2", False),
        ("ada", "ada", True),
        ("ada", "", None),
        ("agent:", "", None),
        ("agent:5", 5, None),
        ("agent:ada", None, None),
    ],
)
def test_owner_is_the_principal_or_what_follows_its_first_colon(principal: str, owner: Any, expected: Verdict) -> None:
    assert verdict({"is_principal": True}, owner, principal) is expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("reference", ["R-1"]),
        ("customer.country", ["DE"]),
        ("customer.city", [None]),
        ("lines.amount", [Decimal(1), None]),
        ("lines", [Line(amount=Decimal(1)), Line()]),
        ("more.tags", ["a", "b"]),
        ("more.nothing", [None]),
        ("more.tags.x", [None, None]),
        ("reference.upper", [None]),
        ("model_fields", [None]),
        ("__class__", [None]),
    ],
)
def test_path_leads_into_models_mappings_and_lists(path: str, expected: list[Any]) -> None:
    order = Order(customer=Customer(country="DE"), lines=(Line(amount=Decimal(1)), Line()), more={"tags": ["a", "b"]})
    assert found_at(order, path) == expected


def test_empty_list_is_nothing() -> None:
    assert found_at(Order(), "lines.amount") == [None]
    assert found_at(None, "lines.amount") == [None]


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ({}, "says nothing"),
        ({"max": "much"}, "'much' is no number"),
        ({"max": True}, "is no number"),
        ({"max": float("inf")}, "is no number"),
        ({"min": 5, "max": 4}, "no number is both above 5 and below 4"),
        ({"above": 5, "max": 5}, "no number is both"),
        ({"is": None}, "says nothing"),
        ({"is": [1]}, "cannot be compared with"),
        ({"in": []}, "at least 1 item"),
        ({"present": False, "is": "x"}, "leaves nothing to compare"),
        ({"is_principal": False}, "Input should be True"),
        ({"maxx": 5}, "Extra inputs"),
    ],
)
def test_condition_that_cannot_be_meant_is_refused(condition: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Condition.model_validate(condition)


def test_condition_takes_the_names_of_python() -> None:
    assert Condition(is_="x") == Condition.model_validate({"is": "x"})
    assert Condition(in_=("x", 1)) == Condition.model_validate({"in": ["x", 1]})

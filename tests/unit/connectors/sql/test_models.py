"""What a database answers, read as a model."""

from __future__ import annotations

from uuid import UUID

import pytest

from seawall.connectors.sql.models import fit
from seawall.core.adapter import Reply
from seawall.core.errors import ContractBroken

_ID = "0b8f7c1e-5f0a-4c3e-9b1d-2f6f0a7f3c11"


class Item(Reply):
    id: str
    count: int = 0


class Items(Reply):
    rows: tuple[Item, ...]


class Typed(Reply):
    id: UUID


def test_a_uuid_of_the_driver_is_read_as_text_where_the_model_has_text() -> None:
    assert fit(Item, {"id": UUID(_ID)}).id == _ID
    assert fit(Items, {"rows": [{"id": UUID(_ID)}]}).rows[0].id == _ID


def test_a_uuid_of_the_driver_stays_one_where_the_model_has_one() -> None:
    assert fit(Typed, {"id": UUID(_ID)}).id == UUID(_ID)


def test_what_does_not_fit_beside_a_uuid_is_told() -> None:
    with pytest.raises(ContractBroken, match="count"):
        fit(Item, {"id": UUID(_ID), "count": "many"})

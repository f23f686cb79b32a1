"""Reading cases and running queries."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel

from ...core.adapter import Sent
from . import models, soql
from .records import CASE_FIELDS, case_from, without_attributes
from .wire import Exchange


async def read(exchange: Exchange, request: BaseModel) -> Sent[Any]:
    """Answer a `query`, `get_case` or `find_cases`."""
    if isinstance(request, models.Query):
        found = await exchange.query(request.soql, request.max_records)
        return Sent(
            models.QueryResult(
                records=tuple(without_attributes(record) for record in found.records),
                total_size=found.total_size,
                complete=found.complete or _counts(request.soql),
                restarted=found.restarted,
            )
        )
    if isinstance(request, models.GetCase):
        row = await exchange.row(f"/sobjects/Case/{request.case_id}", CASE_FIELDS.values())
        case = case_from(row.record)
        return Sent(case, case.case_id)
    assert isinstance(request, models.FindCases)
    return await _find(exchange, request)


async def _find(exchange: Exchange, request: models.FindCases) -> Sent[Any]:
    query = soql.select(
        CASE_FIELDS.values(),
        "Case",
        conditions(request),
        order="CreatedDate DESC, Id DESC",
        limit=request.limit + 1,
    )
    found = await exchange.query(query, request.limit + 1)
    cases = tuple(case_from(record) for record in found.records)
    complete = found.complete and len(cases) <= request.limit
    return Sent(models.FoundCases(cases=cases[: request.limit], complete=complete))


def _counts(query: str) -> bool:
    """Whether it is a `SELECT COUNT()`, which answers with `total_size` and no records."""
    return re.match(r"\s*SELECT\s+COUNT\(\s*\)", query, re.IGNORECASE) is not None


def conditions(request: models.FindCases) -> list[str]:
    """The SOQL conditions that a `find_cases` stands for."""
    equal = {
        "Status": request.status,
        "Priority": request.priority,
        "Contact.Email": request.contact_email,
        "AccountId": request.account_id,
    }
    found = [f"{field} = {soql.text(value)}" for field, value in equal.items() if value is not None]
    if request.subject_contains is not None:
        found.append(f"Subject LIKE {soql.containing(request.subject_contains)}")
    if request.created_after is not None:
        found.append(f"CreatedDate > {soql.moment(request.created_after)}")
    return found

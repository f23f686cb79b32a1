"""The shapes of Salesforce's successful answers, validated."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, Field, ValidationError

from ...core.errors import ContractBroken, IntegrationError
from .._http import HttpReply
from .classify import item_error, vendor_errors
from .ids import long_form

M = TypeVar("M", bound=BaseModel)


class Page(BaseModel):
    """One page of a query."""

    total_size: int = Field(alias="totalSize")
    done: bool
    records: list[dict[str, Any]]
    next_url: str | None = Field(default=None, alias="nextRecordsUrl")


class Saved(BaseModel):
    """What became of one record."""

    id: str | None = None
    success: bool
    errors: list[dict[str, Any]] = Field(default_factory=list)


def fit(model: type[M], reply: HttpReply) -> M:
    """Read an answer as `model`.

    Raises:
        UnreadableReply: It is no JSON.
        ContractBroken: It is JSON of another shape.
    """
    try:
        return model.model_validate(reply.json())
    except ValidationError as error:
        wrong = ", ".join(sorted({str(one["loc"][0]) if one["loc"] else "everything" for one in error.errors()}))
        raise ContractBroken(
            f"the answer does not look as expected: {wrong}", code="schema", evidence=reply.facts()
        ) from None


def saved_id(saved: Saved) -> str | IntegrationError:
    """The id of a record that was saved, or why it was not."""
    errors = vendor_errors(saved.errors)
    if saved.success and saved.id and not saved.errors:
        return str(long_form(saved.id))
    if not saved.success and errors:
        return item_error(errors)
    return ContractBroken("a result says neither that the record was saved nor why it was not", code="schema")


def item_id(answer: Any) -> str | IntegrationError:
    """The same for one result of a batch, as it came."""
    try:
        return saved_id(Saved.model_validate(answer))
    except ValidationError:
        return ContractBroken("a result of the batch does not look as expected", code="schema")

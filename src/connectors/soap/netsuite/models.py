"""What the NetSuite actions take and answer. Field names are ours; `records.py` knows the vendor's."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from ....core.adapter import Reply, Request

InternalId: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,18}$")]
"""NetSuite's own id of a record."""

Reference: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=255)]
"""The business fact that makes a request the same request: a return's number, a complaint's id."""

Amount: TypeAlias = Annotated[Decimal, Field(max_digits=18, decimal_places=2)]
"""An amount of money, exact."""

Version: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=100)]
"""`version` of a record that was read: when it was last changed, and a digest of what was read."""


class Customer(Reply):
    """A customer as it was read. Pass `version` on when you change it."""

    customer_id: InternalId
    external_id: str | None
    entity_id: str | None
    company_name: str | None
    email: str | None
    phone: str | None
    comments: str | None
    last_modified_at: AwareDatetime
    version: str


class GetCustomer(Request[Customer]):
    """Read one customer by NetSuite's id, or by its external id."""

    customer_id: InternalId | None = None
    external_id: str | None = Field(default=None, min_length=1, max_length=255)

    @model_validator(mode="after")
    def _by_one_id(self) -> GetCustomer:
        if (self.customer_id is None) == (self.external_id is None):
            raise ValueError("name either customer_id or external_id")
        return self


class FoundCustomers(Reply):
    """Customers that match. `complete` is False when there are more."""

    customers: tuple[Customer, ...]
    complete: bool


class FindCustomers(Request[FoundCustomers]):
    """Find customers by their e-mail address."""

    email: str = Field(min_length=3, max_length=254)


class Line(Reply):
    """One line of an invoice."""

    item_id: str | None
    description: str | None
    quantity: Decimal | None
    amount: Decimal | None


class Invoice(Reply):
    """An invoice as it was read. Pass `version` on when you change it."""

    invoice_id: InternalId
    external_id: str | None
    number: str | None
    customer_id: str | None
    total: Decimal | None
    amount_remaining: Decimal | None
    status: str | None
    memo: str | None
    lines: tuple[Line, ...]
    last_modified_at: AwareDatetime
    version: str


class GetInvoice(Request[Invoice]):
    """Read one invoice."""

    invoice_id: InternalId


class CreditMemoCreated(Reply):
    """A credit memo that exists now."""

    credit_memo_id: InternalId


class CreditLine(BaseModel):
    """One line of a credit memo: what is credited, and how much."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    item_id: InternalId
    amount: Amount
    quantity: Annotated[Decimal, Field(max_digits=18)] | None = None
    description: str | None = Field(default=None, min_length=1, max_length=999)


class CreateCreditMemo(Request[CreditMemoCreated]):
    """Credit a customer. The same `reference` again is the same credit memo."""

    reference: Reference
    customer_id: InternalId
    lines: tuple[CreditLine, ...] = Field(min_length=1, max_length=500)
    invoice_id: InternalId | None = None
    currency_id: InternalId | None = None
    memo: str | None = Field(default=None, min_length=1, max_length=999)


class CreateCreditMemos(Request[CreditMemoCreated]):
    """Credit many customers in one call; each has its own outcome."""

    credit_memos: tuple[CreateCreditMemo, ...]


class CreditMemoDeleted(Reply):
    """The credit memo is gone."""

    credit_memo_id: InternalId


class DeleteCreditMemo(Request[CreditMemoDeleted]):
    """Delete a credit memo."""

    credit_memo_id: InternalId


class Updated(Reply):
    """The record was changed. Read it again before you change it again."""

    record_id: InternalId


class UpdateCustomer(Request[Updated]):
    """Change fields of a customer that was read at `version`. None leaves a field as it is, an empty text clears it."""

    customer_id: InternalId
    version: Version
    company_name: str | None = Field(default=None, min_length=1, max_length=83)
    email: str | None = Field(default=None, max_length=254)
    phone: str | None = Field(default=None, max_length=32)
    comments: str | None = Field(default=None, max_length=4000)

    @model_validator(mode="after")
    def _something_to_do(self) -> UpdateCustomer:
        if not self.model_dump(exclude={"customer_id", "version"}, exclude_none=True):
            raise ValueError("name at least one field to change")
        return self


class UpdateInvoiceMemo(Request[Updated]):
    """Change the memo of an invoice that was read at `version`. An empty text clears it."""

    invoice_id: InternalId
    version: Version
    memo: str = Field(max_length=999)

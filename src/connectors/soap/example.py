"""Declared actions for a small billing service, as an example: `actions = "seawall.connectors.soap.example"`.

The service stores the caller's reference and does not keep it unique, so our key in it is a marker. Operations: see
the tables in docs/soap.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Field, StringConstraints

from ...core.adapter import (
    Action,
    Attempt,
    Compensation,
    Done,
    EffectClass,
    Mapped,
    Marker,
    NoDedupe,
    Reply,
    Request,
    Sent,
    fresh,
)
from ...core.errors import BusinessRule, NotFound, Throttled, Unauthenticated
from .models import Look, PartRead, SoapAction, SoapRequest, Values, fit, found

Reference: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Currency: TypeAlias = Literal["EUR", "USD", "GBP"]

_HORIZON: Final = 120.0  # seconds after a lost reply in which the service may still book


class Account(PartRead):
    """An account as it was read."""

    account_no: str = Field(alias="accountNo")
    name: str
    email: str | None = None
    opened_on: date = Field(alias="openedOn")
    balance: Decimal
    currency: str
    credit_limit: Decimal | None = Field(default=None, alias="creditLimit")


class GetAccount(SoapRequest[Account]):
    """Read one account."""

    account_no: str = Field(alias="accountNo", min_length=1)


class CreditBooked(PartRead):
    """A credit that exists now."""

    credit_no: str = Field(alias="creditNo")


class BookCredit(Request[CreditBooked]):
    """Book a credit. The same `reference` again is the same credit."""

    reference: Reference
    account_no: str
    amount: Decimal = Field(gt=0, max_digits=18, decimal_places=2)
    currency: Currency
    text: str | None = Field(default=None, min_length=1, max_length=200)


class CreditReversed(PartRead):
    """A credit that was taken back."""

    credit_no: str = Field(alias="creditNo")


class ReverseCredit(SoapRequest[CreditReversed]):
    """Take a credit back."""

    credit_no: str = Field(alias="creditNo", min_length=1)


class CustomerNotified(Reply):
    """The text was handed over."""


class NotifyCustomer(SoapRequest[CustomerNotified]):
    """Send a text to the holder of an account. It cannot be looked up afterwards whether it was sent."""

    account_no: str = Field(alias="accountNo", min_length=1)
    text: str = Field(min_length=1, max_length=1000)


def _booking(attempt: Attempt) -> Values:
    request = attempt.request
    assert isinstance(request, BookCredit)
    asked: dict[str, Any] = {
        "accountNo": request.account_no,
        "reference": attempt.key,
        "amount": request.amount,
        "currency": request.currency,
    }
    return asked if request.text is None else {**asked, "text": request.text}


def _undo(done: Done) -> ReverseCredit:
    return ReverseCredit(creditNo=done.value.credit_no)


ERRORS: Final[Mapping[str, Mapped]] = {
    "NO_SUCH_ACCOUNT": Mapped(NotFound),
    "NO_SUCH_CREDIT": Mapped(NotFound),
    "ACCOUNT_CLOSED": Mapped(BusinessRule),
    "ALREADY_REVERSED": Mapped(BusinessRule),
    "SESSION_EXPIRED": Mapped(Unauthenticated),
    "TOO_BUSY": Mapped(Throttled),
}

GET_ACCOUNT: Final = SoapAction(
    action=Action(
        name="get_account",
        description="Reads one account with its balance. Changes nothing.",
        request=GetAccount,
        reply=Account,
        effect=EffectClass.READ,
    ),
    operation="GetAccount",
    answered=lambda answer, _attempt: Sent(fit(Account, answer.get("account"))),
)
BOOK_CREDIT: Final = SoapAction(
    action=Action(
        name="book_credit",
        description="Books a credit on an account. `reference` is the business fact behind it: asked again with the "
        "same reference, it stays one credit.",
        request=BookCredit,
        reply=CreditBooked,
        effect=EffectClass.CREATE,
        identity=("reference",),
        dedupe=Marker("reference"),
        probe=fresh(),
        horizon=_HORIZON,
        compensation=Compensation(by="reverse_credit", request=_undo),
    ),
    operation="BookCredit",
    arguments=_booking,
    record="creditNo",
    look=Look(
        operation="FindCredits",
        arguments=lambda attempt: {"reference": attempt.key},
        judge=found(
            "credit",
            "reference",
            CreditBooked.model_validate,
            record="creditNo",
            content={"account_no": "accountNo", "amount": "amount", "currency": "currency", "text": "text"},
        ),
    ),
)
REVERSE_CREDIT: Final = SoapAction(
    action=Action(
        name="reverse_credit",
        description="Takes a credit back. After a lost reply nobody can look it up by its number: a person decides.",
        request=ReverseCredit,
        reply=CreditReversed,
        effect=EffectClass.OPAQUE,
        identity=("credit_no",),
        entity="credit_no",
        dedupe=NoDedupe(),
    ),
    operation="ReverseCredit",
    record="creditNo",
)
NOTIFY_CUSTOMER: Final = SoapAction(
    action=Action(
        name="notify_customer",
        description="Sends a text to the holder of an account. It has no answer, and cannot be looked up.",
        request=NotifyCustomer,
        reply=CustomerNotified,
        effect=EffectClass.SEND,
        identity=("account_no", "text"),
        dedupe=NoDedupe(),
    ),
    operation="NotifyCustomer",
)

ACTIONS: Final[Mapping[str, SoapAction]] = {
    one.action.name: one for one in (GET_ACCOUNT, BOOK_CREDIT, REVERSE_CREDIT, NOTIFY_CUSTOMER)
}

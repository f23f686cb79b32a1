"""The actions of a NetSuite-style account, as facts that hold for its settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ....core.adapter import (
    Action,
    Batch,
    ClientId,
    Compensation,
    Done,
    EffectClass,
    Marker,
    NaturalKey,
    Observation,
    fresh,
)
from . import models
from .classify import ERRORS
from .records import WRITABLE_FIELDS
from .settings import NetSuiteSettings

MAX_LIST: Final = 100  # records of a synchronous upsertList in peak hours; more outside them


def declare(settings: NetSuiteSettings) -> Mapping[str, Action]:
    """The actions by name.

    Args:
        settings: They decide whether lists are written, and so when a credit memo may be sent again.
    """
    found = (*_reads(), *_credit_memos(settings), *_changes(settings))
    return {action.name: action for action in found}


def _reads() -> tuple[Action, ...]:
    return (
        Action(
            name="get_customer",
            description="Reads one customer by its id or external id, with the version that changing it needs. "
            "Changes nothing.",
            request=models.GetCustomer,
            reply=models.Customer,
            effect=EffectClass.READ,
            errors=ERRORS,
        ),
        Action(
            name="find_customers",
            description="Finds customers by their e-mail address. Changes nothing.",
            request=models.FindCustomers,
            reply=models.FoundCustomers,
            effect=EffectClass.READ,
            errors=ERRORS,
        ),
        Action(
            name="get_invoice",
            description="Reads one invoice with its lines, and the version that changing it needs. Changes nothing.",
            request=models.GetInvoice,
            reply=models.Invoice,
            effect=EffectClass.READ,
            errors=ERRORS,
        ),
    )


def _undo(done: Done) -> models.DeleteCreditMemo:
    return models.DeleteCreditMemo(credit_memo_id=done.value.credit_memo_id)


def _invoice(write: models.CreateCreditMemo | models.UpdateInvoiceMemo) -> models.GetInvoice | None:
    return None if write.invoice_id is None else models.GetInvoice(invoice_id=write.invoice_id)


def _credit_memos(settings: NetSuiteSettings) -> tuple[Action, ...]:
    create = Action(
        name="create_credit_memo",
        description="Credits a customer, for an invoice if one is named. `reference` is the business fact behind it "
        "(return, complaint, order): asked again with the same reference, it stays one credit memo.",
        request=models.CreateCreditMemo,
        reply=models.CreditMemoCreated,
        effect=EffectClass.CREATE,
        identity=("reference",),
        # A list that commits late overwrites a record that was added meanwhile: then only absence allows a repetition.
        dedupe=Marker("externalId") if settings.lists else ClientId("externalId"),
        probe=fresh(),
        horizon=settings.late_commit_horizon,
        errors=ERRORS,
        compensation=Compensation(by="delete_credit_memo", request=_undo),
        observation=Observation("get_invoice", _invoice, "version"),
    )
    many = Action(
        name="create_credit_memos",
        description=f"Credits up to {MAX_LIST} customers in one call, and answers for each.",
        request=models.CreateCreditMemos,
        reply=models.CreditMemoCreated,
        effect=EffectClass.CREATE,
        errors=ERRORS,
        batch=Batch(of=create, items="credit_memos", max_size=MAX_LIST),
    )
    return (create, many) if settings.lists else (create,)


def _changes(settings: NetSuiteSettings) -> tuple[Action, ...]:
    horizon = settings.late_commit_horizon
    return (
        Action(
            name="update_customer",
            description="Changes fields of a customer that was read at `version`. If somebody changed the customer "
            "since, nothing is written: read it again and decide again.",
            request=models.UpdateCustomer,
            reply=models.Updated,
            effect=EffectClass.SET,
            identity=("customer_id", "version"),
            version="version",
            entity="customer_id",
            observation=Observation(
                "get_customer", lambda change: models.GetCustomer(customer_id=change.customer_id), "version"
            ),
            dedupe=NaturalKey(tuple(WRITABLE_FIELDS), pre_image=True),
            probe=fresh(),
            horizon=horizon,
            errors=ERRORS,
        ),
        Action(
            name="update_invoice_memo",
            description="Changes the memo of an invoice that was read at `version`. If somebody changed the invoice "
            "since, nothing is written: read it again and decide again.",
            request=models.UpdateInvoiceMemo,
            reply=models.Updated,
            effect=EffectClass.SET,
            identity=("invoice_id", "version"),
            version="version",
            entity="invoice_id",
            observation=Observation("get_invoice", _invoice, "version"),
            dedupe=NaturalKey(("memo",), pre_image=True),
            probe=fresh(),
            horizon=horizon,
            errors=ERRORS,
        ),
        Action(
            name="delete_credit_memo",
            description="Deletes a credit memo. NetSuite refuses it where the books are closed.",
            request=models.DeleteCreditMemo,
            reply=models.CreditMemoDeleted,
            effect=EffectClass.DELETE,
            identity=("credit_memo_id",),
            entity="credit_memo_id",
            dedupe=NaturalKey(("credit_memo_id",), pre_image=True),
            probe=fresh(),
            horizon=horizon,
            errors=ERRORS,
        ),
    )

"""The NetSuite profile of the SOAP connector on a simulated ERP."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

from ....connectors.soap.netsuite import models
from ....connectors.soap.netsuite.adapter import NetSuiteAdapter
from ....connectors.soap.netsuite.settings import NetSuiteSettings
from ....core.adapter import Adapter, Surroundings
from ...faults import Plan
from ...inprocess import InProcessTransport
from ...kinds import Lane
from ...soap import ErpSimulator
from ...soap.erp import OPERATIONS
from ...soap.kernel import TRAITS
from ...virtual_time import LoopClock
from ..entries import Wanted
from ..subject import Change, Reading, Sample, Sampler, Subject

_TOKEN = {
    "how": "token",
    "account": "TSTDRV1",
    "consumer_key": "seawall-app",
    "consumer_secret": "app-secret",
    "token": "seawall-token",
    "token_secret": "token-secret",
}
_ITEMS = 4  # credit memos in one list


class NetSuiteSubject(Subject):
    """Customers, invoices and credit memos."""

    name = "netsuite"
    lanes: ClassVar[Mapping[str, Lane]] = OPERATIONS
    traits = TRAITS
    batches: ClassVar[Collection[str]] = ErpSimulator.batches
    canaries: ClassVar[tuple[str, ...]] = (_TOKEN["consumer_secret"], _TOKEN["token_secret"])
    extra: ClassVar[Mapping[str, Any]] = {}
    """Further settings of the connector."""

    def target(self, plan: Plan, clock: LoopClock) -> ErpSimulator:
        """An ERP account."""
        return ErpSimulator(plan=plan, now=clock.now)

    def adapter(self, target: ErpSimulator, around: Surroundings) -> Adapter:
        """The connector, in this process."""
        settings = NetSuiteSettings.model_validate(
            {
                "wsdl": str(Path(__file__).parents[2] / "soap" / "erp.wsdl"),
                "url": "http://erp.example.com/services/ErpPort",
                "auth": _TOKEN,
                **self.extra,
            }
        )
        return NetSuiteAdapter.open(settings, around, transport=InProcessTransport(target), inline=True)

    def samples(self, target: ErpSimulator) -> Mapping[str, Sampler]:
        """Credit memos made and deleted, customers and invoices changed, read and found."""
        return {
            "create_credit_memo": lambda n: _create_memo(target, n),
            "create_credit_memos": lambda n: _create_memos(target, n),
            "update_customer": lambda n: _update_customer(target, n),
            "update_invoice_memo": lambda n: _update_invoice(target, n),
            "delete_credit_memo": lambda n: _delete_memo(target, n),
            "get_customer": lambda n: _get_customer(target, n),
            "get_invoice": lambda n: _get_invoice(target, n),
            "find_customers": lambda n: _find_customers(target, n),
        }

    def refusals(self, target: ErpSimulator) -> Mapping[str, Mapping[str, Sampler]]:  # noqa: ARG002 -- of what is not there
        """Records that do not exist."""
        delete = models.DeleteCreditMemo(credit_memo_id="999999")
        return {
            "get_customer": {"RCRD_DSNT_EXIST": lambda _: Sample(models.GetCustomer(customer_id="999999"))},
            "delete_credit_memo": {"RCRD_DSNT_EXIST": lambda _: Sample(delete)},
        }

    def look_alike(self, target: ErpSimulator, sample: Sample) -> bool:
        """A credit memo with the same memo that somebody else made."""
        request = sample.request
        if not isinstance(request, models.CreateCreditMemo):
            return False
        target.add_record("CreditMemo", {"entity": request.customer_id, "memo": request.memo})
        return True

    def remove(self, target: ErpSimulator, action: str, record: str) -> bool:
        """Delete a credit memo."""
        if action != "create_credit_memo":
            return False
        target.delete_record("CreditMemo", record)
        return True

    def change(self, target: ErpSimulator, sample: Sample, record: str, to: Change) -> bool:
        """Change a customer, an invoice or a credit memo."""
        match sample.request:
            case models.UpdateCustomer():
                contents = {"beside": {"companyName": "By Hand"}, "over": {"phone": "by hand"}}
            case models.UpdateInvoiceMemo():
                contents = {"beside": {"status": "Paid"}, "over": {"memo": "by hand"}}
            case models.CreateCreditMemo() | models.DeleteCreditMemo():
                contents = {"over": {"memo": "by hand"}}
            case _:
                return False
        wanted = sample.wanted[0]
        target.change_record(wanted.object, record, contents.get(to, dict(wanted.content)))
        return True


def _customer(target: ErpSimulator, n: int) -> str:
    return target.add_record("Customer", {"companyName": f"Firm {n}", "email": f"firm{n}@example.com"})


def _create_memo(target: ErpSimulator, n: int) -> Sample:
    customer, text = _customer(target, n), f"T{n:05d} sorry"
    memo = models.CreateCreditMemo(
        reference=f"return-{n}",
        customer_id=customer,
        lines=(models.CreditLine(item_id="3", amount=Decimal("12.50"), description="Nut"),),
        memo=text,
    )
    items = [{"item": "3", "description": "Nut", "amount": "12.50"}]
    content = {"memo": text, "entity": customer, "items": items, "total": "12.50"}
    return Sample(
        memo,
        (Wanted("CreditMemo", ("insert",), {"memo": f"T{n:05d}"}, content, ("externalId",)),),
        reworded=memo.model_copy(update={"lines": (models.CreditLine(item_id="4", amount=Decimal("1.00")),)}),
    )


def _create_memos(target: ErpSimulator, n: int) -> Sample:
    items = tuple(_create_memo(target, n * 100 + item) for item in range(_ITEMS))
    return Sample(lambda memos: models.CreateCreditMemos(credit_memos=tuple(memos)), items=items)


def _update_customer(target: ErpSimulator, n: int) -> Sample:
    customer = _customer(target, n)

    def change(phone: str) -> Sample:
        reading = Reading(
            "get_customer",
            models.GetCustomer(customer_id=customer),
            lambda seen: models.UpdateCustomer(customer_id=customer, version=seen.version, phone=phone),
        )
        wanted = Wanted("Customer", ("update",), {"id": customer}, {"phone": phone}, ())
        return Sample(None, (wanted,), after_reading=reading)

    return replace(change(f"T{n:05d}"), newer=change(f"N{n:05d}"))


def _update_invoice(target: ErpSimulator, n: int) -> Sample:
    invoice = target.add_record("Invoice", {"entity": _customer(target, n), "memo": "old"})

    def change(memo: str) -> Sample:
        reading = Reading(
            "get_invoice",
            models.GetInvoice(invoice_id=invoice),
            lambda seen: models.UpdateInvoiceMemo(invoice_id=invoice, version=seen.version, memo=memo),
        )
        wanted = Wanted("Invoice", ("update",), {"id": invoice}, {"memo": memo}, ())
        return Sample(None, (wanted,), after_reading=reading)

    return replace(change(f"T{n:05d}"), newer=change(f"N{n:05d}"))


def _delete_memo(target: ErpSimulator, n: int) -> Sample:
    memo = target.add_record("CreditMemo", {"entity": _customer(target, n)})
    return Sample(models.DeleteCreditMemo(credit_memo_id=memo), (Wanted("CreditMemo", ("delete",), {"id": memo}),))


def _get_customer(target: ErpSimulator, n: int) -> Sample:
    customer = _customer(target, n)
    return Sample(
        models.GetCustomer(customer_id=customer), reply={"customer_id": customer, "email": f"firm{n}@example.com"}
    )


def _get_invoice(target: ErpSimulator, n: int) -> Sample:
    invoice = target.add_record("Invoice", {"entity": _customer(target, n), "memo": f"Memo {n}"})
    return Sample(models.GetInvoice(invoice_id=invoice), reply={"invoice_id": invoice, "memo": f"Memo {n}"})


def _find_customers(target: ErpSimulator, n: int) -> Sample:
    _customer(target, n)
    return Sample(models.FindCustomers(email=f"firm{n}@example.com"), reply={"complete": True})

"""The generic SOAP connector, by its example's declared actions, on a simulated billing service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

from ....connectors.soap import example
from ....connectors.soap.adapter import SoapAdapter
from ....connectors.soap.settings import SoapSettings
from ....core.adapter import Adapter, Surroundings
from ...faults import Plan
from ...inprocess import InProcessTransport
from ...kinds import Lane
from ...soap import BillingSimulator
from ...soap.billing import OPERATIONS
from ...soap.kernel import TRAITS
from ...virtual_time import LoopClock
from ..entries import Wanted
from ..subject import Change, Sample, Sampler, Subject

WSDLS = Path(__file__).parents[2] / "soap"

_PASSWORD = "correct-horse-battery"  # noqa: S105 -- a simulator's; it is sent with every request, and asked for by none


class BillingSubject(Subject):
    """Credits that are booked and taken back, and texts that are sent."""

    name = "soap"
    lanes: ClassVar[Mapping[str, Lane]] = OPERATIONS
    traits = TRAITS
    canaries = (_PASSWORD,)

    def target(self, plan: Plan, clock: LoopClock) -> BillingSimulator:
        """A billing service with one account."""
        target = BillingSimulator(plan=plan, now=clock.now)
        target.add_account("A-1", "Acme")
        return target

    def adapter(self, target: BillingSimulator, around: Surroundings) -> Adapter:
        """The connector, in this process."""
        settings = SoapSettings.model_validate(
            {
                "wsdl": str(WSDLS / "billing.wsdl"),
                "url": "http://billing.example.com/billing",
                "actions": "seawall.connectors.soap.example",
                "auth": {"how": "basic", "username": "integration", "password": _PASSWORD},
            }
        )
        return SoapAdapter.open(settings, around, transport=InProcessTransport(target), inline=True)

    def samples(self, target: BillingSimulator) -> Mapping[str, Sampler]:
        """Credits booked and taken back, texts, and an account."""
        return {
            "book_credit": _book,
            "reverse_credit": lambda n: _reverse(target, n),
            "notify_customer": _notify,
            "get_account": lambda n: _get(target, n),
        }

    def refusals(self, target: BillingSimulator) -> Mapping[str, Mapping[str, Sampler]]:  # noqa: ARG002 -- of what is not there
        """Accounts and credits that do not exist."""

        def nobody(n: int) -> Sample:
            sample = _book(n)
            return replace(sample, request=sample.request.model_copy(update={"account_no": "nobody"}))

        reverse = example.ReverseCredit(creditNo="999999")
        return {
            "get_account": {"NO_SUCH_ACCOUNT": lambda _: Sample(example.GetAccount(accountNo="nobody"))},
            "book_credit": {"NO_SUCH_ACCOUNT": nobody},
            "reverse_credit": {"NO_SUCH_CREDIT": lambda _: Sample(reverse)},
        }

    def look_alike(self, target: BillingSimulator, sample: Sample) -> bool:
        """A credit of the same amount, with the same text, that somebody else booked."""
        request = sample.request
        if not isinstance(request, example.BookCredit):
            return False
        target.add_credit("A-1", "by hand", str(request.amount), text=request.text)
        return True

    def change(self, target: BillingSimulator, sample: Sample, record: str, to: Change) -> bool:  # noqa: ARG002 -- no versions
        """Write the text of a credit."""
        if not isinstance(sample.request, example.BookCredit):
            return False
        target.change_credit(record, text="by hand")
        return True

    def remove(self, target: BillingSimulator, action: str, record: str) -> bool:
        """Take a credit out of the books."""
        if action != "book_credit":
            return False
        with target.store.transaction(logged=False) as tx:
            tx.delete("Credit", record)
        return True


def _book(n: int) -> Sample:
    credit = example.BookCredit(
        reference=f"return-{n}", account_no="A-1", amount=Decimal(n) + Decimal("0.50"), currency="EUR", text=f"T{n:05d}"
    )
    content = {"accountNo": "A-1", "amount": f"{n}.50", "currency": "EUR", "text": f"T{n:05d}"}
    return Sample(
        credit,
        (Wanted("Credit", ("insert",), {"text": f"T{n:05d}"}, content, ("reference",)),),
        reworded=credit.model_copy(update={"amount": Decimal("0.01")}),
    )


def _reverse(target: BillingSimulator, n: int) -> Sample:
    credit = target.add_credit("A-1", f"old-{n}", "5.00")
    wanted = Wanted("Credit", ("update", "delete"), {"id": credit}, {"state": "reversed"}, ())
    return Sample(example.ReverseCredit(creditNo=credit), (wanted,))


def _notify(n: int) -> Sample:
    text = f"T{n:05d} is on its way"
    content = {"accountNo": "A-1", "text": text}
    return Sample(
        example.NotifyCustomer(accountNo="A-1", text=text),
        (Wanted("NotifyCustomer", ("invoke",), {"text": f"T{n:05d}"}, content, ()),),
    )


def _get(target: BillingSimulator, n: int) -> Sample:
    target.add_account(f"R-{n}", f"Firm {n}")
    return Sample(example.GetAccount(accountNo=f"R-{n}"), reply={"account_no": f"R-{n}", "name": f"Firm {n}"})

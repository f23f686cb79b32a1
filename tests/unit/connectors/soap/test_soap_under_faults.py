"""Every write under every fault of the simulated services, whose effect logs say what really happened.

The rules that must hold for any action and any fault: an acknowledged write is there; a refused one is not there,
ever; one in doubt is what the probe then says it is; and doing again what is allowed makes one of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from support.http_faults import HTTP_FAULTS, fault_id
from support.soap_erp import CREATE
from support.soap_world import BILLING_URL, ERP_URL, Test, World, in_an_erp, in_billing

from seawall.connectors.soap import example
from seawall.connectors.soap.netsuite import models
from seawall.core.adapter import Absent, CannotTell, Many, Present, Sent
from seawall.core.errors import IntegrationError


class Deed(NamedTuple):
    """A write: its action, the operation it is on the wire, how the system is set up, and what holds of it."""

    name: str
    operation: str
    adapter: Mapping[str, Any] = MappingProxyType({})
    unique: bool = False
    """Whether the target itself keeps a repetition away."""

    async def request(self, world: World) -> Any:
        if self.name == "book_credit":
            return example.BookCredit(
                reference="r1", account_no="A-1", amount=Decimal("1.50"), currency="EUR", text="Sorry"
            )
        customer = world.target.add_record("Customer", {"companyName": "Acme", "email": "ada@example.com"})
        match self.name:
            case "create_credit_memo":
                return CREATE.model_copy(update={"customer_id": customer})
            case "update_customer":
                seen = await world.customer(customer)
                return models.UpdateCustomer(
                    customer_id=customer, version=seen.version, phone="+49 30 1", email="x@y.de"
                )
            case "update_invoice_memo":
                invoice = world.target.add_record("Invoice", {"entity": customer, "memo": "x"})
                sent = await world.send("get_invoice", models.GetInvoice(invoice_id=invoice), key="")
                return models.UpdateInvoiceMemo(invoice_id=invoice, version=sent.value.version, memo="y\nz")
            case _:
                memo = world.target.add_record("CreditMemo", {"entity": customer})
                return models.DeleteCreditMemo(credit_memo_id=memo)

    def run(self, test: Test, *faults: dict[str, Any]) -> None:
        place = in_billing if self.name == "book_credit" else in_an_erp
        place(
            test, *({"match": {"operation": self.operation}, **fault} for fault in faults), adapter=dict(self.adapter)
        )


ERP_12 = {"port": "ErpPort12", "url": f"{ERP_URL}12", "lists": False}
BILLING_12 = {"port": "Billing12", "url": f"{BILLING_URL}12"}
DEEDS = [
    Deed("create_credit_memo", "add", unique=True),
    Deed("create_credit_memo", "add", ERP_12, unique=True),
    Deed("update_customer", "update"),
    Deed("update_invoice_memo", "update"),
    Deed("delete_credit_memo", "delete"),
    Deed("book_credit", "BookCredit"),
    Deed("book_credit", "BookCredit", BILLING_12),
]
FAULTS = [
    *HTTP_FAULTS,
    {"kind": "throttle", "point": "apply", "params": {"status": 403}},
    *(
        {"kind": "slow", "point": point, "params": {"seconds": 20, "locks": True}}
        for point in ("apply", "after_commit")
    ),
    *(
        {"kind": "late_commit", "point": "later", "params": {"delay": 40, "reply": reply, "locks": True}}
        for reply in ("hang", "504", "reset")
    ),
]


def told(value: Any) -> str | None:
    if isinstance(value, Deed):
        return f"{value.name} ({value.adapter['port']})" if value.adapter else value.name
    return fault_id(value) if isinstance(value, dict) and "kind" in value else None


@pytest.mark.parametrize("deed", DEEDS, ids=told)
def test_without_faults_a_write_is_there_once_and_its_probe_finds_it(deed: Deed) -> None:
    async def test(world: World) -> None:
        request = await deed.request(world)
        assert isinstance(await world.probe(deed.name, request), Absent)
        sent = await world.send(deed.name, request)
        assert isinstance(sent, Sent)
        assert world.truth() == 1
        assert next(iter(world.target.effects)).record_id == sent.record
        await world.target.settle()
        found = await world.probe(deed.name, request)
        assert isinstance(found, Present)
        assert (found.record, found.value, found.differs) == (sent.record, sent.value, ())

    deed.run(test)


@pytest.mark.case(1)
@pytest.mark.case(3)
@pytest.mark.case(10)
@pytest.mark.case(11)
@pytest.mark.case(42)
@pytest.mark.case(43)
@pytest.mark.case(44)
@pytest.mark.parametrize("fault", FAULTS, ids=told)
@pytest.mark.parametrize("deed", DEEDS, ids=told)
def test_under_a_fault_what_is_said_is_true_and_what_is_in_doubt_can_be_settled(
    deed: Deed, fault: dict[str, Any]
) -> None:
    async def test(world: World) -> None:
        request = await deed.request(world)
        said: Any
        try:
            said = await world.send(deed.name, request)
        except IntegrationError as error:
            said = error
        if isinstance(said, Sent):
            assert world.truth() >= 1
        await world.target.settle()
        happened = world.truth()
        if isinstance(said, IntegrationError) and said.effect == "none":
            assert happened == 0
        found = await world.probe(deed.name, request)
        match happened:
            case 0:
                assert isinstance(found, Absent)
            case 1:
                assert isinstance(found, Present)
                assert found.differs == ()
            case _:
                # Delivered twice where nothing unique is written.
                assert fault["kind"] == "duplicate_delivery"
                assert not deed.unique
                assert isinstance(found, Many if deed.name == "book_credit" else Present)
                return
        if isinstance(found, Absent):
            assert isinstance(await world.send(deed.name, request, maybe_applied=True), Sent)
        elif deed.unique or deed.name.startswith(("update", "delete")):
            sent = await world.send(deed.name, request, maybe_applied=True, number=2)
            assert sent.facts.get("already_there") or sent.facts.get("already_gone")
        assert world.truth() == 1

    deed.run(test, {"trigger": {"first": 1}, **fault})


@pytest.mark.case(10)
def test_a_second_delivery_of_a_credit_memo_is_refused_by_the_account_itself() -> None:
    async def test(world: World) -> None:
        request = await DEEDS[0].request(world)
        sent = await world.send("create_credit_memo", request)
        assert sent.facts["already_there"]
        assert world.truth() == 1

    DEEDS[0].run(test, {"kind": "duplicate_delivery", "point": "apply", "params": {"answer": "second"}})


def test_an_update_by_somebody_else_meanwhile_is_not_taken_for_ours() -> None:
    async def test(world: World) -> None:
        request = await DEEDS[2].request(world)
        with pytest.raises(IntegrationError):
            await world.send("update_customer", request)
        world.target.change_record("Customer", request.customer_id, {"phone": "0"})
        assert isinstance(await world.probe("update_customer", request), CannotTell)

    DEEDS[2].run(test, {"kind": "reset", "point": "apply", "trigger": {"first": 1}})

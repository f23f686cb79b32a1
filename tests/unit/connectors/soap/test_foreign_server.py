"""The billing example against a SOAP server that is not ours, judged by that server's own journal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from support.foreign_soap import BILLING_WSDL, ForeignServer, foreign_server
from support.soap import KEY, OTHER_KEY, attempt

from seawall.connectors.soap import example
from seawall.connectors.soap.adapter import SoapAdapter
from seawall.connectors.soap.settings import SoapSettings
from seawall.core.adapter import Absent, Present, Sent, Surroundings
from seawall.core.errors import CommitUnknown, IntegrationError

BOOK = example.BookCredit(reference="r1", account_no="A1", amount=Decimal("1.50"), currency="EUR", text='a < b & "c" ü')


@pytest.fixture(scope="module")
def server() -> Iterator[ForeignServer]:
    with foreign_server() as running:
        yield running


@asynccontextmanager
async def adapter(server: ForeignServer, **settings: Any) -> AsyncIterator[SoapAdapter]:
    given = {
        "wsdl": str(BILLING_WSDL),
        "url": f"{server.url}/billing",
        "actions": "seawall.connectors.soap.example",
        **settings,
    }
    opened = SoapAdapter.open(SoapSettings.model_validate(given), Surroundings("billing"))
    try:
        yield opened
    finally:
        await opened.close()


def with_key(server: ForeignServer, key: str) -> list[dict[str, Any]]:
    return [one for one in server.booked() if one["reference"] == key]


async def test_a_credit_is_booked_once_with_its_content_and_found_again(server: ForeignServer) -> None:
    async with adapter(server) as billing:
        action = billing.actions["book_credit"]
        key = f"{KEY[:-3]}one"
        assert isinstance(await billing.probe(action, attempt(BOOK, key)), Absent)
        sent = await billing.send(action, attempt(BOOK, key))
        assert isinstance(sent, Sent)
        (booked,) = with_key(server, key)
        assert (str(booked["creditNo"]), booked["text"]) == (sent.record, BOOK.text)
        found = await billing.probe(action, attempt(BOOK, key))
        assert isinstance(found, Present)
        assert (found.record, found.differs) == (sent.record, ())


@pytest.mark.case(1)
@pytest.mark.parametrize("how", ["lose", "hang"])
async def test_a_reply_that_is_lost_after_the_booking_is_in_doubt_and_the_probe_finds_it(
    server: ForeignServer, how: str
) -> None:
    async with adapter(server) as billing:
        action = billing.actions["book_credit"]
        key = f"{OTHER_KEY[:-4]}{how}"
        server.spoil(**{how: 1})
        with pytest.raises(IntegrationError) as raised:
            await billing.send(action, attempt(BOOK, key, timeout=1.0))
        assert raised.value.effect == "maybe"
        assert len(with_key(server, key)) == 1
        assert isinstance(await billing.probe(action, attempt(BOOK, key)), Present)


@pytest.mark.case(43)
async def test_a_fault_under_200_is_read_by_its_code(server: ForeignServer) -> None:
    async with adapter(server) as billing:
        unknown = BOOK.model_copy(update={"account_no": "A-unknown"})
        before = len(server.booked())
        with pytest.raises(IntegrationError) as raised:
            await billing.send(billing.actions["book_credit"], attempt(unknown, f"{KEY[:-4]}none"))
        assert raised.value.evidence["status"] == 200
        assert raised.value.effect == "none"
        assert len(server.booked()) == before


async def test_a_text_without_an_answer_was_taken_but_is_in_doubt(server: ForeignServer) -> None:
    async with adapter(server) as billing:
        with pytest.raises(CommitUnknown):
            await billing.send(
                billing.actions["notify_customer"], attempt(example.NotifyCustomer(accountNo="A1", text="hello"))
            )
        assert "hello" in [one["text"] for one in server.notified()]


async def test_its_own_wsdl_is_read_from_it(server: ForeignServer) -> None:
    async with adapter(server, wsdl=f"{server.url}/billing?wsdl") as billing:
        assert await billing.check() == []
        account = await billing.send(
            billing.actions["get_account"], attempt(example.GetAccount(accountNo="A1"), key="")
        )
        assert account.value.account_no == "A1"

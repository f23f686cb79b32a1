"""The foreign server that the connector is tested with does what its journal says."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import requests
import zeep
import zeep.exceptions
from support.foreign_soap import foreign_server

from .conftest import enveloped, posted

Client: Any = zeep.Client


def refused_by(url: str) -> requests.Response:
    """A fault as it goes over the wire: this server sends it with 200 unless it is told another status."""
    body = enveloped('<GetAccount xmlns="urn:billing.example"><accountNo>A9</accountNo></GetAccount>')
    answer = posted(url, "billing", body, SOAPAction="urn:billing.example/GetAccount")
    assert "Fault>" in answer.text
    return answer


def test_the_foreign_server_books_faults_and_loses_answers() -> None:
    with foreign_server() as server:
        port = Client(f"{server.url}/billing?wsdl").create_service(
            "{urn:billing.example}Billing11", f"{server.url}/billing"
        )
        booked = port.BookCredit(accountNo="A1", reference="r1", amount=Decimal("1.10"), currency="EUR")
        assert booked.newBalance == Decimal("101.10")
        with pytest.raises(zeep.exceptions.Fault, match="There is no account A9"):
            port.GetAccount(accountNo="A9")
        assert refused_by(server.url).status_code == 200
        server.spoil(lose=1)
        with pytest.raises(requests.ConnectionError):
            port.BookCredit(accountNo="A1", reference="r2", amount=Decimal("1.10"), currency="EUR")
        assert [one.reference for one in port.FindCredits(reference="r2")] == ["r2"]
        assert [one["reference"] for one in server.booked()] == ["r1", "r2"]

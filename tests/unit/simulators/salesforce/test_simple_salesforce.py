"""simple-salesforce, a client that many use, unmodified against the running simulator over TLS.

It speaks HTTPS to hosts under salesforce.com only; a `requests` adapter stands in for the DNS that would lead there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceMalformedRequest,
    SalesforceMoreThanOneRecord,
    SalesforceRefusedRequest,
    SalesforceResourceNotFound,
)
from simple_salesforce.login import SalesforceLogin

from seawall.simulators.salesforce import Client, CustomField, SalesforceSettings, SalesforceSimulator, User
from seawall.simulators.server import Certificate, serve_in_thread

USER = "ada@example.com"
_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_PRIVATE = _KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()
_PUBLIC = (
    _KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
)
SETTINGS = SalesforceSettings(
    users=(User(username=USER, password="secret", security_token="TOKEN"),),
    clients=(
        Client(client_id="app", client_secret="s3cret", username=USER),
        Client(client_id="signer", username=USER, public_keys=(_PUBLIC,)),
    ),
    custom_fields={
        "Case": (
            CustomField(name="Seawall_Key__c", external_id=True, unique=True),
            CustomField(name="Order__c", external_id=True),
        )
    },
    page_size=3,
    daily_limit=500,
)


class ToSimulator(HTTPAdapter):
    """Leads requests for salesforce.com to the simulator."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._host = urlsplit(url).netloc

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        parts = urlsplit(str(request.url))
        request.url = parts._replace(netloc=self._host).geturl()
        return super().send(request, *args, **kwargs)


class Setup:
    """A running org and a session that trusts and finds it."""

    def __init__(self, org: SalesforceSimulator, url: str, session: requests.Session) -> None:
        self.org = org
        self.url = url
        self.session = session


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[Setup]:
    certificate = Certificate.make(tmp_path)
    org = SalesforceSimulator(SETTINGS)
    with serve_in_thread(org, tls=certificate) as url, requests.Session() as session:
        session.trust_env = False  # an environment that names a CA bundle would win over `verify`
        session.verify = certificate.certfile
        session.mount("https://login.salesforce.com", ToSimulator(url))
        session.mount("https://acme.my.salesforce.com", ToSimulator(url))
        yield Setup(org, url, session)


@pytest.fixture
def sf(setup: Setup) -> Any:
    """A client that logged in with a password over SOAP."""
    return Salesforce(username=USER, password="secret", security_token="TOKEN", session=setup.session)


LOGINS: dict[str, dict[str, Any]] = {
    "SOAP": {"username": USER, "password": "secret", "security_token": "TOKEN"},
    "SOAP by organization": {"username": USER, "password": "secretTOKEN", "organizationId": "00D"},
    "OAuth password": {"username": USER, "password": "secret", "consumer_key": "app", "consumer_secret": "s3cret"},
    "client credentials": {"consumer_key": "app", "consumer_secret": "s3cret", "domain": "acme.my"},
    "JWT": {"username": USER, "consumer_key": "signer", "privatekey": _PRIVATE},
}


@pytest.mark.parametrize("login", LOGINS.values(), ids=LOGINS)
def test_every_login_leads_to_a_client_that_works(setup: Setup, login: dict[str, Any]) -> None:
    client: Any = Salesforce(session=setup.session, **login)
    assert client.sf_instance == urlsplit(setup.url).netloc
    assert client.limits()["DailyApiRequests"]["Max"] == 500
    assert client.query("SELECT COUNT() FROM Case")["totalSize"] == 0
    assert client.api_usage["api-usage"].total == 500


def test_login_by_url_needs_no_adapter(setup: Setup) -> None:
    session_id, instance = SalesforceLogin(
        username=USER, password="secret", security_token="TOKEN", session=setup.session, scratch_url=setup.url
    )
    client: Any = Salesforce(session_id=session_id, instance_url=f"https://{instance}", session=setup.session)
    assert client.Case.create({"Subject": "A"})["success"]


def test_wrong_password_is_told_as_such(setup: Setup) -> None:
    with pytest.raises(SalesforceAuthenticationFailed) as refused:
        Salesforce(username=USER, password="wrong", security_token="", session=setup.session)
    assert "INVALID_LOGIN" in str(refused.value)
    with pytest.raises(SalesforceAuthenticationFailed, match="invalid_client"):
        Salesforce(consumer_key="app", consumer_secret="x", domain="acme.my", session=setup.session)


def test_record_lives_from_create_to_delete(setup: Setup, sf: Any) -> None:
    made = sf.Case.create({"Subject": "Zoë's printer"})
    assert made == {"id": made["id"], "success": True, "errors": []}
    assert sf.Case.update(made["id"], {"Status": "Closed"}) == 204
    assert sf.Case.get(made["id"])["IsClosed"] is True
    assert sf.Case.delete(made["id"]) == 204
    with pytest.raises(SalesforceResourceNotFound):
        sf.Case.get(made["id"])
    assert [e.kind for e in setup.org.effects] == ["insert", "update", "delete"]


def test_upsert_and_read_by_external_id(setup: Setup, sf: Any) -> None:
    assert sf.Case.upsert("Seawall_Key__c/k%2F1", {"Subject": "A"}) == 201
    assert sf.Case.upsert("Seawall_Key__c/k%2F1", {"Subject": "B"}) == 200
    assert sf.Case.get_by_custom_id("Seawall_Key__c", "k/1")["Subject"] == "B"
    assert [e.kind for e in setup.org.effects] == ["insert", "update"]


def test_several_records_of_an_external_id_raise(setup: Setup, sf: Any) -> None:
    for _ in range(2):
        setup.org.add_record("Case", {"Order__c": "A-7"})
    with pytest.raises(SalesforceMoreThanOneRecord):
        sf.Case.upsert("Order__c/A-7", {"Subject": "A"})


def test_query_all_follows_every_page(sf: Any) -> None:
    for number in range(8):
        sf.Case.create({"Subject": f"S{number}"})
    found = sf.query_all("SELECT Id, Subject FROM Case WHERE Subject LIKE 'S%' ORDER BY Subject")
    assert [row["Subject"] for row in found["records"]] == [f"S{number}" for number in range(8)]
    assert sf.query("SELECT Id FROM Case")["done"] is False
    sf.Case.delete(found["records"][0]["Id"])
    assert len(list(sf.query_all_iter("SELECT Id FROM Case", include_deleted=True))) == 8


def test_refusals_become_the_clients_own_exceptions(setup: Setup, sf: Any) -> None:
    with pytest.raises(SalesforceMalformedRequest, match="MALFORMED_QUERY"):
        sf.query("SELECT nonsense")
    with pytest.raises(SalesforceMalformedRequest, match="INVALID_FIELD"):
        sf.Case.create({"Foo": 1})
    setup.org.org.usage.used = 500
    with pytest.raises(SalesforceRefusedRequest, match="REQUEST_LIMIT_EXCEEDED"):
        sf.Case.create({"Subject": "A"})


def test_collections_composite_and_flows_work_through_restful(setup: Setup, sf: Any) -> None:
    records = [{"attributes": {"type": "Case"}, "Subject": str(n)} for n in range(3)]
    made = sf.restful("composite/sobjects", method="POST", json={"allOrNone": False, "records": records})
    assert [item["success"] for item in made] == [True] * 3
    part = {"method": "POST", "url": "/services/data/v59.0/sobjects/Task", "referenceId": "t", "body": {}}
    answer = sf.restful("composite", method="POST", json={"compositeRequest": [part]})
    assert answer["compositeResponse"][0]["httpStatusCode"] == 201
    flow = {"inputs": [{"caseId": made[0]["id"]}]}
    assert sf.restful("actions/custom/flow/Escalate_Case", method="POST", json=flow)[0]["isSuccess"]
    assert [e.kind for e in setup.org.effects] == ["insert"] * 4 + ["invoke"]


def test_objects_are_described(sf: Any) -> None:
    assert "Case" in {obj["name"] for obj in sf.describe()["sobjects"]}
    assert sf.Case.metadata()["objectDescribe"]["name"] == "Case"
    assert "Subject" in {field["name"] for field in sf.Case.describe()["fields"]}
    assert sf.oauth2("userinfo")["preferred_username"] == USER


def test_client_logs_in_again_when_its_session_ends(setup: Setup, sf: Any) -> None:
    setup.org.org.sessions.end_all()
    assert sf.Case.create({"Subject": "A"})["success"]
    assert len(setup.org.effects) == 1

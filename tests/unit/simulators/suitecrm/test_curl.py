"""curl against the running simulator, with the calls that the vendor's pages show.

Pages: "API v4.1" (accounts of a city with their contacts, by a form that PHP's curl sends as multipart) and "JSON API"
of docs.suitecrm.com.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from support.needed import missing

from seawall.simulators.server import serve_in_thread
from seawall.simulators.suitecrm import SuiteCrmSimulator

CLIENT = "5ea00000-0000-4000-8000-00000000c001"


@pytest.fixture
def suite() -> Iterator[tuple[SuiteCrmSimulator, str]]:
    """A running instance and its URL."""
    simulator = SuiteCrmSimulator()
    with serve_in_thread(simulator) as url:
        yield simulator, url
    simulator.close()


def curl(*args: str) -> Any:
    """What curl prints, as JSON."""
    program = shutil.which("curl")
    if program is None:
        missing("curl is not installed")
    run = subprocess.run([program, "-sS", *args], capture_output=True, text=True, timeout=60, check=True)
    return json.loads(run.stdout)


def rest(url: str, method: str, arguments: dict[str, Any]) -> Any:
    """One call of v4_1 as a multipart form."""
    form = {"method": method, "input_type": "JSON", "response_type": "JSON", "rest_data": json.dumps(arguments)}
    return curl(*(part for name, value in form.items() for part in ("-F", f"{name}={value}")), url)


def test_curl_logs_in_saves_and_lists_accounts_of_a_city_with_their_contacts(
    suite: tuple[SuiteCrmSimulator, str],
) -> None:
    simulator, base = suite
    url = f"{base}/service/v4_1/rest.php"
    password = hashlib.md5(b"correct-horse").hexdigest()
    user = {"user_name": "integration", "password": password}
    login = rest(
        url, "login", {"user_auth": user, "application_name": "My SuiteCRM REST Client", "name_value_list": []}
    )
    session = login["id"]
    assert login["name_value_list"]["user_name"]["value"] == "integration"
    ids = {}
    for module, values in (
        ("Accounts", {"name": 'Buckeye & Sons\' "Oil"', "billing_address_city": "Ohio"}),
        ("Contacts", {"first_name": "Jane", "last_name": "Doe"}),
    ):
        pairs = [{"name": name, "value": value} for name, value in values.items()]
        answer = rest(url, "set_entry", {"session": session, "module_name": module, "name_value_list": pairs})
        ids[module] = answer["id"]
    rest(
        url,
        "set_relationship",
        {
            "session": session,
            "module_name": "Accounts",
            "module_id": ids["Accounts"],
            "link_field_name": "contacts",
            "related_ids": [ids["Contacts"]],
            "name_value_list": [],
            "delete": 0,
        },
    )
    found = rest(
        url,
        "get_entry_list",
        {
            "session": session,
            "module_name": "Accounts",
            "query": "accounts.billing_address_city = 'Ohio'",
            "order_by": "",
            "offset": 0,
            "select_fields": ["id", "name"],
            "link_name_to_fields_array": [{"name": "contacts", "value": ["first_name", "last_name"]}],
            "max_results": 10,
            "deleted": 0,
        },
    )
    assert (found["result_count"], found["total_count"], found["next_offset"]) == (1, "1", 1)
    name = found["entry_list"][0]["name_value_list"]["name"]["value"]
    assert name == "Buckeye & Sons&#039; &quot;Oil&quot;"
    contact = found["relationship_list"][0]["link_list"][0]["records"][0]["link_value"]
    assert {field: value["value"] for field, value in contact.items()} == {"first_name": "Jane", "last_name": "Doe"}
    assert [(e.kind, e.object) for e in simulator.effects] == [
        ("insert", "Accounts"),
        ("insert", "Contacts"),
        ("update", "Contacts"),
    ]


def test_curl_gets_a_token_and_keeps_a_record_over_json_api(suite: tuple[SuiteCrmSimulator, str]) -> None:
    simulator, base = suite
    grant = {"grant_type": "client_credentials", "client_id": CLIENT, "client_secret": "seawall-secret"}
    json_api = ("-H", "Content-type: application/vnd.api+json", "-H", "Accept: application/vnd.api+json")
    token = curl(*json_api, "-d", json.dumps(grant), f"{base}/Api/access_token")
    assert (token["token_type"], token["expires_in"]) == ("Bearer", 3600)
    bearer = (*json_api, "-H", f"Authorization: Bearer {token['access_token']}")
    new = {"data": {"type": "Accounts", "attributes": {"name": "Test account"}}}
    made = curl(*bearer, "-d", json.dumps(new), f"{base}/Api/V8/module")["data"]
    assert made["type"] == "Account"
    change = {"data": {"type": "Accounts", "id": made["id"], "attributes": {"name": "Changed account"}}}
    curl(*bearer, "-X", "PATCH", "-d", json.dumps(change), f"{base}/Api/V8/module")
    asked = (
        "fields[Accounts]=name,account_type&page[size]=4&page[number]=1&sort=-name&filter[name][eq]=Changed%20account"
    )
    found = curl("-g", *bearer, f"{base}/Api/V8/module/Accounts?{asked}")
    assert found["data"][0]["attributes"] == {"name": "Changed account", "account_type": ""}
    assert found["meta"] == {"total-pages": 1, "records-on-this-page": 1}
    gone = curl(*bearer, "-X", "DELETE", f"{base}/Api/V8/module/Accounts/{made['id']}")
    assert gone["meta"]["message"] == f"Record with id {made['id']} is deleted"
    assert [e.kind for e in simulator.effects] == ["insert", "update", "delete"]

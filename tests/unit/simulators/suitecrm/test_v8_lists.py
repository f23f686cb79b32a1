"""Lists, links and metadata over v8."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from support.instance import DATABASE_FAILURE, Client, connected, detail


async def filled(crm: Client) -> None:
    for name, status in (("A's", "Open_New"), ("b", "Closed"), ("C", "Open_New")):
        await crm.create(name=name, status=status, seawall_key_c=f"sw-{name}")


async def listed(crm: Client, **params: str) -> httpx.Response:
    return await crm.v8("GET", "/module/Cases", params={"fields[Cases]": "name", **params})


def names(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [record["attributes"]["name"] for record in answer.json()["data"]]


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({}, ["A&#039;s", "b", "C"]),
        ({"filter[name][eq]": "B"}, ["b"]),
        ({"filter[name][eq]": "A's"}, ["A&#039;s"]),
        ({"filter[seawall_key_c][eq]": "sw-b"}, ["b"]),
        ({"filter[name][neq]": "b"}, ["A&#039;s", "C"]),
        ({"filter[name][like]": "%S"}, ["A&#039;s"]),
        ({"filter[case_number][gt]": "1", "filter[case_number][lte]": "2"}, ["b"]),
        ({"filter[case_number][lt]": "2"}, ["A&#039;s"]),
        ({"filter[case_number][gte]": "3"}, ["C"]),
        ({"filter[name][eq]": "b", "filter[status][eq]": "Open_New"}, []),
        ({"filter[operator]": "or", "filter[name][eq]": "b", "filter[status][eq]": "Open_New"}, ["A&#039;s", "b", "C"]),
        ({"sort": "-name"}, ["C", "b", "A&#039;s"]),
        ({"sort": "name"}, ["A&#039;s", "b", "C"]),
        ({"filter[deleted][eq]": "1"}, ["gone"]),
        ({"filter[deleted][eq]": "0"}, ["A&#039;s", "b", "C"]),
    ],
)
async def test_filter_and_sort_find_their_records(crm: Client, params: dict[str, str], found: list[str]) -> None:
    await filled(crm)
    crm.suite.change_record("Cases", crm.suite.add_record("Cases", {"name": "gone"}), {"deleted": 1})
    assert names(await listed(crm, **params)) == found


async def test_pages_are_numbered_and_linked(crm: Client) -> None:
    await filled(crm)
    answer = await listed(crm, **{"page[size]": "1", "page[number]": "2", "sort": "name"})
    assert names(answer) == ["b"]
    body = answer.json()
    assert body["meta"] == {"total-pages": 3, "records-on-this-page": 1}
    assert set(body["links"]) == {"first", "prev", "next", "last"}
    followed = await crm.http.get(f"/Api{body['links']['next']}")
    assert names(followed) == ["C"]
    assert set(followed.json()["links"]) == {"first", "prev"}
    beyond = await listed(crm, **{"page[size]": "1", "page[number]": "9"})
    assert beyond.json() == {"data": []}


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"filter[nonsense][eq]": "x"}, "Filter field nonsense in Case module is not found"),
        ({"filter[name][almost]": "x"}, "Filter operator almost is invalid"),
        ({"filter[operator]": "xor"}, "Filter operator xor is invalid"),
        ({"filter[name]": "x"}, "Filter field name must be an array"),
        ({"sort": "nonsense"}, "Sort field nonsense in Case module is not found"),
        ({"page[size]": "0"}, 'The option "size" with value "0" is invalid.'),
        ({"page[number]": "x"}, 'The option "number" with value "x" is invalid.'),
        ({"fields[Cases]": "x,y"}, "The following fields in Case module are not found: x, y"),
    ],
)
async def test_what_cannot_be_asked_is_a_400(crm: Client, params: dict[str, str], text: str) -> None:
    assert detail(await listed(crm, **params)) == (400, text)


async def test_address_is_no_column_and_the_database_fails_behind_the_json(crm: Client) -> None:
    answer = await crm.v8("GET", "/module/Contacts", params={"filter[email1][eq]": "jane@example.com"})
    assert answer.status_code == 400
    assert answer.text.startswith("{")
    assert answer.text.endswith(DATABASE_FAILURE)


async def related(crm: Client, method: str, path: str, other: tuple[str, str] | None = None) -> Any:
    how = {} if other is None else {"json": {"data": {"type": other[0], "id": other[1]}}}
    return await crm.v8(method, path, **how)


@pytest.mark.parametrize("end", ["", "/contacts"])
async def test_relationship_is_made_seen_and_taken_away(crm: Client, end: str) -> None:
    case, contact = await crm.set_entry(name="A"), await crm.set_entry("Contacts", last_name="Doe")
    path = f"/module/Cases/{case}/relationships"
    for _ in range(2):
        made = await related(crm, "POST", f"{path}{end}", ("Contacts", contact))
        assert made.status_code == 201
        message = f"Contact with id {contact} has been added to Case with id {case}"
        assert made.json() == {"meta": {"message": message}}
    seen = await related(crm, "GET", f"{path}/contacts")
    assert [(r["type"], r["id"]) for r in seen.json()["data"]] == [("Contact", contact)]
    assert (await related(crm, "DELETE", f"{path}/contacts/{contact}")).status_code == 200
    none = "There is no relationship set in Case module with contacts link field"
    assert (await related(crm, "GET", f"{path}/contacts")).json() == {"meta": {"message": none}}
    assert detail(await related(crm, "DELETE", f"{path}/contacts/{contact}")) == (
        400,
        f"Module with {contact} id is not related to Case",
    )
    assert crm.happened("contacts_cases") == ["insert", "delete"]


async def test_relationship_with_what_is_not_there_is_a_400(crm: Client) -> None:
    case = await crm.set_entry(name="A")
    nobody = "11111111-2222-4333-8444-555555555555"
    path = f"/module/Cases/{case}/relationships"
    missing = await related(crm, "POST", path, ("Contacts", nobody))
    assert detail(missing) == (400, f"Contacts module with id {nobody} is not found")
    assert (await related(crm, "GET", f"{path}/nonsense")).status_code == 400
    assert (await related(crm, "POST", path, ("Cases", case))).status_code == 400
    assert (await related(crm, "POST", path)).status_code == 400
    assert (await related(crm, "POST", f"{path}/notes", ("Cases", case))).status_code == 400
    assert len(crm.suite.effects) == 1


async def test_metadata_lists_modules_and_fields() -> None:
    async with connected(users=[{"denied": ["Tasks", "Cases.save"]}]) as crm:
        modules = (await crm.v8("GET", "/meta/modules")).json()["data"]["attributes"]
        assert "Tasks" not in modules
        assert modules["Cases"]["access"] == ["access", "view", "list", "delete"]
        fields = (await crm.v8("GET", "/meta/fields/Cases")).json()["data"]["attributes"]
        assert fields["seawall_key_c"] == {"type": "varchar", "dbType": "varchar", "required": False, "len": "64"}
        assert (await crm.v8("GET", "/meta/fields/Tasks")).status_code == 400
        assert (await crm.v8("GET", "/meta/fields/Nonsense")).status_code == 400
